//! The requests that read, compare and change a product.

use serde_json::Value;

use crate::call::{Answer, Body, Change, Read, Request, Verb};
use crate::collection::{Collection, Compare, NamedBy, Update};
use crate::listing::{Listing, Paging, Returns, View};
use crate::{Crud, Plan, Wanted, rate_plan};

#[derive(Debug)]
pub(super) struct Products;

const PRODUCTS: Collection = Collection {
    path: "apiproducts",
    named_by: NamedBy::Field("name"),
    update: Update::Put,
    permission: "apigee.apiproducts",
    prerequisites: Collection::NOTHING,
    compare: Compare {
        server_set: &["createdAt", "lastModifiedAt"],
        defaults: &[("approvalType", "\"auto\"")],
        sets: &[
            "environments",
            "proxies",
            "apiResources",
            "scopes",
            "operationConfigs",
            "operations",
            "methods",
            "operationTypes",
        ],
        immutable: &["space"],
    },
};

/// "The limit is 1000" (discovery document, `organizations.apiproducts.list`).
pub(crate) const LISTING: Listing = Listing {
    path: &["apiproducts"],
    query: &[("expand", "true")],
    items: "apiProduct",
    paging: Paging::Keys { count: 1000, key: "name" },
    needs: "apigee.apiproducts.list",
    owner: None,
    is_whole: |product| product.get("displayName").is_some(),
    views: &[View { path: &["apiproducts", "*"], names: &["name"], returns: Returns::One }],
};

/// Fields that are not changed if the spec does not set them: Apigee may choose the first one.
const KEPT: [&str; 2] = ["quotaCounterScope", "space"];

/// The product without its rate plans, which are separate resources in Apigee.
fn own_body(body: &Value, live: &Value) -> Value {
    let mut body = body.clone();
    if let Value::Object(fields) = &mut body {
        fields.shift_remove("ratePlans");
        for field in KEPT {
            if let (None, Some(kept)) = (fields.get(field), live.get(field)) {
                fields.insert(field.to_owned(), kept.clone());
            }
        }
    }
    body
}

impl Crud for Products {
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        [PRODUCTS.reads(wanted), rate_plan::reads(wanted)].concat()
    }

    /// The proxies must exist before the product.
    fn after_bundles(&self) -> bool {
        true
    }

    /// Apigee checks the proxies: "The API proxy names must already exist".
    fn prerequisites(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        let mut names: Vec<&str> = Vec::new();
        names.extend(
            wanted.body.get("proxies").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str),
        );
        for group in wanted.body.as_object().into_iter().flat_map(|fields| fields.values()) {
            let configs = group.get("operationConfigs").and_then(Value::as_array).into_iter().flatten();
            names.extend(configs.filter_map(|config| config.get("apiSource")?.as_str()));
        }
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| Read::json(wanted.place.path(&["apis", name]), "apigee.proxies.get")).collect()
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let body = own_body(wanted.body, answers.first().map_or(&Value::Null, Answer::json));
        let mut plan = PRODUCTS.plan(&Wanted { body: &body, ..wanted.clone() }, answers)?;
        let (changes, parts) = rate_plan::plan(wanted, answers.get(1));
        plan.changes.extend(changes);
        plan.parts = parts;
        Ok(plan)
    }

    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        let mut changes = rate_plan::remove(wanted, answers.get(1))?;
        let path = wanted.place.path(&[PRODUCTS.path, &wanted.id.name]);
        let request = Request::new(Verb::Delete, path, Body::Empty, &PRODUCTS.needs("delete"));
        changes.push(Change { what: "delete".to_owned(), request, fields: Vec::new() });
        Ok(changes)
    }
}
