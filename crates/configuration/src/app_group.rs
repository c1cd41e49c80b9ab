//! `ApigeeAppGroup`: apps that several people own together, with their keys (`appgroups`).
//!
//! The group and its apps are one resource. Unmanaged apps of the group are kept; managed apps are deleted when they are removed from Git.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::app::{GroupApp, products};
use super::app_plan::{AppPlan, AppsOf};
use super::attributes;
use super::call::{Answer, Body, Change, Form, Read, Request, Shape, Verb};
use super::collection::{Collection, Compare, NamedBy, Update};
use super::developer::{Status, status_to_set, without_status};
use super::listing::{Listing, Paging, Returns, View};
use super::new_secret::NewSecret;
use super::record::Part;
use super::secret::escape;
use super::{Configuration, ConfigurationSpec, Crud, Plan, ResourceReference, Scope, Wanted};
use apigee_flux_model::diag::{FieldPath, Report};
use apigee_flux_model::limits::{counts, texts};

/// A group of apps that several people own together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppGroup {
    /// The display name. Default: the name.
    pub display_name: Option<String>,
    /// The email address of the group.
    pub email: Option<String>,
    /// The ID of the channel that owns the group, for example a portal.
    pub channel_id: Option<String>,
    /// The URI of the channel, for example of a portal or marketplace.
    pub channel_uri: Option<String>,
    /// Whether the keys of the group's apps can be used. Default: the status is not changed; a new group is active.
    pub status: Option<Status>,
    /// Attributes, at most 18. Attributes that are not listed are removed.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The apps, by name. Unmanaged apps with other names are kept; an unmanaged app with one of these names is adopted.
    #[serde(default)]
    pub apps: BTreeMap<String, GroupApp>,
}

impl ConfigurationSpec for AppGroup {
    const CRUD: &'static dyn Crud = &Groups;
}

impl Configuration for AppGroup {
    fn scope(&self) -> Scope {
        Scope::Organization
    }

    fn body(&self, name: &str) -> Value {
        let mut body = json!({
            "displayName": self.display_name.as_deref().unwrap_or(name),
            "attributes": attributes::list(&self.attributes),
        });
        let texts = [("email", &self.email), ("channelId", &self.channel_id), ("channelUri", &self.channel_uri)];
        for (field, text) in texts {
            if let Some(text) = text {
                body[field] = json!(text);
            }
        }
        if let Some(status) = self.status {
            body["status"] = json!(status.as_str());
        }
        if !self.apps.is_empty() {
            body[APPS] = self.apps.iter().map(|(name, app)| (name.clone(), app.body())).collect::<Map<_, _>>().into();
        }
        body
    }

    fn check(&self, name: &str, report: &mut Report<'_>) {
        let at = |field: &str| FieldPath::of(&["spec", field]);
        texts::APP_GROUP.report(name, at("name"), report);
        attributes::check(&self.attributes, 0, &counts::ATTRIBUTES, &at("attributes"), report);
        for (name, app) in &self.apps {
            texts::APP.report(name, at("apps").key(name), report);
            app.check(&at("apps").key(name), report);
        }
    }

    fn references(&self) -> Vec<ResourceReference> {
        let at = FieldPath::of(&["spec", "apps"]);
        self.apps.iter().flat_map(|(name, app)| app.references(&at.key(name))).collect()
    }
}

/// The field of the body that holds the apps.
const APPS: &str = "apps";

/// The field of Apigee's response that holds the apps.
pub(super) const LISTED: &str = "appGroupApps";

#[derive(Debug)]
struct Groups;

const GROUPS: Collection = Collection {
    path: "appgroups",
    named_by: NamedBy::Field("name"),
    update: Update::Put,
    permission: "apigee.appgroups",
    prerequisites: Collection::NOTHING,
    compare: Compare {
        server_set: &["appGroupId", "createdAt", "lastModifiedAt", "organization", "status"],
        ..Compare::PLAIN
    },
};

/// "The maximum value is 1000; values above 1000 will be coerced to 1000" (discovery document, `organizations.appgroups.list`).
pub(super) const LISTING: Listing = Listing {
    path: &["appgroups"],
    query: &[],
    items: "appGroups",
    paging: Paging::Tokens { size: 1000 },
    needs: "apigee.appgroups.list",
    owner: None,
    is_whole: |group| group.get("appGroupId").is_some(),
    views: &[View { path: &["appgroups", "*"], names: &["name"], returns: Returns::One }],
};

impl Groups {
    fn apps_path(wanted: &Wanted<'_>, app: Option<&str>) -> Vec<String> {
        let group = [GROUPS.path, wanted.id.name.as_str(), "apps"];
        wanted.place.path(&[&group[..], app.as_slice()].concat())
    }

    fn app<'a>(wanted: &'a Wanted<'a>, name: &'a str, body: &'a Value) -> AppPlan<'a> {
        AppPlan {
            wanted,
            owner: AppsOf::Group,
            path: Self::apps_path(wanted, Some(name)),
            name,
            body,
            parts: format!("{}/", part(name)),
            pointer: format!("/{APPS}/{}", escape(name)),
        }
    }

