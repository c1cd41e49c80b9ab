//! Keys of apps: `….apps.keys`.
//!
//! An imported key has no products and is approved, whatever the request contains; a second call adds products and a third one revokes
//! it. A key is unique in an organization. `action` answers 204, as documented for the status of an app.

use serde_json::Value;

use super::api_product::exist;
use super::app::{App, app, is_of_group};
use super::call::{Answer, Call, missing};
use super::credential::{Credential, attributes, revokes, status};
use super::limits;
use super::message::{ATTRIBUTES, LIST, Message, Object, Type, number, require, text, texts};
use super::{ConfigState, Route, parameter};
use crate::fault::Fault;
use apigee_flux_model::limits::texts;

pub(super) const ROUTES: &[Route] = &[
    Route::post("developers/{developer}/apps/{app}/keys", create).json(&APP_KEY),
    Route::post("developers/{developer}/apps/{app}/keys/create", create).json(&APP_KEY),
    Route::get("developers/{developer}/apps/{app}/keys/{key}", get),
    Route::post("developers/{developer}/apps/{app}/keys/{key}", update).query(parameter::ACTION).json(&APP_KEY),
    Route::put("developers/{developer}/apps/{app}/keys/{key}", replace).json(&APP_KEY),
    Route::delete("developers/{developer}/apps/{app}/keys/{key}", delete),
    Route::post("developers/{developer}/apps/{app}/keys/{key}/apiproducts/{product}", update_product)
        .query(parameter::ACTION),
    Route::delete("developers/{developer}/apps/{app}/keys/{key}/apiproducts/{product}", delete_product),
    Route::post("appgroups/{group}/apps/{app}/keys", create).json(&APP_GROUP_APP_KEY),
    Route::get("appgroups/{group}/apps/{app}/keys/{key}", get),
    Route::post("appgroups/{group}/apps/{app}/keys/{key}", update_of_group).json(&UPDATE_APP_GROUP_APP_KEY),
    Route::delete("appgroups/{group}/apps/{app}/keys/{key}", delete),
    Route::post("appgroups/{group}/apps/{app}/keys/{key}/apiproducts/{product}", update_product)
        .query(parameter::ACTION),
    Route::delete("appgroups/{group}/apps/{app}/keys/{key}/apiproducts/{product}", delete_product),
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

/// The key in the path of a call.
fn key<'a>(app: &'a mut App, call: &Call) -> Result<&'a mut Credential, Fault> {
    let wanted = call.parameter("key");
    let found = app.credentials.iter_mut().find(|key| key.consumer_key == wanted);
    found.ok_or_else(|| missing(call, "keys", wanted))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let message = if is_of_group(call) { &APP_GROUP_APP_KEY } else { &APP_KEY };
    let body = call.read(message)?;
    require(&body, "app_key", &["consumerKey"])?;
    let (name, secret) = (text(&body, "consumerKey"), text(&body, "consumerSecret"));
    limits::check(&texts::CONSUMER_KEY, "app_key.consumerKey", name)?;
    limits::check_field(&texts::CONSUMER_SECRET, "app_key", &body, "consumerSecret")?;
    limits::check_list(&texts::SCOPE, "app_key", &body, "scopes")?;
    app(config, call)?;
    let owners = config.developers.values().chain(config.app_groups.values());
    let mut keys = owners.flat_map(|owner| owner.apps.values()).flat_map(|app| &app.credentials);
    if keys.any(|other| other.consumer_key == name) {
        return Err(Fault::resource_exists(&call.member("keys", name)));
    }
    let lifetime =
        number(&body, "expiresInSeconds").map(|time| if time > 0 { time.saturating_mul(1000) } else { time });
    let mut credential = Credential::mint(config, call, &[], lifetime);
    name.clone_into(&mut credential.consumer_key);
    if !secret.is_empty() {
        secret.clone_into(&mut credential.consumer_secret);
    }
    credential.scopes = texts(&body, "scopes");
    credential.attributes = attributes(&body);
    let answer = Answer::value(credential.to_json());
    app(config, call)?.credentials.push(credential);
    Ok(answer)
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::value(key(app(config, call)?, call)?.to_json()))
}

/// With `action`, approves or revokes the key. Without it, adds products, and replaces attributes and scopes if the body has them.
fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    if let Some(action) = call.query("action") {
        key(app(config, call)?, call)?.is_revoked = revokes(action)?;
        return Ok(Answer::Nothing);
    }
    let body = call.read(&APP_KEY)?;
    let products = product_names(&body);
    change(config, call, &products, &body)
}

