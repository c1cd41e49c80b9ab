//! Keys of apps: `….apps.keys`.
//!
//! An imported key has no products and is approved, whatever the request contains; a second call adds products and a third one revokes
//! it. A key is unique in an organization. `action` answers 204, as documented for the status of an app.

use serde_json::Value;

use super::ConfigState;
use super::api_product::exist;
use super::app::{App, app};
use super::app_owner::is_of_group;
use super::collection::missing;
use super::credential::{Credential, attributes, revokes, status};
use crate::api::Handler::Configuration;
use crate::api::message::{ATTRIBUTES, LIST, number, require, text, texts};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Object, Type, limits, parameter};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::post("developers/{developer}/apps/{app}/keys", Configuration(create)).json(&APP_KEY),
    Method::post("developers/{developer}/apps/{app}/keys/create", Configuration(create)).json(&APP_KEY),
    Method::get("developers/{developer}/apps/{app}/keys/{key}", Configuration(get)),
    Method::post("developers/{developer}/apps/{app}/keys/{key}", Configuration(update))
        .query(parameter::ACTION)
        .json(&APP_KEY),
    Method::put("developers/{developer}/apps/{app}/keys/{key}", Configuration(replace)).json(&APP_KEY),
    Method::delete("developers/{developer}/apps/{app}/keys/{key}", Configuration(delete)),
    Method::post("developers/{developer}/apps/{app}/keys/{key}/apiproducts/{product}", Configuration(update_product))
        .query(parameter::ACTION),
    Method::delete("developers/{developer}/apps/{app}/keys/{key}/apiproducts/{product}", Configuration(delete_product)),
    Method::post("appgroups/{group}/apps/{app}/keys", Configuration(create)).json(&APP_GROUP_APP_KEY),
    Method::get("appgroups/{group}/apps/{app}/keys/{key}", Configuration(get)),
    Method::post("appgroups/{group}/apps/{app}/keys/{key}", Configuration(update_of_group))
        .json(&UPDATE_APP_GROUP_APP_KEY),
    Method::delete("appgroups/{group}/apps/{app}/keys/{key}", Configuration(delete)),
    Method::post("appgroups/{group}/apps/{app}/keys/{key}/apiproducts/{product}", Configuration(update_product))
        .query(parameter::ACTION),
    Method::delete("appgroups/{group}/apps/{app}/keys/{key}/apiproducts/{product}", Configuration(delete_product)),
];

/// `GoogleCloudApigeeV1DeveloperAppKey`.
const APP_KEY: Message = Message {
    name: "app_key",
    fields: &[
        ("consumerKey", Type::Text),
        ("consumerSecret", Type::Text),
        ("apiProducts", Type::List(&Type::Any)),
        ("attributes", ATTRIBUTES),
        ("scopes", LIST),
        ("expiresInSeconds", Type::Int64),
        ("status", Type::Text),
        ("issuedAt", Type::Output),
        ("expiresAt", Type::Output),
    ],
};

/// `GoogleCloudApigeeV1AppGroupAppKey`, whose products are output only.
const APP_GROUP_APP_KEY: Message = Message {
    name: "app_group_app_key",
    fields: &[
        ("consumerKey", Type::Text),
        ("consumerSecret", Type::Text),
        ("apiProducts", Type::Output),
        ("attributes", ATTRIBUTES),
        ("scopes", LIST),
        ("expiresInSeconds", Type::Int64),
        ("status", Type::Text),
        ("issuedAt", Type::Output),
        ("expiresAt", Type::Output),
    ],
};

const UPDATE_APP_GROUP_APP_KEY: Message = Message {
    name: "update_app_group_app_key_request",
    fields: &[("action", Type::Text), ("apiProducts", LIST), ("appGroupAppKey", Type::Nested(&APP_GROUP_APP_KEY))],
};

