//! Key value maps of an organization, an environment or an API proxy: `keyvaluemaps`.
//!
//! A scope is the path between the organization and `keyvaluemaps`: empty, `environments/E` or `apis/A`. Not documented, chosen here: the
//! API proxy of a map must exist, and `maskedValues` can be changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::ConfigState;
use super::collection::{find, find_mut, missing, take};
use crate::api::Handler::Configuration;
use crate::api::message::require;
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Object, Type, Violation};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("keyvaluemaps", Configuration(list)),
    Method::post("keyvaluemaps", Configuration(create)).json(&KEY_VALUE_MAP),
    Method::get("keyvaluemaps/{map}", Configuration(get)),
    Method::put("keyvaluemaps/{map}", Configuration(update)).json(&KEY_VALUE_MAP),
    Method::delete("keyvaluemaps/{map}", Configuration(delete)),
    Method::get("environments/{env}/keyvaluemaps", Configuration(list)),
    Method::post("environments/{env}/keyvaluemaps", Configuration(create)).json(&KEY_VALUE_MAP),
    Method::get("environments/{env}/keyvaluemaps/{map}", Configuration(get)),
    Method::put("environments/{env}/keyvaluemaps/{map}", Configuration(update)).json(&KEY_VALUE_MAP),
    Method::delete("environments/{env}/keyvaluemaps/{map}", Configuration(delete)),
    Method::get("apis/{name}/keyvaluemaps", Configuration(list)),
    Method::post("apis/{name}/keyvaluemaps", Configuration(create)).json(&KEY_VALUE_MAP),
    Method::get("apis/{name}/keyvaluemaps/{map}", Configuration(get)),
    Method::put("apis/{name}/keyvaluemaps/{map}", Configuration(update)).json(&KEY_VALUE_MAP),
    Method::delete("apis/{name}/keyvaluemaps/{map}", Configuration(delete)),
];

const KEY_VALUE_MAP: Message = Message {
    name: "key_value_map",
    fields: &[("name", Type::Text), ("encrypted", Type::Bool), ("maskedValues", Type::Bool)],
};

/// A map and its entries.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeyValueMap {
    /// Whether values are masked in responses.
    pub(crate) masked_values: bool,
    /// The entries by name.
    pub(crate) entries: BTreeMap<String, String>,
}

/// The scope in the path of a request.
pub(crate) fn scope(request: &ApiRequest) -> String {
    match (request.parameter("env"), request.parameter("name")) {
        (_, proxy) if request.parameters.contains_key("name") => format!("apis/{proxy}"),
        (environment, _) if request.path.contains("/environments/") => format!("environments/{environment}"),
        _ => String::new(),
    }
}

/// The maps in the scope of a request.
pub(crate) fn maps<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> &'a mut BTreeMap<String, KeyValueMap> {
    config.key_value_maps.entry(scope(request)).or_default()
}

/// The map in the path of a request.
pub(crate) fn map<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> Result<&'a mut KeyValueMap, ApiError> {
    find_mut(maps(config, request), request, "keyvaluemaps", request.parameter("map"))
}

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::names(maps(config, request)))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, body) = request.read_named(&KEY_VALUE_MAP, "", &texts::KEY_VALUE_MAP)?;
    require(&body, "key_value_map", &["encrypted"])?;
    let proxy = request.parameter("name");
    if !proxy.is_empty() && !request.bundles.proxies.contains(proxy) {
        return Err(missing(request, "apis", proxy));
    }
    let maps = maps(config, request);
    if maps.contains_key(&name) {
        let path = request.member("keyvaluemaps", &name);
        let description = format!("KeyValueMap {name} already exists");
        // The type of Apigee Edge, https://github.com/apigee-internal/microgateway/issues/68; that of Apigee X is not documented.
        let violation =
            Violation { kind: "keyvaluemap.service.keyvaluemap_already_exist", subject: path.clone(), description };
        return Err(ApiError::resource_exists(&path).because(&violation));
    }
    let map = KeyValueMap { masked_values: masked(&body), entries: BTreeMap::new() };
    let response = view(&name, &map);
    maps.insert(name, map);
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("map");
    Ok(view(name, find(maps(config, request), request, "keyvaluemaps", name)?))
}

fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("map");
    let body = request.read_same_name(&KEY_VALUE_MAP, name)?;
    require(&body, "key_value_map", &["encrypted"])?;
    let map = map(config, request)?;
    map.masked_values = masked(&body);
    Ok(view(name, map))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("map");
    Ok(view(name, &take(maps(config, request), request, "keyvaluemaps", name)?))
}

fn masked(body: &Object) -> bool {
    body.get("maskedValues") == Some(&Value::Bool(true))
}

/// "The value of encrypted will always be `true`."
fn view(name: &str, map: &KeyValueMap) -> ApiResponse {
    ApiResponse::value(json!({"name": name, "encrypted": true, "maskedValues": map.masked_values}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str, parameters: &[(&str, &str)]) -> ApiRequest {
        ApiRequest::to(&format!("organizations/o/{path}"), parameters)
    }

    #[test]
    fn scopes_are_apart() {
        let mut config = ConfigState::default();
        let body = json!({"name": "m", "encrypted": false});
        let created = create(&mut config, &at("keyvaluemaps", &[]).json(&body)).unwrap();
        assert_eq!(created, ApiResponse::Json(json!({"name": "m", "encrypted": true})));
        let environment = at("environments/e/keyvaluemaps", &[("env", "e")]);
        assert_eq!(list(&mut config, &environment).unwrap(), ApiResponse::Json(json!([])));
        create(&mut config, &environment.json(&body)).unwrap();
        assert_eq!(create(&mut config, &at("keyvaluemaps", &[]).json(&body)).unwrap_err().code, 409);
        let mut proxy = at("apis/a/keyvaluemaps", &[("name", "a")]).json(&body);
        assert_eq!(create(&mut config, &proxy).unwrap_err().code, 404);
        proxy.bundles.proxies.insert("a".to_owned());
        create(&mut config, &proxy).unwrap();
        assert_eq!(list(&mut config, &proxy).unwrap(), ApiResponse::Json(json!(["m"])));
    }

    #[test]
    fn fields_of_edge_are_refused() {
        let request = at("keyvaluemaps", &[]).json(&json!({"name": "m", "entry": []}));
        let text = create(&mut ConfigState::default(), &request).unwrap_err().body(1).to_string();
        assert!(text.contains("Unknown name \\\"entry\\\" at 'key_value_map': Cannot find field."), "{text}");
    }
}