    fn delete_app(wanted: &Wanted<'_>, name: &str) -> Change {
        let path = Self::apps_path(wanted, Some(name));
        Change {
            what: format!("delete app `{name}`"),
            request: Request::new(Verb::Delete, path, Body::Empty, "apigee.appgroupapps.delete"),
            fields: Vec::new(),
        }
    }
}

/// The name of an app's part in the record.
fn part(app: &str) -> String {
    format!("{APPS}/{app}")
}

fn live_apps(answers: &[Answer]) -> BTreeMap<&str, &Value> {
    let list = answers.get(1).map(Answer::json).and_then(|answer| answer.get(LISTED)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|app| Some((app.get("name")?.as_str()?, app))).collect()
}

fn wanted_apps(body: &Value) -> impl Iterator<Item = (&String, &Value)> {
    body.get(APPS).and_then(Value::as_object).into_iter().flatten()
}

impl Crud for Groups {
    fn secrets(&self) -> &'static [&'static str] {
        &["/apps/*/keys/*/consumerKey", "/apps/*/keys/*/consumerSecret"]
    }

    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        let apps = Read {
            path: Self::apps_path(wanted, None),
            query: vec![("pageSize", "1000".to_owned())],
            form: Form::Pages(LISTED),
            needs: "apigee.appgroupapps.list".to_owned(),
        };
        [GROUPS.reads(wanted), vec![apps]].concat()
    }

    /// Before the group is deleted: the apps that are in the record but not in the list.
    fn follow_ups(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Vec<Read> {
        if !wanted.body.is_null() || !self.exists(wanted, answers) {
            return Vec::new();
        }
        let listed: BTreeSet<String> = live_apps(answers).into_keys().map(part).collect();
        let listed: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
        let shape = Shape::with(&["name", "appId"]);
        let app = |name: &str| {
            let name = name.strip_prefix(APPS)?.strip_prefix('/').filter(|name| !name.contains('/'))?;
            Some(Read::json(Self::apps_path(wanted, Some(name)), "apigee.appgroupapps.get").of(shape))
        };
        wanted.recorded_and_not(&listed).filter_map(app).collect()
    }

    /// The group is created after the products of its apps, which are created after the bundles, and deleted before them.
    fn after_bundles(&self) -> bool {
        true
    }

    fn prerequisites(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        products(wanted, wanted_apps(wanted.body).map(|(_, app)| app))
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let mut body = without_status(wanted.body);
        if let Value::Object(fields) = &mut body {
            fields.shift_remove(APPS);
        }
        let mut plan = GROUPS.plan(&Wanted { body: &body, ..wanted.clone() }, answers)?;
        let live = answers.first().map_or(&Value::Null, Answer::json);
        if let Some((status, field)) = status_to_set(wanted.body, live, "active") {
            let path = wanted.place.path(&[GROUPS.path, &wanted.id.name]);
            let request = Request::new(Verb::Put, path, Body::Empty, &GROUPS.needs("update")).with("action", status);
            plan.changes.push(Change { what: format!("set {status}"), request, fields: vec![field] });
        }
        let live = live_apps(answers);
        for (name, body) in wanted_apps(wanted.body) {
            let of_app = Self::app(wanted, name, body).plan(live.get(name.as_str()).copied())?;
            plan.changes.extend(of_app.changes);
            plan.parts.push(Part::named(&part(name)));
            plan.parts.extend(of_app.parts);
        }
        let kept = |name: &str| wanted_apps(wanted.body).any(|(wanted, _)| wanted == name);
        for (name, live) in live.iter().filter(|(name, _)| !kept(name)) {
            if wanted.last.is_some_and(|record| record.part(&part(name)).is_some()) {
                Self::app(wanted, name, &Value::Null).may_remove(live)?;
                plan.changes.push(Self::delete_app(wanted, name));
            }
        }
        Ok(plan)
    }

    fn new_secrets(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Vec<NewSecret> {
        let live = live_apps(answers);
        let of_app = |(name, body): (&String, &Value)| {
            Self::app(wanted, name, body).new_secret(live.get(name.as_str()).copied().unwrap_or(&Value::Null))
        };
        wanted_apps(wanted.body).filter_map(of_app).collect()
    }

    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        Wanted::all_gone(answers.get(2..).unwrap_or_default())?;
        let live = live_apps(answers);
        let ours = |name: &str| wanted.last.is_some_and(|record| record.part(&part(name)).is_some());
        let foreign: Vec<&str> = live.keys().filter(|name| !ours(name)).take(5).copied().collect();
        if !foreign.is_empty() {
            return Err(format!(
                "the group has apps that are not managed by apigee-flux ({}): delete them manually, then the group is deleted",
                foreign.join(", ")
            ));
        }
        let mut changes = Vec::new();
        for (name, live) in live {
            Self::app(wanted, name, &Value::Null).may_remove(live)?;
            changes.push(Self::delete_app(wanted, name));
        }
        changes.extend(GROUPS.remove(wanted, answers)?);
        Ok(changes)
    }
}