/// The key in the path of a request.
fn key<'a>(app: &'a mut App, request: &ApiRequest) -> Result<&'a mut Credential, ApiError> {
    let wanted = request.parameter("key");
    let found = app.credentials.iter_mut().find(|key| key.consumer_key == wanted);
    found.ok_or_else(|| missing(request, "keys", wanted))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let message = if is_of_group(request) { &APP_GROUP_APP_KEY } else { &APP_KEY };
    let body = request.read(message)?;
    require(&body, "app_key", &["consumerKey"])?;
    let (name, secret) = (text(&body, "consumerKey"), text(&body, "consumerSecret"));
    limits::check(&texts::CONSUMER_KEY, "app_key.consumerKey", name)?;
    limits::check_field(&texts::CONSUMER_SECRET, "app_key", &body, "consumerSecret")?;
    limits::check_list(&texts::SCOPE, "app_key", &body, "scopes")?;
    app(config, request)?;
    let owners = config.developers.values().chain(config.app_groups.values());
    let mut keys = owners.flat_map(|owner| owner.apps.values()).flat_map(|app| &app.credentials);
    if keys.any(|other| other.consumer_key == name) {
        return Err(ApiError::resource_exists(&request.member("keys", name)));
    }
    let lifetime =
        number(&body, "expiresInSeconds").map(|time| if time > 0 { time.saturating_mul(1000) } else { time });
    let mut credential = Credential::mint(config, request, &[], lifetime);
    name.clone_into(&mut credential.consumer_key);
    if !secret.is_empty() {
        secret.clone_into(&mut credential.consumer_secret);
    }
    credential.scopes = texts(&body, "scopes");
    credential.attributes = attributes(&body);
    let response = ApiResponse::value(credential.to_json());
    app(config, request)?.credentials.push(credential);
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::value(key(app(config, request)?, request)?.to_json()))
}

/// With `action`, approves or revokes the key. Without it, adds products, and replaces attributes and scopes if the body has them.
fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    if let Some(action) = request.query("action") {
        key(app(config, request)?, request)?.is_revoked = revokes(action)?;
        return Ok(ApiResponse::Nothing);
    }
    let body = request.read(&APP_KEY)?;
    let products = product_names(&body);
    change(config, request, &products, &body)
}

/// The same for an app group's key, where `action` is a field of the body.
fn update_of_group(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let body = request.read(&UPDATE_APP_GROUP_APP_KEY)?;
    let (action, products) = (text(&body, "action"), texts(&body, "apiProducts"));
    let revoked = if action.is_empty() { None } else { Some(revokes(action)?) };
    let empty = Object::new();
    let fields = body.get("appGroupAppKey").and_then(Value::as_object).unwrap_or(&empty);
    let response = change(config, request, &products, fields)?;
    let Some(revoked) = revoked else { return Ok(response) };
    let key = key(app(config, request)?, request)?;
    key.is_revoked = revoked;
    Ok(ApiResponse::value(key.to_json()))
}

fn change(
    config: &mut ConfigState,
    request: &ApiRequest,
    products: &[String],
    fields: &Object,
) -> Result<ApiResponse, ApiError> {
    let mut changed = key(app(config, request)?, request)?.clone();
    exist(config, products)?;
    changed.add_products(config, products);
    if fields.contains_key("attributes") {
        changed.attributes = attributes(fields);
    }
    if fields.contains_key("scopes") {
        changed.scopes = texts(fields, "scopes");
    }
    let response = ApiResponse::value(changed.to_json());
    *key(app(config, request)?, request)? = changed;
    Ok(response)
}

/// Replaces the scopes.
fn replace(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let body = request.read(&APP_KEY)?;
    let key = key(app(config, request)?, request)?;
    key.scopes = texts(&body, "scopes");
    Ok(ApiResponse::value(key.to_json()))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let app = app(config, request)?;
    let response = ApiResponse::value(key(app, request)?.to_json());
    app.credentials.retain(|key| key.consumer_key != request.parameter("key"));
    Ok(response)
}

