//! Distributed tracing of an environment and its overrides for API proxies: `environments.traceConfig`.
//!
//! The configuration always exists, with the sampler `OFF`; the server generates the name of an override. Not documented, chosen here: a
//! second override for the same proxy is refused.

use serde_json::{Value, json};

use super::call::{Answer, Call, find, find_mut, take};
use super::message::{Message, Object, Type, require, set, text};
use super::{ConfigState, Route, parameter};
use crate::fault::Fault;

pub(super) const ROUTES: &[Route] = &[
    Route::get("environments/{env}/traceConfig", get),
    Route::patch("environments/{env}/traceConfig", update).query(parameter::MASK).json(&TRACE_CONFIG),
    Route::get("environments/{env}/traceConfig/overrides", list_overrides).query(parameter::PAGE),
    Route::post("environments/{env}/traceConfig/overrides", create_override).json(&OVERRIDE),
    Route::get("environments/{env}/traceConfig/overrides/{override}", get_override),
    Route::patch("environments/{env}/traceConfig/overrides/{override}", update_override)
        .query(parameter::MASK)
        .json(&OVERRIDE),
    Route::delete("environments/{env}/traceConfig/overrides/{override}", delete_override),
];

const SAMPLING: Message = Message {
    name: "sampling_config",
    fields: &[("sampler", Type::Enum(&["SAMPLER_UNSPECIFIED", "OFF", "PROBABILITY"])), ("samplingRate", Type::Float)],
};

const MTLS: Message = Message {
    name: "mtls_config",
    fields: &[("keyStore", Type::Text), ("keyAlias", Type::Text), ("trustStore", Type::Text)],
};

const TRACE_CONFIG: Message = Message {
    name: "trace_config",
    fields: &[
        (
            "exporter",
            Type::Enum(&[
                "EXPORTER_UNSPECIFIED",
                "JAEGER",
                "CLOUD_TRACE",
                "OPEN_TELEMETRY_COLLECTOR",
                "OPEN_TELEMETRY_CLOUD_TRACE",
            ]),
        ),
        ("endpoint", Type::Text),
        ("samplingConfig", Type::Nested(&SAMPLING)),
        ("mtlsConfig", Type::Nested(&MTLS)),
        ("otelCollectorSecurityScheme", Type::Enum(&["OTEL_COLLECTOR_SECURITY_SCHEME_UNSPECIFIED", "NONE", "MTLS"])),
        ("spanSemantics", Type::Enum(&["SPAN_SEMANTICS_UNSPECIFIED", "LEGACY", "OTEL"])),
        ("traceProtocol", Type::Enum(&["TRACE_PROTOCOL_UNSPECIFIED", "OPEN_CENSUS", "OTLP"])),
    ],
};

const OVERRIDE: Message = Message {
    name: "trace_config_override",
    fields: &[("name", Type::Output), ("apiProxy", Type::Text), ("samplingConfig", Type::Nested(&SAMPLING))],
};

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let stored = &config.environment(call).trace_config;
    if stored.is_empty() {
        return Ok(Answer::value(json!({"samplingConfig": {"sampler": "OFF"}})));
    }
    Ok(Answer::message(stored))
}

fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let body = call.read(&TRACE_CONFIG)?;
    let mut new = config.environment(call).trace_config.clone();
    patch(&TRACE_CONFIG, call, &mut new, body)?;
    require(&new, "trace_config", &["exporter", "endpoint"])?;
    let stored = &mut config.environment(call).trace_config;
    *stored = new;
    Ok(Answer::message(stored))
}

fn list_overrides(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (page, next) = call.page(&config.environment(call).trace_overrides, 25, 1000)?;
    let list: Vec<Value> = page.into_iter().map(|(_, item)| Value::Object(item.clone())).collect();
    Ok(Answer::value(json!({"traceConfigOverrides": list, "nextPageToken": next})))
}

fn create_override(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let mut body = call.read(&OVERRIDE)?;
    require(&body, "trace_config_override", &["apiProxy", "samplingConfig"])?;
    check(&body)?;
    let proxy = text(&body, "apiProxy");
    if config.environment(call).trace_overrides.values().any(|other| text(other, "apiProxy") == proxy) {
        return Err(Fault::resource_exists(&format!("{} of {proxy}", call.path)));
    }
    let name = config.fresh_uuid(call);
    set(&mut body, "name", name.as_str());
    let answer = Answer::message(&body);
    config.environment(call).trace_overrides.insert(name, body);
    Ok(answer)
}

fn get_override(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let overrides = &config.environment(call).trace_overrides;
    Ok(Answer::message(find(overrides, call, "overrides", call.parameter("override"))?))
}

fn update_override(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let body = call.read(&OVERRIDE)?;
    let stored =
        find_mut(&mut config.environment(call).trace_overrides, call, "overrides", call.parameter("override"))?;
    let mut new = stored.clone();
    patch(&OVERRIDE, call, &mut new, body)?;
    *stored = new;
    Ok(Answer::message(stored))
}

fn delete_override(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    take(&mut config.environment(call).trace_overrides, call, "overrides", call.parameter("override"))?;
    Ok(Answer::Json(json!({})))
}

/// Replaces the fields of the mask.
fn patch(message: &Message, call: &Call, stored: &mut Object, mut body: Object) -> Result<(), Fault> {
    for field in message.masked(call.query("updateMask"), &body)? {
        match body.remove(field) {
            Some(new) => stored.insert(field.to_owned(), new),
            None => stored.remove(field),
        };
    }
    check(stored)
}

/// "The supported values are > 0 and <= 0.5."
fn check(stored: &Object) -> Result<(), Fault> {
    let Some(Value::Object(sampling)) = stored.get("samplingConfig") else { return Ok(()) };
    let rate = sampling.get("samplingRate").and_then(Value::as_f64).unwrap_or_default();
    if text(sampling, "sampler") == "PROBABILITY" && !(rate > 0.0 && rate <= 0.5) {
        return Err(Fault::invalid_argument(format!("samplingRate is {rate}; use more than 0 and at most 0.5")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_says_what_changes() {
        let mut config = ConfigState::default();
        let body = json!({"exporter": "CLOUD_TRACE", "endpoint": "p", "samplingConfig": {"sampler": "PROBABILITY", "samplingRate": 0.1}});
        update(&mut config, &Call::to("x", &[]).json(&body)).unwrap();
        let off = json!({"endpoint": "other", "samplingConfig": {"sampler": "OFF"}});
        update(&mut config, &Call::to("x", &[]).json(&off).with("updateMask", "samplingConfig.sampler")).unwrap();
        let expected = json!({"exporter": "CLOUD_TRACE", "endpoint": "p", "samplingConfig": {"sampler": "OFF"}});
        assert_eq!(get(&mut config, &Call::to("x", &[])).unwrap(), Answer::Json(expected));
        let much = json!({"samplingConfig": {"sampler": "PROBABILITY", "samplingRate": 0.6}});
        assert_eq!(update(&mut config, &Call::to("x", &[]).json(&much)).unwrap_err().code, 400);
    }
}
