//! Data collectors: `organizations.datacollectors`. The type of a data collector cannot be changed.

use serde_json::{Value, json};

use super::ConfigState;
use super::collection::{find, find_mut, take, vacant};
use super::stamp::{set_created, set_modified};
use crate::api::Handler::Configuration;
use crate::api::message::{require, set, text};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Parameter, Parameters, Type, parameter};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("datacollectors", Configuration(list)).query(parameter::PAGE),
    Method::post("datacollectors", Configuration(create)).query(ID).json(&DATA_COLLECTOR),
    Method::get("datacollectors/{collector}", Configuration(get)),
    Method::patch("datacollectors/{collector}", Configuration(update)).query(parameter::MASK).json(&DATA_COLLECTOR),
    Method::delete("datacollectors/{collector}", Configuration(delete)),
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

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (page, next) = request.page(&config.data_collectors, 25, 1000)?;
    let list: Vec<Value> = page.into_iter().map(|(_, item)| Value::Object(item.clone())).collect();
    Ok(ApiResponse::value(json!({"dataCollectors": list, "nextPageToken": next})))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, mut collector) = request.read_named(&DATA_COLLECTOR, "dataCollectorId", &texts::DATA_COLLECTOR)?;
    require(&collector, "data_collector", &["type"])?;
    vacant(&config.data_collectors, request, "datacollectors", &name)?;
    set_created(&mut collector, request);
    let response = ApiResponse::message(&collector);
    config.data_collectors.insert(name, collector);
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::message(find(&config.data_collectors, request, "datacollectors", request.parameter("collector"))?))
}

fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("collector");
    let body = request.read_same_name(&DATA_COLLECTOR, name)?;
    let fields = DATA_COLLECTOR.masked(request.query("updateMask"), &body)?;
    let stored = find_mut(&mut config.data_collectors, request, "datacollectors", name)?;
    let (old, new) = (text(stored, "type"), text(&body, "type"));
    if fields.contains(&"type") && old != new {
        return Err(ApiError::invalid_argument(format!(
            "data_collector.type is {old} and cannot be changed to {new}: delete the data collector and create it again"
        )));
    }
    if fields.contains(&"description") {
        set(stored, "description", text(&body, "description"));
    }
    set_modified(stored, request);
    Ok(ApiResponse::message(stored))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    take(&mut config.data_collectors, request, "datacollectors", request.parameter("collector"))?;
    Ok(ApiResponse::Json(json!({})))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_and_the_type_are_held_to() {
        let mut config = ConfigState::default();
        let at = |name: &str| ApiRequest::to("organizations/o/datacollectors", &[("collector", name)]);
        let body = json!({"description": "d", "type": "STRING"});
        assert_eq!(create(&mut config, &at("").json(&body).with("dataCollectorId", "x")).unwrap_err().code, 400);
        create(&mut config, &at("").json(&body).with("dataCollectorId", "dc_x")).unwrap();
        assert_eq!(update(&mut config, &at("dc_x").json(&json!({"type": "FLOAT"}))).unwrap_err().code, 400);
        let request = at("dc_x").json(&json!({"description": "e", "type": "FLOAT"})).with("updateMask", "description");
        let ApiResponse::Json(updated) = update(&mut config, &request).unwrap() else { panic!() };
        assert_eq!((&updated["description"], &updated["type"]), (&json!("e"), &json!("STRING")));
    }
}