/// Approves or revokes the key for one product.
fn update_product(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let revoked = revokes(request.query("action").unwrap_or_default())?;
    let name = request.parameter("product");
    let key = key(app(config, request)?, request)?;
    let product = key.products.iter_mut().find(|of| of.apiproduct == name);
    let product = product.ok_or_else(|| missing(request, "apiproducts", name))?;
    status(revoked).clone_into(&mut product.status);
    Ok(ApiResponse::Nothing)
}

fn delete_product(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("product");
    let key = key(app(config, request)?, request)?;
    if !key.products.iter().any(|of| of.apiproduct == name) {
        return Err(missing(request, "apiproducts", name));
    }
    key.products.retain(|of| of.apiproduct != name);
    Ok(ApiResponse::value(key.to_json()))
}

/// Products are written as names or as `{apiproduct: NAME}`: the discovery document has the type `any`.
fn product_names(body: &Object) -> Vec<String> {
    let list = body.get("apiProducts").and_then(Value::as_array);
    let name = |item: &Value| item.as_str().or_else(|| item["apiproduct"].as_str()).map(str::to_owned);
    list.into_iter().flatten().filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::app::tests::{at, with_owners};
    use super::*;

    fn with_app() -> ConfigState {
        let mut config = with_owners();
        let owner = config.developers.get_mut("d@x.example").unwrap();
        owner.apps.insert("a".to_owned(), App::default());
        config
    }

    #[test]
    fn a_key_brought_along_takes_three_calls() {
        let mut config = with_app();
        let body = json!({"consumerKey": "k", "consumerSecret": "s", "status": "revoked", "apiProducts": ["p"]});
        let ApiResponse::Json(created) = create(&mut config, &at(&[]).json(&body)).unwrap() else { panic!() };
        assert_eq!((&created["status"], created.get("apiProducts")), (&json!("approved"), None));
        assert_eq!(create(&mut config, &at(&[]).json(&body)).unwrap_err().code, 409);
        let key = || at(&[("key", "k"), ("product", "p")]);
        for _ in 0..2 {
            let body = json!({"apiProducts": ["p", {"apiproduct": "q"}]});
            let ApiResponse::Json(updated) = update(&mut config, &key().json(&body)).unwrap() else { panic!() };
            assert_eq!(updated["apiProducts"].as_array().unwrap().len(), 2);
        }
        assert_eq!(update(&mut config, &key().with("action", "revoke")).unwrap(), ApiResponse::Nothing);
        assert_eq!(update_product(&mut config, &key().with("action", "revoke")).unwrap(), ApiResponse::Nothing);
        let ApiResponse::Json(read) = get(&mut config, &key()).unwrap() else { panic!() };
        assert_eq!((&read["status"], &read["apiProducts"][0]["status"]), (&json!("revoked"), &json!("revoked")));
        delete_product(&mut config, &key()).unwrap();
        assert_eq!(delete_product(&mut config, &key()).unwrap_err().code, 404);
        delete(&mut config, &key()).unwrap();
        assert_eq!(get(&mut config, &key()).unwrap_err().code, 404);
    }

    #[test]
    fn a_wrong_secret_is_not_repeated() {
        let request = at(&[]).json(&json!({"consumerKey": "k", "consumerSecret": "s3cret!"}));
        let text = create(&mut with_app(), &request).unwrap_err().body(1).to_string();
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn a_missing_product_changes_nothing() {
        let mut config = with_app();
        create(&mut config, &at(&[]).json(&json!({"consumerKey": "k"}))).unwrap();
        let request = at(&[("key", "k")]).json(&json!({"apiProducts": ["p", "none"], "scopes": ["x"]}));
        assert_eq!(update(&mut config, &request).unwrap_err().code, 400);
        let ApiResponse::Json(read) = get(&mut config, &at(&[("key", "k")])).unwrap() else { panic!() };
        assert_eq!((read.get("apiProducts"), read.get("scopes")), (None, None));
    }
}
