//! `ApigeeApiDoc`: an item in the API catalog of a developer portal (`sites.apidocs`), with its OpenAPI document.
//!
//! Apigee assigns the ID of a catalog item. A portal has at most one item for each API product, so the product identifies the item.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Answer, Body, Change, Field, Form, Read, Request, Shape, Verb};
use super::collection::{Compare, differences, field_names};
use super::record::Part;
use super::{Configuration, ConfigurationSpec, Crud, Plan, ResourceReference, Scope, Wanted};
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::diag::{FieldPath, Report};
use apigee_flux_model::limits::texts;

/// An item in the API catalog of a developer portal.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiDoc {
    /// The ID of the portal, for example `acme-devportal`.
    pub site: String,
    /// The name in Apigee of the API product that the item documents. It identifies the item, so `name` is not needed.
    pub product: String,
    /// The title. Default: the name of the product.
    pub title: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// Whether the item is shown in the portal; otherwise it is a draft. Default: `false`.
    #[serde(default)]
    pub published: bool,
    /// Whether the item is shown to users who are not signed in. Default: `false`.
    #[serde(default)]
    pub anon_allowed: bool,
    /// Whether an app that uses this product must have a callback URL. Default: `false`.
    #[serde(default)]
    pub require_callback_url: bool,
    /// The IDs of the portal's categories that the item belongs to.
    #[serde(default)]
    pub category_ids: Vec<String>,
    /// The image: a URL, or the path of a file in the portal, for example `/files/orders.jpg`.
    pub image_url: Option<String>,
    /// The OpenAPI document, as YAML or JSON text. Default: the document in Apigee is not changed.
    pub openapi: Option<String>,
}

impl ConfigurationSpec for ApiDoc {
    const CRUD: &'static dyn Crud = &ApiDocs;
}

impl Configuration for ApiDoc {
    fn scope(&self) -> Scope {
        Scope::Organization
    }

    fn parent(&self) -> Option<&str> {
        Some(&self.site)
    }

    fn fixed_name(&self) -> Option<&str> {
        Some(&self.product)
    }

    fn body(&self, product: &str) -> Value {
        let mut body = json!({
            "title": self.title.as_deref().unwrap_or(product),
            "apiProductName": product,
            "published": self.published,
            "anonAllowed": self.anon_allowed,
            "requireCallbackUrl": self.require_callback_url,
            "categoryIds": self.category_ids,
        });
        let texts = [("description", &self.description), ("imageUrl", &self.image_url), (DOCUMENT, &self.openapi)];
        for (field, text) in texts {
            if let Some(text) = text {
                body[field] = json!(text);
            }
        }
        body
    }

    fn check(&self, product: &str, report: &mut Report<'_>) {
        let at = |field: &str| FieldPath::of(&["spec", field]);
        texts::SITE.report(&self.site, at("site"), report);
        texts::PRODUCT.report(product, at("product"), report);
        texts::DOC_TITLE.report(self.title.as_deref().unwrap_or(product), at("title"), report);
        let more = [
            (&texts::DOC_DESCRIPTION, "description", &self.description),
            (&texts::DOC_IMAGE, "imageUrl", &self.image_url),
            (&texts::DOC_FILE, DOCUMENT, &self.openapi),
        ];
        for (rule, field, text) in more {
            if let Some(text) = text {
                rule.report(text, at(field), report);
            }
        }
    }

    fn references(&self) -> Vec<ResourceReference> {
        vec![ResourceReference {
            kind: "ApigeeProduct",
            name: self.product.clone(),
            at: FieldPath::of(&["spec", "product"]),
        }]
    }
}

/// The field of the body that holds the OpenAPI document, and the name of its part in the record.
const DOCUMENT: &str = "openapi";

/// The field of the portal's responses that holds the requested data.
const DATA: &str = "data";

const COMPARE: Compare = Compare {
    server_set: &[
        "id",
        "siteId",
        "modified",
        "edgeAPIProductName",
        "graphqlEndpointUrl",
        "graphqlSchema",
        "graphqlSchemaDisplayName",
        "specId",
        "visibility",
    ],
    sets: &["categoryIds"],
    ..Compare::PLAIN
};

#[derive(Debug)]
struct ApiDocs;

impl ApiDocs {
    fn path(wanted: &Wanted<'_>, below: &[&str]) -> Vec<String> {
        let site = wanted.id.parent.as_deref().unwrap_or_default();
        wanted.place.path(&[&["sites", site, "apidocs"], below].concat())
    }

