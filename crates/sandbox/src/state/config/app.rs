//! Apps of developers and of app groups: `organizations.developers.apps` and `organizations.appgroups.apps`.
//!
//! The creation of an app generates a key for its products, and **so does every update that names products**: the old keys are kept
//! (<https://github.com/apigee/apigee-config-maven-plugin/issues/17>). An update replaces the attributes and the callback URL.
//! Not documented, chosen here: scopes are not checked against the products.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::api_product::exist;
use super::attributes;
use super::call::{Answer, Call, find_mut, take, vacant};
use super::credential::{Credential, revokes, status};
use super::message::{ATTRIBUTE, ATTRIBUTES, LIST, Message, Object, Type, number, set, text, texts};
use super::{ConfigState, Route, limits, parameter};
use crate::fault::Fault;
use crate::parameter::{Parameter, Parameters};
use crate::view;
use apigee_flux_model::limits::texts;

pub(super) const ROUTES: &[Route] = &[
    Route::get("developers/{developer}/apps", list).query(LISTING),
    Route::post("developers/{developer}/apps", create).json(&DEVELOPER_APP),
    Route::get("developers/{developer}/apps/{app}", get).query(ENTITY),
    Route::put("developers/{developer}/apps/{app}", update).json(&DEVELOPER_APP),
    Route::post("developers/{developer}/apps/{app}", generate_key_pair_or_update_status)
        .query(parameter::ACTION)
        .json(&DEVELOPER_APP),
    Route::delete("developers/{developer}/apps/{app}", delete),
    Route::get("developers/{developer}/apps/{app}/attributes", |config, call| {
        Ok(attributes::list(&app(config, call)?.profile))
    }),
    Route::post("developers/{developer}/apps/{app}/attributes", |config, call| {
        attributes::replace(&mut app(config, call)?.profile, call)
    })
    .json(&attributes::LIST),
    Route::get("developers/{developer}/apps/{app}/attributes/{attribute}", |config, call| {
        attributes::get(&app(config, call)?.profile, call)
    }),
    Route::post("developers/{developer}/apps/{app}/attributes/{attribute}", |config, call| {
        attributes::update(&mut app(config, call)?.profile, call)
    })
    .json(&ATTRIBUTE),
    Route::delete("developers/{developer}/apps/{app}/attributes/{attribute}", |config, call| {
        attributes::delete(&mut app(config, call)?.profile, call)
    }),
    Route::get("appgroups/{group}/apps", list_of_group).query(parameter::PAGE),
    Route::post("appgroups/{group}/apps", create).json(&APP_GROUP_APP),
    Route::get("appgroups/{group}/apps/{app}", get),
    Route::put("appgroups/{group}/apps/{app}", update).query(parameter::ACTION).json(&APP_GROUP_APP),
    Route::delete("appgroups/{group}/apps/{app}", delete),
];

/// The parameters of a list.
const LISTING: Parameters = &[
    ("count", Parameter::Int64),
    ("expand", Parameter::Bool),
    ("shallowExpand", Parameter::Bool),
    ("startKey", Parameter::Text),
];

/// The parameters that select a part of an app.
const ENTITY: Parameters = &[("entity", Parameter::Text), ("query", Parameter::Text)];

/// A developer or an app group with its apps.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Owner {
    /// `GoogleCloudApigeeV1Developer` or `…AppGroup`.
    pub(super) profile: Object,
    /// The apps by name.
    pub(super) apps: BTreeMap<String, App>,
}

/// An app with its keys.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct App {
    /// `GoogleCloudApigeeV1DeveloperApp` or `…AppGroupApp`, without the credentials.
    pub(super) profile: Object,
    pub(super) is_revoked: bool,
    /// The keys in the order of their creation.
    pub(super) credentials: Vec<Credential>,
}

const DEVELOPER_APP: Message = Message {
    name: "developer_app",
    fields: &[
        ("name", Type::Text),
        ("apiProducts", LIST),
        ("appFamily", Type::Text),
        ("attributes", ATTRIBUTES),
        ("callbackUrl", Type::Text),
        ("keyExpiresIn", Type::Int64),
        ("scopes", LIST),
        ("status", Type::Text),
        ("appId", Type::Output),
        ("developerId", Type::Output),
        ("createdAt", Type::Output),
        ("lastModifiedAt", Type::Output),
        ("credentials", Type::Output),
    ],
};

const APP_GROUP_APP: Message = Message {
    name: "app_group_app",
    fields: &[
        ("name", Type::Text),
        ("apiProducts", LIST),
        ("attributes", ATTRIBUTES),
        ("callbackUrl", Type::Text),
        ("keyExpiresIn", Type::Int64),
        ("scopes", LIST),
        ("status", Type::Text),
        ("appId", Type::Output),
        ("appGroup", Type::Output),
        ("createdAt", Type::Output),
        ("lastModifiedAt", Type::Output),
        ("credentials", Type::Output),
    ],
};

