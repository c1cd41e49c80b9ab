//! The debug mask of an environment: `environments.getDebugmask` and `updateDebugmask`. It always exists.
//!
//! Without `replaceRepeatedFields=true`, an update appends to the lists, so a repeated update duplicates their items.

use serde_json::{Value, json};

use super::{ConfigState, EnvironmentConfig};
use crate::api::Handler::Configuration;
use crate::api::message::LIST;
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Parameter, Parameters, Type};

pub(crate) const METHODS: &[Method] = &[
    Method::get("environments/{env}/debugmask", Configuration(get)),
    Method::patch("environments/{env}/debugmask", Configuration(update)).query(UPDATE).json(&DEBUG_MASK),
];

/// The parameters of an update.
const UPDATE: Parameters = &[("replaceRepeatedFields", Parameter::Bool), ("updateMask", Parameter::Mask)];

const DEBUG_MASK: Message = Message {
    name: "debug_mask",
    fields: &[
        ("name", Type::Output),
        ("namespaces", Type::Texts),
        ("requestXPaths", LIST),
        ("responseXPaths", LIST),
        ("faultXPaths", LIST),
        ("requestJSONPaths", LIST),
        ("responseJSONPaths", LIST),
        ("faultJSONPaths", LIST),
        ("variables", LIST),
    ],
};

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(view(config.environment(request), request))
}

fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let mut body = request.read(&DEBUG_MASK)?;
    let fields = DEBUG_MASK.masked(request.query("updateMask"), &body)?;
    let replaces = request.flag("replaceRepeatedFields");
    let environment = config.environment(request);
    for field in fields {
        let new = body.remove(field);
        match (environment.debug_mask.get_mut(field), new) {
            (Some(Value::Array(old)), Some(Value::Array(new))) if !replaces => old.extend(new),
            (Some(Value::Object(old)), Some(Value::Object(new))) if !replaces => old.extend(new),
            (_, Some(new)) => {
                environment.debug_mask.insert(field.to_owned(), new);
            }
            (_, None) if replaces => {
                environment.debug_mask.remove(field);
            }
            (_, None) => {}
        }
    }
    Ok(view(environment, request))
}

fn view(environment: &EnvironmentConfig, request: &ApiRequest) -> ApiResponse {
    let name = format!("organizations/{}/environments/{}/debugmask", request.organization(), request.parameter("env"));
    let mut value = json!({ "name": name });
    if let Value::Object(object) = &mut value {
        object.extend(environment.debug_mask.clone());
    }
    ApiResponse::value(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(config: &mut ConfigState) -> Value {
        let ApiResponse::Json(value) = get(config, &ApiRequest::to("x", &[])).unwrap() else { panic!() };
        value["variables"].clone()
    }

    #[test]
    fn lists_grow_unless_they_are_replaced() {
        let mut config = ConfigState::default();
        let request = || ApiRequest::to("x", &[]).json(&json!({"variables": ["a"], "faultXPaths": ["/f"]}));
        update(&mut config, &request()).unwrap();
        update(&mut config, &request().with("updateMask", "variables")).unwrap();
        assert_eq!(variables(&mut config), json!(["a", "a"]));
        update(&mut config, &request().with("replaceRepeatedFields", "true")).unwrap();
        assert_eq!(variables(&mut config), json!(["a"]));
        let clear = ApiRequest::to("x", &[]).json(&json!({})).with("updateMask", "variables");
        update(&mut config, &clear).unwrap();
        assert_eq!(variables(&mut config), json!(["a"]));
        let clear = ApiRequest::to("x", &[])
            .json(&json!({}))
            .with("updateMask", "variables")
            .with("replaceRepeatedFields", "true");
        update(&mut config, &clear).unwrap();
        assert_eq!(variables(&mut config), Value::Null);
    }
}
