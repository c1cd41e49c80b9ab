//! The entries of key value maps: `keyvaluemaps.entries`.
//!
//! An existing entry cannot be created again, so a client has to know which entries exist. A map with `maskedValues` returns [`MASK`] for
//! each value; the mask is that of Apigee Edge's encrypted maps, since no other one is documented.

use serde_json::{Value, json};

use super::ConfigState;
use super::key_value_map::{KeyValueMap, map, scope};
use crate::api::Handler::Configuration;
use crate::api::message::{require, text};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Type, Violation, limits, parameter};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("keyvaluemaps/{map}/entries", Configuration(list)).query(parameter::PAGE),
    Method::post("keyvaluemaps/{map}/entries", Configuration(create)).json(&KEY_VALUE_ENTRY),
    Method::get("keyvaluemaps/{map}/entries/{entry}", Configuration(get)),
    Method::put("keyvaluemaps/{map}/entries/{entry}", Configuration(update)).json(&KEY_VALUE_ENTRY),
    Method::delete("keyvaluemaps/{map}/entries/{entry}", Configuration(delete)),
    Method::get("environments/{env}/keyvaluemaps/{map}/entries", Configuration(list)).query(parameter::PAGE),
    Method::post("environments/{env}/keyvaluemaps/{map}/entries", Configuration(create)).json(&KEY_VALUE_ENTRY),
    Method::get("environments/{env}/keyvaluemaps/{map}/entries/{entry}", Configuration(get)),
    Method::put("environments/{env}/keyvaluemaps/{map}/entries/{entry}", Configuration(update)).json(&KEY_VALUE_ENTRY),
    Method::delete("environments/{env}/keyvaluemaps/{map}/entries/{entry}", Configuration(delete)),
    Method::get("apis/{name}/keyvaluemaps/{map}/entries", Configuration(list)).query(parameter::PAGE),
    Method::post("apis/{name}/keyvaluemaps/{map}/entries", Configuration(create)).json(&KEY_VALUE_ENTRY),
    Method::get("apis/{name}/keyvaluemaps/{map}/entries/{entry}", Configuration(get)),
    Method::put("apis/{name}/keyvaluemaps/{map}/entries/{entry}", Configuration(update)).json(&KEY_VALUE_ENTRY),
    Method::delete("apis/{name}/keyvaluemaps/{map}/entries/{entry}", Configuration(delete)),
];

const KEY_VALUE_ENTRY: Message =
    Message { name: "key_value_entry", fields: &[("name", Type::Text), ("value", Type::Text)] };

/// The text that replaces a masked value.
const MASK: &str = "*****";

/// The maximum number of entries on a page.
const PAGE: usize = 100;

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let map = map(config, request)?;
    let (page, next) = request.page(&map.entries, PAGE, PAGE)?;
    let entries: Vec<Value> = page.into_iter().map(|(name, value)| entry(map, name, value)).collect();
    Ok(ApiResponse::value(json!({"keyValueEntries": entries, "nextPageToken": next})))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let body = request.read(&KEY_VALUE_ENTRY)?;
    require(&body, "key_value_entry", &["name", "value"])?;
    let (name, value) = (text(&body, "name"), text(&body, "value"));
    limits::check(&texts::MAP_KEY, "key_value_entry.name", name)?;
    limits::check(&texts::MAP_VALUE, "key_value_entry.value", value)?;
    let map = map(config, request)?;
    if map.entries.contains_key(name) {
        // https://github.com/apigee/apigee-config-maven-plugin/issues/214 shows the body.
        let message = format!("KeyValueMapEntry {name} already exists in map {}", request.parameter("map"));
        let violation = Violation {
            kind: "keyvaluemap.service.KeyValueMapEntryAlreadyExists",
            subject: request.member("entries", name),
            description: message.clone(),
        };
        return Err(ApiError::resource_exists(name).saying(message).because(&violation));
    }
    map.entries.insert(name.to_owned(), value.to_owned());
    Ok(ApiResponse::value(entry(map, name, value)))
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (map, name) = (map(config, request)?, request.parameter("entry"));
    let value = map.entries.get(name).ok_or_else(|| missing(request, name))?;
    Ok(ApiResponse::value(entry(map, name, value)))
}

fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("entry");
    let body = request.read_same_name(&KEY_VALUE_ENTRY, name)?;
    require(&body, "key_value_entry", &["value"])?;
    limits::check_field(&texts::MAP_VALUE, "key_value_entry", &body, "value")?;
    let map = map(config, request)?;
    let stored = map.entries.get_mut(name).ok_or_else(|| missing(request, name))?;
    text(&body, "value").clone_into(stored);
    Ok(ApiResponse::value(entry(map, name, text(&body, "value"))))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (map, name) = (map(config, request)?, request.parameter("entry"));
    let value = map.entries.remove(name).ok_or_else(|| missing(request, name))?;
    Ok(ApiResponse::value(entry(map, name, &value)))
}

fn entry(map: &KeyValueMap, name: &str, value: &str) -> Value {
    json!({"name": name, "value": if map.masked_values { MASK } else { value }})
}

/// 404 with Apigee's message (<https://github.com/apigee/apigeecli/issues/538> shows the body).
fn missing(request: &ApiRequest, name: &str) -> ApiError {
    let scope = scope(request);
    let rest = match scope.split_once('/') {
        Some(("environments", environment)) => {
            format!("'ENVIRONMENTS', Organization = '{}', Environment = '{environment}'", request.organization())
        }
        Some((_, proxy)) => format!("'APIS', Organization = '{}', Api = '{proxy}'", request.organization()),
        None => format!("'ORGANIZATIONS', Organization = '{}'", request.organization()),
    };
    let map = request.parameter("map");
    let description =
        format!("KeyValueMap(Scope=KeyValueMapScope {{ScopeType ={rest}}},Map={map}) Entry={name} does not exist");
    let violation = Violation {
        kind: "keyvaluemap.service.keyvaluemap_entry_doesnt_exist",
        subject: request.member("entries", name),
        description: description.clone(),
    };
    ApiError::not_found(description).because(&violation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(entry: &str) -> ApiRequest {
        ApiRequest::to("organizations/o/environments/e/keyvaluemaps/m/entries", &[("map", "m"), ("entry", entry)])
    }

    fn with_map(masked_values: bool) -> ConfigState {
        let mut config = ConfigState::default();
        let map = KeyValueMap { masked_values, ..KeyValueMap::default() };
        config.key_value_maps.entry("environments/e".to_owned()).or_default().insert("m".to_owned(), map);
        config
    }

    #[test]
    fn an_entry_is_created_once_and_updated_after() {
        let mut config = with_map(false);
        let body = json!({"name": "a b/c", "value": "1"});
        assert_eq!(create(&mut config, &at("").json(&body)).unwrap(), ApiResponse::Json(body.clone()));
        let text = create(&mut config, &at("").json(&body)).unwrap_err().body(1).to_string();
        assert!(text.contains("KeyValueMapEntry a b/c already exists in map m"), "{text}");
        assert!(text.contains("keyvaluemap.service.KeyValueMapEntryAlreadyExists"), "{text}");
        update(&mut config, &at("a b/c").json(&json!({"name": "a b/c", "value": "2"}))).unwrap();
        assert_eq!(get(&mut config, &at("a b/c")).unwrap(), ApiResponse::Json(json!({"name": "a b/c", "value": "2"})));
        assert_eq!(update(&mut config, &at("x").json(&json!({"value": "2"}))).unwrap_err().code, 404);
        delete(&mut config, &at("a b/c")).unwrap();
        let text = delete(&mut config, &at("a b/c")).unwrap_err().body(1).to_string();
        assert!(text.contains("ScopeType ='ENVIRONMENTS', Organization = 'o', Environment = 'e'"), "{text}");
    }

    #[test]
    fn pages_have_a_hundred() {
        let mut config = with_map(false);
        for index in 0..101 {
            create(&mut config, &at("").json(&json!({"name": format!("k{index:03}"), "value": "v"}))).unwrap();
        }
        let ApiResponse::Json(first) = list(&mut config, &at("")).unwrap() else { panic!() };
        assert_eq!(first["keyValueEntries"].as_array().unwrap().len(), 100);
        let next = first["nextPageToken"].as_str().unwrap();
        let second = list(&mut config, &at("").with("pageToken", next)).unwrap();
        assert_eq!(second, ApiResponse::Json(json!({"keyValueEntries": [{"name": "k100", "value": "v"}]})));
    }

    #[test]
    fn masked_values_do_not_come_back() {
        let mut config = with_map(true);
        create(&mut config, &at("").json(&json!({"name": "k", "value": "s3cret"}))).unwrap();
        assert_eq!(get(&mut config, &at("k")).unwrap(), ApiResponse::Json(json!({"name": "k", "value": MASK})));
    }
}