impl App {
    /// The app as a message, with its keys.
    pub(super) fn to_json(&self) -> Value {
        let mut object = self.profile.clone();
        set(&mut object, "status", status(self.is_revoked));
        let keys: Vec<Value> = self.credentials.iter().map(Credential::to_json).collect();
        set(&mut object, "credentials", keys);
        view::prune(Value::Object(object))
    }
}

/// Whether a call is about the app of an app group.
pub(super) fn is_of_group(call: &Call) -> bool {
    call.parameters.contains_key("group")
}

/// The developer (by email or ID) or the app group in the path of a call.
pub(super) fn owner<'a>(config: &'a mut ConfigState, call: &Call) -> Result<&'a mut Owner, Fault> {
    if is_of_group(call) {
        return find_mut(&mut config.app_groups, call, "appgroups", call.parameter("group"));
    }
    let wanted = call.parameter("developer");
    let by_id = config.developers.iter().find(|(_, owner)| text(&owner.profile, "developerId") == wanted);
    let email = by_id.map_or_else(|| wanted.to_owned(), |(email, _)| email.clone());
    find_mut(&mut config.developers, call, "developers", &email)
}

/// The app in the path of a call.
pub(super) fn app<'a>(config: &'a mut ConfigState, call: &Call) -> Result<&'a mut App, Fault> {
    find_mut(&mut owner(config, call)?.apps, call, "apps", call.parameter("app"))
}

fn message(call: &Call) -> &'static Message {
    if is_of_group(call) { &APP_GROUP_APP } else { &DEVELOPER_APP }
}

/// Without `expand`, the response has the name of each app in `appId`, as in Apigee.
fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (expand, shallow) = (call.flag("expand")?, call.flag("shallowExpand")?);
    let apps = &owner(config, call)?.apps;
    let list: Vec<Value> = call
        .page_by_key(apps, 100)?
        .into_iter()
        .map(|(name, app)| match (expand, shallow) {
            (true, _) => app.to_json(),
            (_, true) => json!({"appId": text(&app.profile, "appId"), "name": name}),
            _ => json!({ "appId": name }),
        })
        .collect();
    Ok(Answer::value(json!({ "app": list })))
}

fn list_of_group(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (page, next) = call.page(&owner(config, call)?.apps, 1000, 1000)?;
    let list: Vec<Value> = page.into_iter().map(|(_, app)| app.to_json()).collect();
    Ok(Answer::value(json!({"appGroupApps": list, "nextPageToken": next})))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (name, mut profile) = call.read_named(message(call), "", &texts::APP)?;
    attributes::check(&profile)?;
    limits::check_list(&texts::SCOPE, "app", &profile, "scopes")?;
    let products = products(&mut profile, config)?;
    let owner = owner(config, call)?;
    vacant(&owner.apps, call, "apps", &name)?;
    if is_of_group(call) {
        set(&mut profile, "appGroup", call.parameter("group"));
    } else {
        set(&mut profile, "developerId", text(&owner.profile, "developerId"));
    }
    let lifetime = number(&profile, "keyExpiresIn").map(|time| in_milliseconds(time, call));
    profile.remove("status");
    set(&mut profile, "appId", config.fresh_uuid(call));
    set(&mut profile, "createdAt", call.now.to_string());
    set(&mut profile, "lastModifiedAt", call.now.to_string());
    let mut credential = Credential::mint(config, call, &products, lifetime);
    credential.scopes = texts(&profile, "scopes");
    let app = App { profile, is_revoked: false, credentials: vec![credential] };
    let answer = app.to_json();
    self::owner(config, call)?.apps.insert(name, app);
    Ok(Answer::Json(answer))
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::Json(app(config, call)?.to_json()))
}

fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    if is_of_group(call)
        && let Some(action) = call.query("action")
    {
        let app = app(config, call)?;
        app.is_revoked = revokes(action)?;
        return Ok(Answer::Json(app.to_json()));
    }
    let mut body = call.read_same_name(message(call), call.parameter("app"))?;
    attributes::check(&body)?;
    app(config, call)?;
    let products = products(&mut body, config)?;
    let lifetime = number(&body, "keyExpiresIn").map(|time| in_milliseconds(time, call));
    let minted = (!products.is_empty()).then(|| Credential::mint(config, call, &products, lifetime));
    let app = app(config, call)?;
    for field in ["attributes", "callbackUrl"] {
        match body.remove(field) {
            Some(new) => set(&mut app.profile, field, new),
            None => {
                app.profile.remove(field);
            }
        }
    }
    set(&mut app.profile, "lastModifiedAt", call.now.to_string());
    app.credentials.extend(minted);
    Ok(Answer::Json(app.to_json()))
}

