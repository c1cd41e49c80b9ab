//! Catalog items of developer portals and their documentation: `organizations.sites.apidocs`.
//!
//! The server numbers the items; a portal has at most one for a product, and its product cannot be changed. Not documented, chosen here: the
//! product must exist, and every portal exists.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api_product::exist;
use super::call::{Answer, Call, find, find_mut, take};
use super::limits;
use super::message::{LIST, Message, Object, Type, require, set, text};
use super::{ConfigState, Route, parameter};
use crate::fault::Fault;
use apigee_flux_model::limits::texts;

pub(super) const ROUTES: &[Route] = &[
    Route::get("sites/{site}/apidocs", list).query(parameter::PAGE),
    Route::post("sites/{site}/apidocs", create).json(&API_DOC),
    Route::get("sites/{site}/apidocs/{doc}", get),
    Route::put("sites/{site}/apidocs/{doc}", update).json(&API_DOC),
    Route::delete("sites/{site}/apidocs/{doc}", delete),
    Route::get("sites/{site}/apidocs/{doc}/documentation", get_documentation),
    Route::patch("sites/{site}/apidocs/{doc}/documentation", update_documentation).json(&DOCUMENTATION),
];

/// A catalog item.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Item {
    /// `GoogleCloudApigeeV1ApiDoc`.
    doc: Object,
    /// `GoogleCloudApigeeV1ApiDocDocumentation`.
    documentation: Object,
}

const API_DOC: Message = Message {
    name: "api_doc",
    fields: &[
        ("title", Type::Text),
        ("description", Type::Text),
        ("apiProductName", Type::Text),
        ("edgeAPIProductName", Type::Text),
        ("anonAllowed", Type::Bool),
        ("published", Type::Bool),
        ("visibility", Type::Bool),
        ("requireCallbackUrl", Type::Bool),
        ("categoryIds", LIST),
        ("imageUrl", Type::Text),
        ("graphqlEndpointUrl", Type::Text),
        ("graphqlSchema", Type::Text),
        ("graphqlSchemaDisplayName", Type::Text),
        ("specId", Type::Text),
        ("id", Type::Output),
        ("siteId", Type::Output),
        ("modified", Type::Output),
    ],
};

const FILE: Message =
    Message { name: "documentation_file", fields: &[("displayName", Type::Text), ("contents", Type::Text)] };

const OAS: Message =
    Message { name: "oas_documentation", fields: &[("spec", Type::Nested(&FILE)), ("format", Type::Output)] };

const ASYNC_API: Message = Message { name: "async_api_documentation", fields: &[("spec", Type::Nested(&FILE))] };

const GRAPHQL: Message =
    Message { name: "graphql_documentation", fields: &[("schema", Type::Nested(&FILE)), ("endpointUri", Type::Text)] };

const DOCUMENTATION: Message = Message {
    name: "api_doc_documentation",
    fields: &[
        ("oasDocumentation", Type::Nested(&OAS)),
        ("graphqlDocumentation", Type::Nested(&GRAPHQL)),
        ("asyncApiDocumentation", Type::Nested(&ASYNC_API)),
    ],
};

fn items<'a>(config: &'a mut ConfigState, call: &Call) -> &'a mut BTreeMap<String, Item> {
    config.sites.entry(call.parameter("site").to_owned()).or_default()
}

fn item<'a>(config: &'a mut ConfigState, call: &Call) -> Result<&'a mut Item, Fault> {
    find_mut(items(config, call), call, "apidocs", call.parameter("doc"))
}

fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (page, next) = call.page(items(config, call), 25, 100)?;
    let list: Vec<Value> = page.into_iter().map(|(_, item)| Value::Object(item.doc.clone())).collect();
    Ok(Answer::value(json!({"status": "success", "message": "apidocs returned", "data": list, "nextPageToken": next})))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    limits::check(&texts::SITE, "site", call.parameter("site"))?;
    let mut doc = call.read(&API_DOC)?;
    check(&doc)?;
    let product = text(&doc, "apiProductName").to_owned();
    exist(config, std::slice::from_ref(&product))?;
    if items(config, call).values().any(|other| text(&other.doc, "apiProductName") == product) {
        return Err(Fault::resource_exists(&format!("{} of the API product {product}", call.path)));
    }
    config.sequence += 1;
    let id = config.sequence.to_string();
    set(&mut doc, "id", id.as_str());
    set(&mut doc, "siteId", call.parameter("site"));
    set(&mut doc, "modified", call.now.to_string());
    let answer = data("apidoc created", &doc);
    items(config, call).insert(id, Item { doc, documentation: Object::new() });
    Ok(answer)
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(data("apidoc returned", &find(items(config, call), call, "apidocs", call.parameter("doc"))?.doc))
}

