//! Catalog items of developer portals and their documentation: `organizations.sites.apidocs`.
//!
//! The server numbers the items; a portal has at most one for a product, and its product cannot be changed. Not documented, chosen here: the
//! product must exist, and every portal exists.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ConfigState;
use super::api_product::exist;
use super::collection::{find, find_mut, take};
use crate::api::Handler::Configuration;
use crate::api::message::{LIST, require, set, text};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Object, Type, limits, parameter};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("sites/{site}/apidocs", Configuration(list)).query(parameter::PAGE),
    Method::post("sites/{site}/apidocs", Configuration(create)).json(&API_DOC),
    Method::get("sites/{site}/apidocs/{doc}", Configuration(get)),
    Method::put("sites/{site}/apidocs/{doc}", Configuration(update)).json(&API_DOC),
    Method::delete("sites/{site}/apidocs/{doc}", Configuration(delete)),
    Method::get("sites/{site}/apidocs/{doc}/documentation", Configuration(get_documentation)),
    Method::patch("sites/{site}/apidocs/{doc}/documentation", Configuration(update_documentation)).json(&DOCUMENTATION),
];

/// A catalog item.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CatalogItem {
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

fn items<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> &'a mut BTreeMap<String, CatalogItem> {
    config.sites.entry(request.parameter("site").to_owned()).or_default()
}

fn item<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> Result<&'a mut CatalogItem, ApiError> {
    find_mut(items(config, request), request, "apidocs", request.parameter("doc"))
}

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (page, next) = request.page(items(config, request), 25, 100)?;
    let list: Vec<Value> = page.into_iter().map(|(_, item)| Value::Object(item.doc.clone())).collect();
    Ok(ApiResponse::value(
        json!({"status": "success", "message": "apidocs returned", "data": list, "nextPageToken": next}),
    ))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    limits::check(&texts::SITE, "site", request.parameter("site"))?;
    let mut doc = request.read(&API_DOC)?;
    check(&doc)?;
    let product = text(&doc, "apiProductName").to_owned();
    exist(config, std::slice::from_ref(&product))?;
    if items(config, request).values().any(|other| text(&other.doc, "apiProductName") == product) {
        return Err(ApiError::resource_exists(&format!("{} of the API product {product}", request.path)));
    }
    config.sequence += 1;
    let id = config.sequence.to_string();
    set(&mut doc, "id", id.as_str());
    set(&mut doc, "siteId", request.parameter("site"));
    set(&mut doc, "modified", request.now.to_string());
    let response = data("apidoc created", &doc);
    items(config, request).insert(id, CatalogItem { doc, documentation: Object::new() });
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(data("apidoc returned", &find(items(config, request), request, "apidocs", request.parameter("doc"))?.doc))
}

/// Replaces the item: fields that the request omits are removed.
fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let mut new = request.read(&API_DOC)?;
    check(&new)?;
    let item = item(config, request)?;
    let (old, wanted) = (text(&item.doc, "apiProductName"), text(&new, "apiProductName"));
    if old != wanted {
        return Err(ApiError::invalid_argument(format!(
            "api_doc.apiProductName is {old} and cannot be changed to {wanted}: delete the catalog item and create it again"
        )));
    }
    for field in ["id", "siteId"] {
        set(&mut new, field, text(&item.doc, field));
    }
    set(&mut new, "modified", request.now.to_string());
    item.doc = new;
    Ok(data("apidoc updated", &item.doc))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let id = request.parameter("doc");
    take(items(config, request), request, "apidocs", id)?;
    let path = request.member("apidocs", id);
    Ok(ApiResponse::value(json!({"status": "success", "message": "apidoc deleted", "gcpResource": path})))
}

fn get_documentation(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(data("apidoc documentation returned", &item(config, request)?.documentation))
}

/// "The documentation file contents will not be populated in the return message."
fn update_documentation(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let mut new = request.read(&DOCUMENTATION)?;
    if new.len() != 1 {
        return Err(ApiError::invalid_argument(
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
            ApiError::invalid_argument(format!("documentation_file.contents is not valid base64: {error}"))
        })?;
        if contents.len() > texts::DOC_FILE.max {
            return Err(ApiError::invalid_argument(format!(
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
    item(config, request)?.documentation = new;
    Ok(data("apidoc documentation updated", &shown))
}

fn check(doc: &Object) -> Result<(), ApiError> {
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
fn data(message: &str, object: &Object) -> ApiResponse {
    ApiResponse::value(json!({"status": "success", "message": message, "data": object}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_and_its_documentation() {
        let mut config = ConfigState::default();
        config.products.insert("p".to_owned(), super::super::api_product::Product::default());
        let at = |doc: &str| ApiRequest::to("organizations/o/sites/s/apidocs", &[("site", "s"), ("doc", doc)]);
        let body = json!({"title": "T", "apiProductName": "p", "published": true});
        let ApiResponse::Json(created) = create(&mut config, &at("").json(&body)).unwrap() else { panic!() };
        let id = created["data"]["id"].as_str().unwrap();
        assert_eq!(create(&mut config, &at("").json(&body)).unwrap_err().code, 409);
        let moved = json!({"title": "T", "apiProductName": "q"});
        assert_eq!(update(&mut config, &at(id).json(&moved)).unwrap_err().code, 400);
        let file = json!({"displayName": "openapi.json", "contents": STANDARD.encode(" {}")});
        let request = at(id).json(&json!({"oasDocumentation": {"spec": file}}));
        let ApiResponse::Json(updated) = update_documentation(&mut config, &request).unwrap() else { panic!() };
        assert_eq!(
            updated["data"]["oasDocumentation"],
            json!({"spec": {"displayName": "openapi.json"}, "format": "JSON"})
        );
        let ApiResponse::Json(read) = get_documentation(&mut config, &at(id)).unwrap() else { panic!() };
        assert_eq!(read["data"]["oasDocumentation"]["spec"], file);
        delete(&mut config, &at(id)).unwrap();
        assert_eq!(get(&mut config, &at(id)).unwrap_err().code, 404);
    }
}
