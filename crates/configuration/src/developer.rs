//! `ApigeeDeveloper`: a developer who owns apps (`developers`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Answer, Body, Change, Field, Read, Request, Verb};
use super::collection::{Collection, Compare, NamedBy, Update};
use super::listing::{Listing, Paging, Returns, View};
use super::{Configuration, ConfigurationSpec, Crud, Plan, Scope, Wanted, attributes};
use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::limits::{counts, texts};

/// A developer who owns apps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Developer {
    /// The email address, in lower case. It is the name in Apigee, so `name` is not needed.
    pub email: String,
    /// The first name.
    pub first_name: String,
    /// The last name.
    pub last_name: String,
    /// The user name, which Apigee requires but does not use. Default: the email address.
    pub user_name: Option<String>,
    /// Whether the keys of the developer's apps can be used. Default: the status is not changed; a new developer is active.
    pub status: Option<Status>,
    /// Attributes, at most 18. Attributes that are not listed are removed.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// Whether a developer or an app group is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// The keys of the apps can be used.
    Active,
    /// No key can be used, even if it is approved.
    Inactive,
}

impl Status {
    /// The value in Apigee's API.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

impl ConfigurationSpec for Developer {
    const CRUD: &'static dyn Crud = &Developers;
}

impl Configuration for Developer {
    fn scope(&self) -> Scope {
        Scope::Organization
    }

    fn fixed_name(&self) -> Option<&str> {
        Some(&self.email)
    }

    fn body(&self, email: &str) -> Value {
        let mut body = json!({
            "firstName": self.first_name,
            "lastName": self.last_name,
            "userName": self.user_name.as_deref().unwrap_or(email),
            "attributes": attributes::list(&self.attributes),
        });
        if let Some(status) = self.status {
            body["status"] = json!(status.as_str());
        }
        body
    }

    fn check(&self, _: &str, report: &mut Report<'_>) {
        let at = |field: &str| FieldPath::of(&["spec", field]);
        texts::EMAIL.report(&self.email, at("email"), report);
        texts::PERSON.report(&self.first_name, at("firstName"), report);
        texts::PERSON.report(&self.last_name, at("lastName"), report);
        match &self.user_name {
            Some(name) => texts::PERSON.report(name, at("userName"), report),
            None if texts::PERSON.check(&self.email).is_err() && texts::EMAIL.check(&self.email).is_ok() => {
                let most = texts::PERSON.max;
                let message =
                    format!("the email is too long for a user name (at most {most} characters): set `userName`");
                report.error(Code::LimitExceeded, at("userName"), message);
            }
            None => {}
        }
        attributes::check(&self.attributes, 0, &counts::ATTRIBUTES, &at("attributes"), report);
    }
}

#[derive(Debug)]
struct Developers;

const DEVELOPERS: Collection = Collection {
    path: "developers",
    named_by: NamedBy::Field("email"),
    update: Update::Put,
    permission: "apigee.developers",
    prerequisites: Collection::NOTHING,
    compare: Compare {
        server_set: &[
            "accessType",
            "appFamily",
            "apps",
            "companies",
            "createdAt",
            "developerId",
            "lastModifiedAt",
            "organizationName",
            "status",
        ],
        ..Compare::PLAIN
    },
};

/// "A maximum of 1000 developers are returned", and `expand` "is not valid if you use the `count` or `startKey` query parameters"
/// (discovery document, `organizations.developers.list`): further developers are read one by one.
pub(super) const LISTING: Listing = Listing {
    path: &["developers"],
    query: &[("expand", "true")],
    items: "developer",
    paging: Paging::Once,
    needs: "apigee.developers.list",
    owner: None,
    is_whole: |developer| developer.get("firstName").is_some(),
    views: &[View { path: &["developers", "*"], names: &["email"], returns: Returns::One }],
};

/// The body without the status, which is set by a separate request.
pub(super) fn without_status(body: &Value) -> Value {
    let mut body = body.clone();
    if let Value::Object(fields) = &mut body {
        fields.shift_remove("status");
    }
    body
}

/// The desired status and its field, unless Apigee has it already. `fresh` is the status of a new resource.
pub(super) fn status_to_set<'b>(body: &'b Value, live: &Value, fresh: &str) -> Option<(&'b str, Field)> {
    let wanted = body.get("status").and_then(Value::as_str)?;
    let has = live.get("status").and_then(Value::as_str);
    if has.unwrap_or(fresh) == wanted {
        return None;
    }
    let field =
        Field { at: "/status".to_owned(), live: has.map(|has| json!(has)), wanted: Some(json!(wanted)), secret: false };
    Some((wanted, field))
}

impl Crud for Developers {
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        DEVELOPERS.reads(wanted)
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let body = without_status(wanted.body);
        let mut plan = DEVELOPERS.plan(&Wanted { body: &body, ..wanted.clone() }, answers)?;
        let live = answers.first().map_or(&Value::Null, Answer::json);
        if let Some((status, field)) = status_to_set(wanted.body, live, "active") {
            let path = wanted.place.path(&[DEVELOPERS.path, &wanted.id.name]);
            let request = Request::new(Verb::Post, path, Body::Empty, "apigee.developers.setStatus");
            plan.changes.push(Change {
                what: format!("set {status}"),
                request: request.with("action", status),
                fields: vec![field],
            });
        }
        Ok(plan)
    }

    /// Deleting a developer also deletes the apps and their keys, so it is refused while there are any. Managed apps are deleted before.
    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        let empty = Map::new();
        let live = answers.first().map_or(&Value::Null, Answer::json).as_object().unwrap_or(&empty);
        let apps = live.get("apps").and_then(Value::as_array).into_iter().flatten();
        let names: Vec<&str> = apps.filter_map(Value::as_str).take(5).collect();
        if !names.is_empty() {
            return Err(format!(
                "the developer still has apps, which would be deleted too ({}): delete them manually, then the developer is deleted",
                names.join(", ")
            ));
        }
        DEVELOPERS.remove(wanted, answers)
    }
}
