//! Data collectors: `organizations.datacollectors`. The type of a data collector cannot be changed.

use serde_json::{Value, json};

use super::call::{Answer, Call, find, find_mut, take, vacant};
use super::message::{Message, Type, require, set, text};
use super::{ConfigState, Route, parameter};
use crate::fault::Fault;
use crate::parameter::{Parameter, Parameters};
use apigee_flux_model::limits::texts;

pub(super) const ROUTES: &[Route] = &[
    Route::get("datacollectors", list).query(parameter::PAGE),
    Route::post("datacollectors", create).query(ID).json(&DATA_COLLECTOR),
    Route::get("datacollectors/{collector}", get),
    Route::patch("datacollectors/{collector}", update).query(parameter::MASK).json(&DATA_COLLECTOR),
    Route::delete("datacollectors/{collector}", delete),
];

/// The parameter with the name of a new data collector.
const ID: Parameters = &[("dataCollectorId", Parameter::Text)];

const DATA_COLLECTOR: Message = Message {
    name: "data_collector",
    fields: &[
        ("name", Type::Text),
        ("description", Type::Text),
        ("type", Type::Enum(&["TYPE_UNSPECIFIED", "INTEGER", "FLOAT", "STRING", "BOOLEAN", "DATETIME"])),
        ("createdAt", Type::Output),
        ("lastModifiedAt", Type::Output),
    ],
};

fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (page, next) = call.page(&config.data_collectors, 25, 1000)?;
    let list: Vec<Value> = page.into_iter().map(|(_, item)| Value::Object(item.clone())).collect();
    Ok(Answer::value(json!({"dataCollectors": list, "nextPageToken": next})))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (name, mut collector) = call.read_named(&DATA_COLLECTOR, "dataCollectorId", &texts::DATA_COLLECTOR)?;
    require(&collector, "data_collector", &["type"])?;
    vacant(&config.data_collectors, call, "datacollectors", &name)?;
    set(&mut collector, "createdAt", call.now.to_string());
    set(&mut collector, "lastModifiedAt", call.now.to_string());
    let answer = Answer::message(&collector);
    config.data_collectors.insert(name, collector);
    Ok(answer)
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::message(find(&config.data_collectors, call, "datacollectors", call.parameter("collector"))?))
}

fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("collector");
    let body = call.read_same_name(&DATA_COLLECTOR, name)?;
    let fields = DATA_COLLECTOR.masked(call.query("updateMask"), &body)?;
    let stored = find_mut(&mut config.data_collectors, call, "datacollectors", name)?;
    let (old, new) = (text(stored, "type"), text(&body, "type"));
    if fields.contains(&"type") && old != new {
        return Err(Fault::invalid_argument(format!(
            "data_collector.type is {old} and cannot be changed to {new}: delete the data collector and create it again"
        )));
    }
    if fields.contains(&"description") {
        set(stored, "description", text(&body, "description"));
    }
    set(stored, "lastModifiedAt", call.now.to_string());
    Ok(Answer::message(stored))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    take(&mut config.data_collectors, call, "datacollectors", call.parameter("collector"))?;
    Ok(Answer::Json(json!({})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_and_the_type_are_held_to() {
        let mut config = ConfigState::default();
        let at = |name: &str| Call::to("organizations/o/datacollectors", &[("collector", name)]);
        let body = json!({"description": "d", "type": "STRING"});
        assert_eq!(create(&mut config, &at("").json(&body).with("dataCollectorId", "x")).unwrap_err().code, 400);
        create(&mut config, &at("").json(&body).with("dataCollectorId", "dc_x")).unwrap();
        assert_eq!(update(&mut config, &at("dc_x").json(&json!({"type": "FLOAT"}))).unwrap_err().code, 400);
        let call = at("dc_x").json(&json!({"description": "e", "type": "FLOAT"})).with("updateMask", "description");
        let Answer::Json(updated) = update(&mut config, &call).unwrap() else { panic!() };
        assert_eq!((&updated["description"], &updated["type"]), (&json!("e"), &json!("STRING")));
    }
}
