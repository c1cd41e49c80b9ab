//! Apps of developers and of app groups: `organizations.developers.apps` and `organizations.appgroups.apps`.
//!
//! The creation of an app generates a key for its products, and **so does every update that names products**: the old keys are kept
//! (<https://github.com/apigee/apigee-config-maven-plugin/issues/17>). An update replaces the attributes and the callback URL.
//! Not documented, chosen here: scopes are not checked against the products.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ConfigState;
use super::api_product::exist;
use super::app_owner::{is_of_group, owner};
use super::attributes::{self, attribute_methods};
use super::collection::{find_mut, take, vacant};
use super::credential::{Credential, revokes, status};
use super::developer::expands;
use super::stamp::{set_created, set_modified};
use crate::api::Handler::Configuration;
use crate::api::message::{ATTRIBUTE, ATTRIBUTES, LIST, number, set, text, texts};
use crate::api::{
    ApiError, ApiRequest, ApiResponse, Message, Method, Object, Parameter, Parameters, Type, limits, parameter, prune,
};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("developers/{developer}/apps", Configuration(list)).query(LISTING),
    Method::post("developers/{developer}/apps", Configuration(create)).json(&DEVELOPER_APP),
    Method::get("developers/{developer}/apps/{app}", Configuration(get)).query(ENTITY),
    Method::put("developers/{developer}/apps/{app}", Configuration(update)).json(&DEVELOPER_APP),
    Method::post("developers/{developer}/apps/{app}", Configuration(generate_key_pair_or_update_status))
        .query(parameter::ACTION)
        .json(&DEVELOPER_APP),
    Method::delete("developers/{developer}/apps/{app}", Configuration(delete)),
    Method::get("appgroups/{group}/apps", Configuration(list_of_group)).query(parameter::PAGE),
    Method::post("appgroups/{group}/apps", Configuration(create)).json(&APP_GROUP_APP),
    Method::get("appgroups/{group}/apps/{app}", Configuration(get)),
    Method::put("appgroups/{group}/apps/{app}", Configuration(update)).query(parameter::ACTION).json(&APP_GROUP_APP),
    Method::delete("appgroups/{group}/apps/{app}", Configuration(delete)),
];

pub(crate) const ATTRIBUTE_METHODS: &[Method] = attribute_methods!("developers/{developer}/apps/{app}", app_profile);

/// The parameters of a list.
const LISTING: Parameters = &[
    ("count", Parameter::Int64),
    ("expand", Parameter::Bool),
    ("shallowExpand", Parameter::Bool),
    ("startKey", Parameter::Text),
];

/// The parameters that select a part of an app.
const ENTITY: Parameters = &[("entity", Parameter::Text), ("query", Parameter::Text)];

/// An app with its keys.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct App {
    /// `GoogleCloudApigeeV1DeveloperApp` or `…AppGroupApp`, without the credentials.
    pub(crate) profile: Object,
    pub(crate) is_revoked: bool,
    /// The keys in the order of their creation.
    pub(crate) credentials: Vec<Credential>,
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
    pub(crate) fn to_json(&self) -> Value {
        let mut object = self.profile.clone();
        set(&mut object, "status", status(self.is_revoked));
        let keys: Vec<Value> = self.credentials.iter().map(Credential::to_json).collect();
        set(&mut object, "credentials", keys);
        prune(Value::Object(object))
    }
}

/// The app in the path of a request.
pub(crate) fn app<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> Result<&'a mut App, ApiError> {
    find_mut(&mut owner(config, request)?.apps, request, "apps", request.parameter("app"))
}

fn app_profile<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> Result<&'a mut Object, ApiError> {
    app(config, request).map(|app| &mut app.profile)
}

fn message(request: &ApiRequest) -> &'static Message {
    if is_of_group(request) { &APP_GROUP_APP } else { &DEVELOPER_APP }
}

/// Without `expand`, the response has the name of each app in `appId`, as in Apigee.
fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (expand, shallow) = (expands(request)?, request.flag("shallowExpand"));
    let apps = &owner(config, request)?.apps;
    let list: Vec<Value> = request
        .page_by_key(apps, 100)?
        .into_iter()
        .map(|(name, app)| match (expand, shallow) {
            (true, _) => app.to_json(),
            (_, true) => json!({"appId": text(&app.profile, "appId"), "name": name}),
            _ => json!({ "appId": name }),
        })
        .collect();
    Ok(ApiResponse::value(json!({ "app": list })))
}

fn list_of_group(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (page, next) = request.page(&owner(config, request)?.apps, 1000, 1000)?;
    let list: Vec<Value> = page.into_iter().map(|(_, app)| app.to_json()).collect();
    Ok(ApiResponse::value(json!({"appGroupApps": list, "nextPageToken": next})))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, mut profile) = request.read_named(message(request), "", &texts::APP)?;
    attributes::check(&profile)?;
    limits::check_list(&texts::SCOPE, "app", &profile, "scopes")?;
    let products = products(&mut profile, config)?;
    let owner = owner(config, request)?;
    vacant(&owner.apps, request, "apps", &name)?;
    if is_of_group(request) {
        set(&mut profile, "appGroup", request.parameter("group"));
    } else {
        set(&mut profile, "developerId", text(&owner.profile, "developerId"));
    }
    let lifetime = number(&profile, "keyExpiresIn").map(|time| in_milliseconds(time, request));
    profile.remove("status");
    set(&mut profile, "appId", config.fresh_uuid(request));
    set_created(&mut profile, request);
    let mut credential = Credential::mint(config, request, &products, lifetime);
    credential.scopes = texts(&profile, "scopes");
    let app = App { profile, is_revoked: false, credentials: vec![credential] };
    let response = app.to_json();
    self::owner(config, request)?.apps.insert(name, app);
    Ok(ApiResponse::Json(response))
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::Json(app(config, request)?.to_json()))
}

fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    if is_of_group(request)
        && let Some(action) = request.query("action")
    {
        let app = app(config, request)?;
        app.is_revoked = revokes(action)?;
        return Ok(ApiResponse::Json(app.to_json()));
    }
    let mut body = request.read_same_name(message(request), request.parameter("app"))?;
    attributes::check(&body)?;
    app(config, request)?;
    let products = products(&mut body, config)?;
    let lifetime = number(&body, "keyExpiresIn").map(|time| in_milliseconds(time, request));
    let minted = (!products.is_empty()).then(|| Credential::mint(config, request, &products, lifetime));
    let app = app(config, request)?;
    for field in ["attributes", "callbackUrl"] {
        match body.remove(field) {
            Some(new) => set(&mut app.profile, field, new),
            None => {
                app.profile.remove(field);
            }
        }
    }
    set_modified(&mut app.profile, request);
    app.credentials.extend(minted);
    Ok(ApiResponse::Json(app.to_json()))
}

/// With `action`, changes the status and answers 204. Without it, adds a key for the products in the body.
fn generate_key_pair_or_update_status(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    if let Some(action) = request.query("action") {
        app(config, request)?.is_revoked = revokes(action)?;
        return Ok(ApiResponse::Nothing);
    }
    let mut body = request.read_same_name(message(request), request.parameter("app"))?;
    app(config, request)?;
    let products = products(&mut body, config)?;
    let lifetime = number(&body, "keyExpiresIn").map(|time| in_milliseconds(time, request));
    let credential = Credential::mint(config, request, &products, lifetime);
    let app = app(config, request)?;
    app.credentials.push(credential);
    Ok(ApiResponse::Json(app.to_json()))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let apps = &mut owner(config, request)?.apps;
    Ok(ApiResponse::Json(take(apps, request, "apps", request.parameter("app"))?.to_json()))
}

/// The products in a body, which must all exist. They are stored in the keys, not in the app.
fn products(body: &mut Object, config: &ConfigState) -> Result<Vec<String>, ApiError> {
    let products = texts(body, "apiProducts");
    body.remove("apiProducts");
    exist(config, &products)?;
    Ok(products)
}

/// `keyExpiresIn` is in milliseconds for a developer's app and in seconds for an app group's app; -1 means never.
fn in_milliseconds(time: i64, request: &ApiRequest) -> i64 {
    if is_of_group(request) && time > 0 { time.saturating_mul(1000) } else { time }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::app_owner::AppOwner;
    use super::*;

    /// A configuration with the products p and q, the developer d@x.example and the app group g.
    pub(crate) fn with_owners() -> ConfigState {
        let mut config = ConfigState::default();
        for name in ["p", "q"] {
            config.products.insert(name.to_owned(), super::super::api_product::Product::default());
        }
        config.developers.insert("d@x.example".to_owned(), AppOwner::default());
        config.app_groups.insert("g".to_owned(), AppOwner::default());
        config
    }

    pub(crate) fn at(more: &[(&str, &str)]) -> ApiRequest {
        let mut parameters = vec![("developer", "d@x.example"), ("app", "a")];
        parameters.extend_from_slice(more);
        ApiRequest::to("organizations/o/developers/d@x.example/apps/a", &parameters)
    }

    fn keys(config: &mut ConfigState) -> usize {
        app(config, &at(&[])).unwrap().credentials.len()
    }

    #[test]
    fn every_update_with_products_makes_a_key() {
        let mut config = with_owners();
        let body =
            json!({"name": "a", "apiProducts": ["p"], "attributes": [{"name": "x", "value": "1"}], "callbackUrl": "u"});
        let ApiResponse::Json(created) = create(&mut config, &at(&[]).json(&body)).unwrap() else { panic!() };
        let key = &created["credentials"][0];
        assert_eq!(key["apiProducts"], json!([{"apiproduct": "p", "status": "approved"}]));
        assert_eq!((&key["expiresAt"], key["consumerKey"].as_str().unwrap().len()), (&json!("-1"), 48));
        assert_eq!(created.get("apiProducts"), None);
        update(&mut config, &at(&[]).json(&json!({"attributes": []}))).unwrap();
        assert_eq!(keys(&mut config), 1);
        update(&mut config, &at(&[]).json(&body)).unwrap();
        update(&mut config, &at(&[]).json(&body)).unwrap();
        assert_eq!(keys(&mut config), 3);
        let ApiResponse::Json(bare) = update(&mut config, &at(&[]).json(&json!({}))).unwrap() else { panic!() };
        assert_eq!((bare.get("attributes"), bare.get("callbackUrl")), (None, None));
    }

    #[test]
    fn an_app_is_revoked_and_approved() {
        let mut config = with_owners();
        create(&mut config, &at(&[]).json(&json!({"name": "a"}))).unwrap();
        let revoke = at(&[]).with("action", "revoke");
        assert_eq!(generate_key_pair_or_update_status(&mut config, &revoke).unwrap(), ApiResponse::Nothing);
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
        let ApiResponse::Json(created) = create(&mut config, &at(&[]).json(&body)).unwrap() else { panic!() };
        assert_eq!(created["credentials"][0]["apiProducts"][0]["status"], "pending");
        assert_eq!(created["credentials"][0]["expiresAt"], "6000");
        assert_eq!(create(&mut config, &at(&[]).json(&body)).unwrap_err().code, 409);
    }
}
