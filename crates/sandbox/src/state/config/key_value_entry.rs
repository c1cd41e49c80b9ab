//! The entries of key value maps: `keyvaluemaps.entries`.
//!
//! An existing entry cannot be created again, so a client has to know which entries exist. A map with `maskedValues` returns [`MASK`] for
//! each value; the mask is that of Apigee Edge's encrypted maps, since no other one is documented.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::key_value_map::{KeyValueMap, map, scope};
use super::limits;
use super::message::{Message, Type, require, text};
use super::{ConfigState, Route, parameter};
use crate::fault::{Fault, Violation};
use apigee_flux_model::limits::texts;

pub(super) const ROUTES: &[Route] = &[
    Route::get("keyvaluemaps/{map}/entries", list).query(parameter::PAGE),
    Route::post("keyvaluemaps/{map}/entries", create).json(&KEY_VALUE_ENTRY),
    Route::get("keyvaluemaps/{map}/entries/{entry}", get),
    Route::put("keyvaluemaps/{map}/entries/{entry}", update).json(&KEY_VALUE_ENTRY),
    Route::delete("keyvaluemaps/{map}/entries/{entry}", delete),
    Route::get("environments/{env}/keyvaluemaps/{map}/entries", list).query(parameter::PAGE),
    Route::post("environments/{env}/keyvaluemaps/{map}/entries", create).json(&KEY_VALUE_ENTRY),
    Route::get("environments/{env}/keyvaluemaps/{map}/entries/{entry}", get),
    Route::put("environments/{env}/keyvaluemaps/{map}/entries/{entry}", update).json(&KEY_VALUE_ENTRY),
    Route::delete("environments/{env}/keyvaluemaps/{map}/entries/{entry}", delete),
    Route::get("apis/{name}/keyvaluemaps/{map}/entries", list).query(parameter::PAGE),
    Route::post("apis/{name}/keyvaluemaps/{map}/entries", create).json(&KEY_VALUE_ENTRY),
    Route::get("apis/{name}/keyvaluemaps/{map}/entries/{entry}", get),
    Route::put("apis/{name}/keyvaluemaps/{map}/entries/{entry}", update).json(&KEY_VALUE_ENTRY),
    Route::delete("apis/{name}/keyvaluemaps/{map}/entries/{entry}", delete),
];

const KEY_VALUE_ENTRY: Message =
    Message { name: "key_value_entry", fields: &[("name", Type::Text), ("value", Type::Text)] };

/// The text that replaces a masked value.
const MASK: &str = "*****";

/// The maximum number of entries on a page.
const PAGE: usize = 100;

fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let map = map(config, call)?;
    let (page, next) = call.page(&map.entries, PAGE, PAGE)?;
    let entries: Vec<Value> = page.into_iter().map(|(name, value)| entry(map, name, value)).collect();
    Ok(Answer::value(json!({"keyValueEntries": entries, "nextPageToken": next})))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let body = call.read(&KEY_VALUE_ENTRY)?;
    require(&body, "key_value_entry", &["name", "value"])?;
    let (name, value) = (text(&body, "name"), text(&body, "value"));
    limits::check(&texts::MAP_KEY, "key_value_entry.name", name)?;
    limits::check(&texts::MAP_VALUE, "key_value_entry.value", value)?;
    let map = map(config, call)?;
    if map.entries.contains_key(name) {
        // https://github.com/apigee/apigee-config-maven-plugin/issues/214 shows the body.
        let message = format!("KeyValueMapEntry {name} already exists in map {}", call.parameter("map"));
        let violation = Violation {
            kind: "keyvaluemap.service.KeyValueMapEntryAlreadyExists",
            subject: call.member("entries", name),
            description: message.clone(),
        };
        return Err(Fault::resource_exists(name).saying(message).because(&violation));
    }
    map.entries.insert(name.to_owned(), value.to_owned());
    Ok(Answer::value(entry(map, name, value)))
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (map, name) = (map(config, call)?, call.parameter("entry"));
    let value = map.entries.get(name).ok_or_else(|| missing(call, name))?;
    Ok(Answer::value(entry(map, name, value)))
}

fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("entry");
    let body = call.read_same_name(&KEY_VALUE_ENTRY, name)?;
    require(&body, "key_value_entry", &["value"])?;
    limits::check_field(&texts::MAP_VALUE, "key_value_entry", &body, "value")?;
    let map = map(config, call)?;
    let stored = map.entries.get_mut(name).ok_or_else(|| missing(call, name))?;
    text(&body, "value").clone_into(stored);
    Ok(Answer::value(entry(map, name, text(&body, "value"))))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (map, name) = (map(config, call)?, call.parameter("entry"));
    let value = map.entries.remove(name).ok_or_else(|| missing(call, name))?;
    Ok(Answer::value(entry(map, name, &value)))
}

fn entry(map: &KeyValueMap, name: &str, value: &str) -> Value {
    json!({"name": name, "value": if map.masked_values { MASK } else { value }})
}

/// 404 with Apigee's message (<https://github.com/apigee/apigeecli/issues/538> shows the body).
fn missing(call: &Call, name: &str) -> Fault {
    let scope = scope(call);
    let rest = match scope.split_once('/') {
        Some(("environments", environment)) => {
            format!("'ENVIRONMENTS', Organization = '{}', Environment = '{environment}'", call.organization())
        }
        Some((_, proxy)) => format!("'APIS', Organization = '{}', Api = '{proxy}'", call.organization()),
        None => format!("'ORGANIZATIONS', Organization = '{}'", call.organization()),
    };
    let map = call.parameter("map");
    let description =
        format!("KeyValueMap(Scope=KeyValueMapScope {{ScopeType ={rest}}},Map={map}) Entry={name} does not exist");
    let violation = Violation {
        kind: "keyvaluemap.service.keyvaluemap_entry_doesnt_exist",
        subject: call.member("entries", name),
        description: description.clone(),
    };
    Fault::not_found(description).because(&violation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(entry: &str) -> Call {
        Call::to("organizations/o/environments/e/keyvaluemaps/m/entries", &[("map", "m"), ("entry", entry)])
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
        assert_eq!(create(&mut config, &at("").json(&body)).unwrap(), Answer::Json(body.clone()));
        let text = create(&mut config, &at("").json(&body)).unwrap_err().body(1).to_string();
        assert!(text.contains("KeyValueMapEntry a b/c already exists in map m"), "{text}");
        assert!(text.contains("keyvaluemap.service.KeyValueMapEntryAlreadyExists"), "{text}");
        update(&mut config, &at("a b/c").json(&json!({"name": "a b/c", "value": "2"}))).unwrap();
        assert_eq!(get(&mut config, &at("a b/c")).unwrap(), Answer::Json(json!({"name": "a b/c", "value": "2"})));
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
        let Answer::Json(first) = list(&mut config, &at("")).unwrap() else { panic!() };
        assert_eq!(first["keyValueEntries"].as_array().unwrap().len(), 100);
        let next = first["nextPageToken"].as_str().unwrap();
        let second = list(&mut config, &at("").with("pageToken", next)).unwrap();
        assert_eq!(second, Answer::Json(json!({"keyValueEntries": [{"name": "k100", "value": "v"}]})));
    }

    #[test]
    fn masked_values_do_not_come_back() {
        let mut config = with_map(true);
        create(&mut config, &at("").json(&json!({"name": "k", "value": "s3cret"}))).unwrap();
        assert_eq!(get(&mut config, &at("k")).unwrap(), Answer::Json(json!({"name": "k", "value": MASK})));
    }
}