/// Replaces the item: fields that the request omits are removed.
fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let mut new = call.read(&API_DOC)?;
    check(&new)?;
    let item = item(config, call)?;
    let (old, wanted) = (text(&item.doc, "apiProductName"), text(&new, "apiProductName"));
    if old != wanted {
        return Err(Fault::invalid_argument(format!(
            "api_doc.apiProductName is {old} and cannot be changed to {wanted}: delete the catalog item and create it again"
        )));
    }
    for field in ["id", "siteId"] {
        set(&mut new, field, text(&item.doc, field));
    }
    set(&mut new, "modified", call.now.to_string());
    item.doc = new;
    Ok(data("apidoc updated", &item.doc))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let id = call.parameter("doc");
    take(items(config, call), call, "apidocs", id)?;
    let path = call.member("apidocs", id);
    Ok(Answer::value(json!({"status": "success", "message": "apidoc deleted", "gcpResource": path})))
}

fn get_documentation(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(data("apidoc documentation returned", &item(config, call)?.documentation))
}

/// "The documentation file contents will not be populated in the return message."
fn update_documentation(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let mut new = call.read(&DOCUMENTATION)?;
    if new.len() != 1 {
        return Err(Fault::invalid_argument(
            "api_doc_documentation: set one of oasDocumentation, graphqlDocumentation, asyncApiDocumentation",
        ));
    }
    let mut shown = new.clone();
    for (kind, documentation) in &mut new {
        let Some(object) = documentation.as_object_mut() else { continue };
        let field = if kind == "graphqlDocumentation" { "schema" } else { "spec" };
        let empty = Object::new();
        let file = object.get(field).and_then(Value::as_object).unwrap_or(&empty);
        require(file, "documentation_file", &["displayName", "contents"])?;
        let contents = STANDARD.decode(text(file, "contents")).map_err(|error| {
            Fault::invalid_argument(format!("documentation_file.contents is not valid base64: {error}"))
        })?;
        if contents.len() > texts::DOC_FILE.max {
            return Err(Fault::invalid_argument(format!(
                "documentation_file.contents has {} bytes; use at most {}",
                contents.len(),
                texts::DOC_FILE.max
            )));
        }
        if kind == "oasDocumentation" {
            let first = contents.iter().find(|byte| !byte.is_ascii_whitespace());
            set(object, "format", if first == Some(&b'{') { "JSON" } else { "YAML" });
        }
        let mut without = object.clone();
        if let Some(file) = without.get_mut(field).and_then(Value::as_object_mut) {
            file.remove("contents");
        }
        set(&mut shown, kind, without);
    }
    item(config, call)?.documentation = new;
    Ok(data("apidoc documentation updated", &shown))
}

fn check(doc: &Object) -> Result<(), Fault> {
    require(doc, "api_doc", &["title", "apiProductName"])?;
    for (rule, field) in [
        (&texts::DOC_TITLE, "title"),
        (&texts::DOC_DESCRIPTION, "description"),
        (&texts::DOC_IMAGE, "imageUrl"),
        (&texts::PRODUCT, "apiProductName"),
    ] {
        limits::check_field(rule, "api_doc", doc, field)?;
    }
    Ok(())
}

/// The envelope of the portal's responses.
fn data(message: &str, object: &Object) -> Answer {
    Answer::value(json!({"status": "success", "message": message, "data": object}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_and_its_documentation() {
        let mut config = ConfigState::default();
        config.products.insert("p".to_owned(), super::super::api_product::Product::default());
        let at = |doc: &str| Call::to("organizations/o/sites/s/apidocs", &[("site", "s"), ("doc", doc)]);
        let body = json!({"title": "T", "apiProductName": "p", "published": true});
        let Answer::Json(created) = create(&mut config, &at("").json(&body)).unwrap() else { panic!() };
        let id = created["data"]["id"].as_str().unwrap();
        assert_eq!(create(&mut config, &at("").json(&body)).unwrap_err().code, 409);
        let moved = json!({"title": "T", "apiProductName": "q"});
        assert_eq!(update(&mut config, &at(id).json(&moved)).unwrap_err().code, 400);
        let file = json!({"displayName": "openapi.json", "contents": STANDARD.encode(" {}")});
        let call = at(id).json(&json!({"oasDocumentation": {"spec": file}}));
        let Answer::Json(updated) = update_documentation(&mut config, &call).unwrap() else { panic!() };
        assert_eq!(
            updated["data"]["oasDocumentation"],
            json!({"spec": {"displayName": "openapi.json"}, "format": "JSON"})
        );
        let Answer::Json(read) = get_documentation(&mut config, &at(id)).unwrap() else { panic!() };
        assert_eq!(read["data"]["oasDocumentation"]["spec"], file);
        delete(&mut config, &at(id)).unwrap();
        assert_eq!(get(&mut config, &at(id)).unwrap_err().code, 404);
    }
}
