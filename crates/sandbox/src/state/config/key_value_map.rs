//! Key value maps of an organization, an environment or an API proxy: `keyvaluemaps`.
//!
//! A scope is the path between the organization and `keyvaluemaps`: empty, `environments/E` or `apis/A`. Not documented, chosen here: the
//! API proxy of a map must exist, and `maskedValues` can be changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{Answer, Call, find, find_mut, missing, take};
use super::message::{Message, Object, Type, require};
use super::{ConfigState, Route};
use crate::fault::{Fault, Violation};
use apigee_flux_model::limits::texts;

pub(super) const ROUTES: &[Route] = &[
    Route::get("keyvaluemaps", list),
    Route::post("keyvaluemaps", create).json(&KEY_VALUE_MAP),
    Route::get("keyvaluemaps/{map}", get),
    Route::put("keyvaluemaps/{map}", update).json(&KEY_VALUE_MAP),
    Route::delete("keyvaluemaps/{map}", delete),
    Route::get("environments/{env}/keyvaluemaps", list),
    Route::post("environments/{env}/keyvaluemaps", create).json(&KEY_VALUE_MAP),
    Route::get("environments/{env}/keyvaluemaps/{map}", get),
    Route::put("environments/{env}/keyvaluemaps/{map}", update).json(&KEY_VALUE_MAP),
    Route::delete("environments/{env}/keyvaluemaps/{map}", delete),
    Route::get("apis/{name}/keyvaluemaps", list),
    Route::post("apis/{name}/keyvaluemaps", create).json(&KEY_VALUE_MAP),
    Route::get("apis/{name}/keyvaluemaps/{map}", get),
    Route::put("apis/{name}/keyvaluemaps/{map}", update).json(&KEY_VALUE_MAP),
    Route::delete("apis/{name}/keyvaluemaps/{map}", delete),
];

const KEY_VALUE_MAP: Message = Message {
    name: "key_value_map",
    fields: &[("name", Type::Text), ("encrypted", Type::Bool), ("maskedValues", Type::Bool)],
};

/// A map and its entries.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct KeyValueMap {
    /// Whether values are masked in responses.
    pub(super) masked_values: bool,
    /// The entries by name.
    pub(super) entries: BTreeMap<String, String>,
}

/// The scope in the path of a call.
pub(super) fn scope(call: &Call) -> String {
    match (call.parameter("env"), call.parameter("name")) {
        (_, proxy) if call.parameters.contains_key("name") => format!("apis/{proxy}"),
        (environment, _) if call.path.contains("/environments/") => format!("environments/{environment}"),
        _ => String::new(),
    }
}

/// The maps in the scope of a call.
pub(super) fn maps<'a>(config: &'a mut ConfigState, call: &Call) -> &'a mut BTreeMap<String, KeyValueMap> {
    config.key_value_maps.entry(scope(call)).or_default()
}

/// The map in the path of a call.
pub(super) fn map<'a>(config: &'a mut ConfigState, call: &Call) -> Result<&'a mut KeyValueMap, Fault> {
    find_mut(maps(config, call), call, "keyvaluemaps", call.parameter("map"))
}

fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::names(maps(config, call)))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (name, body) = call.read_named(&KEY_VALUE_MAP, "", &texts::KEY_VALUE_MAP)?;
    require(&body, "key_value_map", &["encrypted"])?;
    let proxy = call.parameter("name");
    if !proxy.is_empty() && !call.bundles.proxies.contains(proxy) {
        return Err(missing(call, "apis", proxy));
    }
    let maps = maps(config, call);
    if maps.contains_key(&name) {
        let path = call.member("keyvaluemaps", &name);
        let description = format!("KeyValueMap {name} already exists");
        // The type of Apigee Edge, https://github.com/apigee-internal/microgateway/issues/68; that of Apigee X is not documented.
        let violation =
            Violation { kind: "keyvaluemap.service.keyvaluemap_already_exist", subject: path.clone(), description };
        return Err(Fault::resource_exists(&path).because(&violation));
    }
    let map = KeyValueMap { masked_values: masked(&body), entries: BTreeMap::new() };
    let answer = view(&name, &map);
    maps.insert(name, map);
    Ok(answer)
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("map");
    Ok(view(name, find(maps(config, call), call, "keyvaluemaps", name)?))
}

fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("map");
    let body = call.read_same_name(&KEY_VALUE_MAP, name)?;
    require(&body, "key_value_map", &["encrypted"])?;
    let map = map(config, call)?;
    map.masked_values = masked(&body);
    Ok(view(name, map))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("map");
    Ok(view(name, &take(maps(config, call), call, "keyvaluemaps", name)?))
}

fn masked(body: &Object) -> bool {
    body.get("maskedValues") == Some(&Value::Bool(true))
}

/// "The value of encrypted will always be `true`."
fn view(name: &str, map: &KeyValueMap) -> Answer {
    Answer::value(json!({"name": name, "encrypted": true, "maskedValues": map.masked_values}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str, parameters: &[(&str, &str)]) -> Call {
        Call::to(&format!("organizations/o/{path}"), parameters)
    }

    #[test]
    fn scopes_are_apart() {
        let mut config = ConfigState::default();
        let body = json!({"name": "m", "encrypted": false});
        let created = create(&mut config, &at("keyvaluemaps", &[]).json(&body)).unwrap();
        assert_eq!(created, Answer::Json(json!({"name": "m", "encrypted": true})));
        let environment = at("environments/e/keyvaluemaps", &[("env", "e")]);
        assert_eq!(list(&mut config, &environment).unwrap(), Answer::Json(json!([])));
        create(&mut config, &environment.json(&body)).unwrap();
        assert_eq!(create(&mut config, &at("keyvaluemaps", &[]).json(&body)).unwrap_err().code, 409);
        let mut proxy = at("apis/a/keyvaluemaps", &[("name", "a")]).json(&body);
        assert_eq!(create(&mut config, &proxy).unwrap_err().code, 404);
        proxy.bundles.proxies.insert("a".to_owned());
        create(&mut config, &proxy).unwrap();
        assert_eq!(list(&mut config, &proxy).unwrap(), Answer::Json(json!(["m"])));
    }

    #[test]
    fn fields_of_edge_are_refused() {
        let call = at("keyvaluemaps", &[]).json(&json!({"name": "m", "entry": []}));
        let text = create(&mut ConfigState::default(), &call).unwrap_err().body(1).to_string();
        assert!(text.contains("Unknown name \\\"entry\\\" at 'key_value_map': Cannot find field."), "{text}");
    }
}