/// With `action`, changes the status and answers 204. Without it, adds a key for the products in the body.
fn generate_key_pair_or_update_status(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    if let Some(action) = call.query("action") {
        app(config, call)?.is_revoked = revokes(action)?;
        return Ok(Answer::Nothing);
    }
    let mut body = call.read_same_name(message(call), call.parameter("app"))?;
    app(config, call)?;
    let products = products(&mut body, config)?;
    let lifetime = number(&body, "keyExpiresIn").map(|time| in_milliseconds(time, call));
    let credential = Credential::mint(config, call, &products, lifetime);
    let app = app(config, call)?;
    app.credentials.push(credential);
    Ok(Answer::Json(app.to_json()))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let apps = &mut owner(config, call)?.apps;
    Ok(Answer::Json(take(apps, call, "apps", call.parameter("app"))?.to_json()))
}

/// The products in a body, which must all exist. They are stored in the keys, not in the app.
fn products(body: &mut Object, config: &ConfigState) -> Result<Vec<String>, Fault> {
    let products = texts(body, "apiProducts");
    body.remove("apiProducts");
    exist(config, &products)?;
    Ok(products)
}

/// `keyExpiresIn` is in milliseconds for a developer's app and in seconds for an app group's app; -1 means never.
fn in_milliseconds(time: i64, call: &Call) -> i64 {
    if is_of_group(call) && time > 0 { time.saturating_mul(1000) } else { time }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A configuration with the products p and q, the developer d@x.example and the app group g.
    pub(in crate::config) fn with_owners() -> ConfigState {
        let mut config = ConfigState::default();
        for name in ["p", "q"] {
            config.products.insert(name.to_owned(), super::super::api_product::Product::default());
        }
        config.developers.insert("d@x.example".to_owned(), Owner::default());
        config.app_groups.insert("g".to_owned(), Owner::default());
        config
    }

    pub(in crate::config) fn at(more: &[(&str, &str)]) -> Call {
        let mut parameters = vec![("developer", "d@x.example"), ("app", "a")];
        parameters.extend_from_slice(more);
        Call::to("organizations/o/developers/d@x.example/apps/a", &parameters)
    }

    fn keys(config: &mut ConfigState) -> usize {
        app(config, &at(&[])).unwrap().credentials.len()
    }

    #[test]
    fn every_update_with_products_makes_a_key() {
        let mut config = with_owners();
        let body =
            json!({"name": "a", "apiProducts": ["p"], "attributes": [{"name": "x", "value": "1"}], "callbackUrl": "u"});
        let Answer::Json(created) = create(&mut config, &at(&[]).json(&body)).unwrap() else { panic!() };
        let key = &created["credentials"][0];
        assert_eq!(key["apiProducts"], json!([{"apiproduct": "p", "status": "approved"}]));
        assert_eq!((&key["expiresAt"], key["consumerKey"].as_str().unwrap().len()), (&json!("-1"), 48));
        assert_eq!(created.get("apiProducts"), None);
        update(&mut config, &at(&[]).json(&json!({"attributes": []}))).unwrap();
        assert_eq!(keys(&mut config), 1);
        update(&mut config, &at(&[]).json(&body)).unwrap();
        update(&mut config, &at(&[]).json(&body)).unwrap();
        assert_eq!(keys(&mut config), 3);
        let Answer::Json(bare) = update(&mut config, &at(&[]).json(&json!({}))).unwrap() else { panic!() };
        assert_eq!((bare.get("attributes"), bare.get("callbackUrl")), (None, None));
    }

    #[test]
    fn an_app_is_revoked_and_approved() {
        let mut config = with_owners();
        create(&mut config, &at(&[]).json(&json!({"name": "a"}))).unwrap();
        let revoke = at(&[]).with("action", "revoke");
        assert_eq!(generate_key_pair_or_update_status(&mut config, &revoke).unwrap(), Answer::Nothing);
        assert_eq!(app(&mut config, &at(&[])).unwrap().to_json()["status"], "revoked");
        let other = at(&[]).with("action", "other");
        assert_eq!(generate_key_pair_or_update_status(&mut config, &other).unwrap_err().code, 400);
        generate_key_pair_or_update_status(&mut config, &at(&[]).json(&json!({"apiProducts": ["p"]}))).unwrap();
        assert_eq!(keys(&mut config), 2);
    }

    #[test]
    fn products_exist_and_manual_ones_wait() {
        let mut config = with_owners();
        let missing = json!({"name": "a", "apiProducts": ["none"]});
        assert_eq!(create(&mut config, &at(&[]).json(&missing)).unwrap_err().code, 400);
        set(&mut config.products.get_mut("q").unwrap().profile, "approvalType", "manual");
        let body = json!({"name": "a", "apiProducts": ["q"], "keyExpiresIn": "5000"});
        let Answer::Json(created) = create(&mut config, &at(&[]).json(&body)).unwrap() else { panic!() };
        assert_eq!(created["credentials"][0]["apiProducts"][0]["status"], "pending");
        assert_eq!(created["credentials"][0]["expiresAt"], "6000");
        assert_eq!(create(&mut config, &at(&[]).json(&body)).unwrap_err().code, 409);
    }
}