    /// The item of the product.
    fn find<'a>(wanted: &Wanted<'_>, answers: &'a [Answer]) -> Option<(&'a str, &'a Value)> {
        let mut items = answers.first()?.json().get(DATA)?.as_array()?.iter();
        let item = items.find(|item| {
            ["apiProductName", "edgeAPIProductName"].iter().any(|field| item.get(field) == Some(&json!(wanted.id.name)))
        })?;
        Some((item.get("id")?.as_str()?, item))
    }

    /// The update of the item without its document, if a field differs.
    fn update(wanted: &Wanted<'_>, id: &str, live: &Value) -> Option<Change> {
        let body = item(wanted.body);
        let mut fields = Vec::new();
        differences(&COMPARE.canonical(&body), &COMPARE.canonical(live), "", &|_| false, &mut fields);
        if fields.is_empty() {
            return None;
        }
        let request = Request::new(Verb::Put, Self::path(wanted, &[id]), Body::Json(body), "apigee.portals.update");
        Some(Change { what: format!("update {}", field_names(&fields)), request, fields })
    }

    /// The update of the document, if Apigee has a different one. If Apigee does not return it, the digest in the record is compared.
    fn document(wanted: &Wanted<'_>, id: &str, text: &str, digest: &str, answer: Option<&Answer>) -> Option<Change> {
        let live = answer.and_then(|answer| answer.json().pointer("/data/oasDocumentation/spec/contents")?.as_str());
        let contents = STANDARD.encode(text);
        let known = wanted.last.and_then(|record| record.part(DOCUMENT)?.digest.as_deref());
        let same = live.map_or_else(|| known == Some(digest), |live| live == contents);
        if same {
            return None;
        }
        let name = if text.trim_start().starts_with('{') { "openapi.json" } else { "openapi.yaml" };
        let body = json!({"oasDocumentation": {"spec": {"displayName": name, "contents": contents}}});
        let path = Self::path(wanted, &[id, "documentation"]);
        let field = Field {
            at: format!("/{DOCUMENT}"),
            live: live.and_then(|live| Some(json!(String::from_utf8(STANDARD.decode(live).ok()?).ok()?))),
            wanted: Some(json!(text)),
            secret: false,
        };
        Some(Change {
            what: "update the OpenAPI document".to_owned(),
            request: Request::new(Verb::Patch, path, Body::Json(body), "apigee.portals.update"),
            fields: vec![field],
        })
    }
}

/// The item without its document, which has its own API method.
fn item(body: &Value) -> Value {
    let mut body = body.clone();
    if let Value::Object(fields) = &mut body {
        fields.shift_remove(DOCUMENT);
    }
    body
}

impl Crud for ApiDocs {
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        vec![Read {
            path: Self::path(wanted, &[]),
            query: vec![("pageSize", "100".to_owned())],
            form: Form::Pages(DATA),
            needs: "apigee.portals.get".to_owned(),
        }]
    }

    fn follow_ups(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Vec<Read> {
        let id = Self::find(wanted, answers).map(|(id, _)| id).filter(|_| wanted.body.get(DOCUMENT).is_some());
        let shape = Shape::with(&[DATA, "status"]);
        let read = |id| Read::json(Self::path(wanted, &[id, "documentation"]), "apigee.portals.get").of(shape);
        id.into_iter().map(read).collect()
    }

    /// The item is created after its product, which is created after the bundles, and deleted before it.
    fn after_bundles(&self) -> bool {
        true
    }

    fn prerequisites(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        vec![Read::json(wanted.place.path(&["apiproducts", &wanted.id.name]), "apigee.apiproducts.get")]
    }

    fn exists(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> bool {
        Self::find(wanted, answers).is_some()
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let mut plan = Plan::default();
        let Some((id, live)) = Self::find(wanted, answers) else {
            let body = item(wanted.body);
            let mut fields = Vec::new();
            differences(&body, &Value::Object(Map::new()), "", &|_| false, &mut fields);
            let mut request =
                Request::new(Verb::Post, Self::path(wanted, &[]), Body::Json(body), "apigee.portals.update");
            request.makes_new = true;
            // The document is sent in a later pass, when the ID is known.
            plan.changes.push(Change { what: "create".to_owned(), request, fields });
            return Ok(plan);
        };
        plan.changes.extend(Self::update(wanted, id, live));
        if let Some(text) = wanted.body.get(DOCUMENT).and_then(Value::as_str) {
            let digest = Digest::of_bytes(text.as_bytes()).hex();
            plan.changes.extend(Self::document(wanted, id, text, &digest, answers.get(1)));
            plan.parts.push(Part { digest: Some(digest), ..Part::named(DOCUMENT) });
        }
        Ok(plan)
    }

    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        let delete = |(id, _)| Change {
            what: "delete".to_owned(),
            request: Request::new(Verb::Delete, Self::path(wanted, &[id]), Body::Empty, "apigee.portals.update"),
            fields: Vec::new(),
        };
        Ok(Self::find(wanted, answers).map(delete).into_iter().collect())
    }
}
