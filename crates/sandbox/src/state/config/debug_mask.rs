//! The debug mask of an environment: `environments.getDebugmask` and `updateDebugmask`. It always exists.
//!
//! Without `replaceRepeatedFields=true`, an update appends to the lists, so a repeated update duplicates their items.

use serde_json::{Value, json};

use super::call::{Answer, Call};
use super::message::{LIST, Message, Type};
use super::{ConfigState, Environment, Route};
use crate::fault::Fault;
use crate::parameter::{Parameter, Parameters};

pub(super) const ROUTES: &[Route] = &[
    Route::get("environments/{env}/debugmask", get),
    Route::patch("environments/{env}/debugmask", update).query(UPDATE).json(&DEBUG_MASK),
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

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(view(config.environment(call), call))
}

fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let mut body = call.read(&DEBUG_MASK)?;
    let fields = DEBUG_MASK.masked(call.query("updateMask"), &body)?;
    let replaces = call.flag("replaceRepeatedFields")?;
    let environment = config.environment(call);
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
    Ok(view(environment, call))
}

fn view(environment: &Environment, call: &Call) -> Answer {
    let name = format!("organizations/{}/environments/{}/debugmask", call.organization(), call.parameter("env"));
    let mut value = json!({ "name": name });
    if let Value::Object(object) = &mut value {
        object.extend(environment.debug_mask.clone());
    }
    Answer::value(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(config: &mut ConfigState) -> Value {
        let Answer::Json(value) = get(config, &Call::to("x", &[])).unwrap() else { panic!() };
        value["variables"].clone()
    }

    #[test]
    fn lists_grow_unless_they_are_replaced() {
        let mut config = ConfigState::default();
        let call = || Call::to("x", &[]).json(&json!({"variables": ["a"], "faultXPaths": ["/f"]}));
        update(&mut config, &call()).unwrap();
        update(&mut config, &call().with("updateMask", "variables")).unwrap();
        assert_eq!(variables(&mut config), json!(["a", "a"]));
        update(&mut config, &call().with("replaceRepeatedFields", "true")).unwrap();
        assert_eq!(variables(&mut config), json!(["a"]));
        let clear = Call::to("x", &[]).json(&json!({})).with("updateMask", "variables");
        update(&mut config, &clear).unwrap();
        assert_eq!(variables(&mut config), json!(["a"]));
        let clear =
            Call::to("x", &[]).json(&json!({})).with("updateMask", "variables").with("replaceRepeatedFields", "true");
        update(&mut config, &clear).unwrap();
        assert_eq!(variables(&mut config), Value::Null);
    }
}