/// The same for an app group's key, where `action` is a field of the body.
fn update_of_group(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let body = call.read(&UPDATE_APP_GROUP_APP_KEY)?;
    let (action, products) = (text(&body, "action"), texts(&body, "apiProducts"));
    let revoked = if action.is_empty() { None } else { Some(revokes(action)?) };
    let empty = Object::new();
    let fields = body.get("appGroupAppKey").and_then(Value::as_object).unwrap_or(&empty);
    let answer = change(config, call, &products, fields)?;
    let Some(revoked) = revoked else { return Ok(answer) };
    let key = key(app(config, call)?, call)?;
    key.is_revoked = revoked;
    Ok(Answer::value(key.to_json()))
}

fn change(config: &mut ConfigState, call: &Call, products: &[String], fields: &Object) -> Result<Answer, Fault> {
    let mut changed = key(app(config, call)?, call)?.clone();
    exist(config, products)?;
    changed.add_products(config, products);
    if fields.contains_key("attributes") {
        changed.attributes = attributes(fields);
    }
    if fields.contains_key("scopes") {
        changed.scopes = texts(fields, "scopes");
    }
    let answer = Answer::value(changed.to_json());
    *key(app(config, call)?, call)? = changed;
    Ok(answer)
}

/// Replaces the scopes.
fn replace(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let body = call.read(&APP_KEY)?;
    let key = key(app(config, call)?, call)?;
    key.scopes = texts(&body, "scopes");
    Ok(Answer::value(key.to_json()))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let app = app(config, call)?;
    let answer = Answer::value(key(app, call)?.to_json());
    app.credentials.retain(|key| key.consumer_key != call.parameter("key"));
    Ok(answer)
}

/// Approves or revokes the key for one product.
fn update_product(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let revoked = revokes(call.query("action").unwrap_or_default())?;
    let name = call.parameter("product");
    let key = key(app(config, call)?, call)?;
    let product = key.products.iter_mut().find(|of| of.apiproduct == name);
    let product = product.ok_or_else(|| missing(call, "apiproducts", name))?;
    status(revoked).clone_into(&mut product.status);
    Ok(Answer::Nothing)
}

fn delete_product(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("product");
    let key = key(app(config, call)?, call)?;
    if !key.products.iter().any(|of| of.apiproduct == name) {
        return Err(missing(call, "apiproducts", name));
    }
    key.products.retain(|of| of.apiproduct != name);
    Ok(Answer::value(key.to_json()))
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
        let Answer::Json(created) = create(&mut config, &at(&[]).json(&body)).unwrap() else { panic!() };
        assert_eq!((&created["status"], created.get("apiProducts")), (&json!("approved"), None));
        assert_eq!(create(&mut config, &at(&[]).json(&body)).unwrap_err().code, 409);
        let key = || at(&[("key", "k"), ("product", "p")]);
        for _ in 0..2 {
            let body = json!({"apiProducts": ["p", {"apiproduct": "q"}]});
            let Answer::Json(updated) = update(&mut config, &key().json(&body)).unwrap() else { panic!() };
            assert_eq!(updated["apiProducts"].as_array().unwrap().len(), 2);
        }
        assert_eq!(update(&mut config, &key().with("action", "revoke")).unwrap(), Answer::Nothing);
        assert_eq!(update_product(&mut config, &key().with("action", "revoke")).unwrap(), Answer::Nothing);
        let Answer::Json(read) = get(&mut config, &key()).unwrap() else { panic!() };
        assert_eq!((&read["status"], &read["apiProducts"][0]["status"]), (&json!("revoked"), &json!("revoked")));
        delete_product(&mut config, &key()).unwrap();
        assert_eq!(delete_product(&mut config, &key()).unwrap_err().code, 404);
        delete(&mut config, &key()).unwrap();
        assert_eq!(get(&mut config, &key()).unwrap_err().code, 404);
    }

    #[test]
    fn a_wrong_secret_is_not_repeated() {
        let call = at(&[]).json(&json!({"consumerKey": "k", "consumerSecret": "s3cret!"}));
        let text = create(&mut with_app(), &call).unwrap_err().body(1).to_string();
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn a_missing_product_changes_nothing() {
        let mut config = with_app();
        create(&mut config, &at(&[]).json(&json!({"consumerKey": "k"}))).unwrap();
        let call = at(&[("key", "k")]).json(&json!({"apiProducts": ["p", "none"], "scopes": ["x"]}));
        assert_eq!(update(&mut config, &call).unwrap_err().code, 400);
        let Answer::Json(read) = get(&mut config, &at(&[("key", "k")])).unwrap() else { panic!() };
        assert_eq!((read.get("apiProducts"), read.get("scopes")), (None, None));
    }
}
