//! Distributed tracing of an environment and its overrides for API proxies: `environments.traceConfig`.
//!
//! The configuration always exists, with the sampler `OFF`; the server generates the name of an override. Not documented, chosen here: a
//! second override for the same proxy is refused.

use serde_json::{Value, json};

use super::ConfigState;
use super::collection::{find, find_mut, take};
use crate::api::Handler::Configuration;
use crate::api::message::{require, set, text};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Object, Type, parameter};

pub(crate) const METHODS: &[Method] = &[
    Method::get("environments/{env}/traceConfig", Configuration(get)),
    Method::patch("environments/{env}/traceConfig", Configuration(update)).query(parameter::MASK).json(&TRACE_CONFIG),
    Method::get("environments/{env}/traceConfig/overrides", Configuration(list_overrides)).query(parameter::PAGE),
    Method::post("environments/{env}/traceConfig/overrides", Configuration(create_override)).json(&OVERRIDE),
    Method::get("environments/{env}/traceConfig/overrides/{override}", Configuration(get_override)),
    Method::patch("environments/{env}/traceConfig/overrides/{override}", Configuration(update_override))
        .query(parameter::MASK)
        .json(&OVERRIDE),
    Method::delete("environments/{env}/traceConfig/overrides/{override}", Configuration(delete_override)),
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

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let stored = &config.environment(request).trace_config;
    if stored.is_empty() {
        return Ok(ApiResponse::value(json!({"samplingConfig": {"sampler": "OFF"}})));
    }
    Ok(ApiResponse::message(stored))
}

fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let body = request.read(&TRACE_CONFIG)?;
    let mut new = config.environment(request).trace_config.clone();
    patch(&TRACE_CONFIG, request, &mut new, body)?;
    require(&new, "trace_config", &["exporter", "endpoint"])?;
    let stored = &mut config.environment(request).trace_config;
    *stored = new;
    Ok(ApiResponse::message(stored))
}

fn list_overrides(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (page, next) = request.page(&config.environment(request).trace_overrides, 25, 1000)?;
    let list: Vec<Value> = page.into_iter().map(|(_, item)| Value::Object(item.clone())).collect();
    Ok(ApiResponse::value(json!({"traceConfigOverrides": list, "nextPageToken": next})))
}

fn create_override(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let mut body = request.read(&OVERRIDE)?;
    require(&body, "trace_config_override", &["apiProxy", "samplingConfig"])?;
    check(&body)?;
    let proxy = text(&body, "apiProxy");
    if config.environment(request).trace_overrides.values().any(|other| text(other, "apiProxy") == proxy) {
        return Err(ApiError::resource_exists(&format!("{} of {proxy}", request.path)));
    }
    let name = config.fresh_uuid(request);
    set(&mut body, "name", name.as_str());
    let response = ApiResponse::message(&body);
    config.environment(request).trace_overrides.insert(name, body);
    Ok(response)
}

fn get_override(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let overrides = &config.environment(request).trace_overrides;
    Ok(ApiResponse::message(find(overrides, request, "overrides", request.parameter("override"))?))
}

fn update_override(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let body = request.read(&OVERRIDE)?;
    let stored = find_mut(
        &mut config.environment(request).trace_overrides,
        request,
        "overrides",
        request.parameter("override"),
    )?;
    let mut new = stored.clone();
    patch(&OVERRIDE, request, &mut new, body)?;
    *stored = new;
    Ok(ApiResponse::message(stored))
}

fn delete_override(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    take(&mut config.environment(request).trace_overrides, request, "overrides", request.parameter("override"))?;
    Ok(ApiResponse::Json(json!({})))
}

/// Replaces the fields of the mask.
fn patch(message: &Message, request: &ApiRequest, stored: &mut Object, mut body: Object) -> Result<(), ApiError> {
    for field in message.masked(request.query("updateMask"), &body)? {
        match body.remove(field) {
            Some(new) => stored.insert(field.to_owned(), new),
            None => stored.remove(field),
        };
    }
    check(stored)
}

/// "The supported values are > 0 and <= 0.5."
fn check(stored: &Object) -> Result<(), ApiError> {
    let Some(Value::Object(sampling)) = stored.get("samplingConfig") else { return Ok(()) };
    let rate = sampling.get("samplingRate").and_then(Value::as_f64).unwrap_or_default();
    if text(sampling, "sampler") == "PROBABILITY" && !(rate > 0.0 && rate <= 0.5) {
        return Err(ApiError::invalid_argument(format!("samplingRate is {rate}; use more than 0 and at most 0.5")));
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
        update(&mut config, &ApiRequest::to("x", &[]).json(&body)).unwrap();
        let off = json!({"endpoint": "other", "samplingConfig": {"sampler": "OFF"}});
        update(&mut config, &ApiRequest::to("x", &[]).json(&off).with("updateMask", "samplingConfig.sampler")).unwrap();
        let expected = json!({"exporter": "CLOUD_TRACE", "endpoint": "p", "samplingConfig": {"sampler": "OFF"}});
        assert_eq!(get(&mut config, &ApiRequest::to("x", &[])).unwrap(), ApiResponse::Json(expected));
        let much = json!({"samplingConfig": {"sampler": "PROBABILITY", "samplingRate": 0.6}});
        assert_eq!(update(&mut config, &ApiRequest::to("x", &[]).json(&much)).unwrap_err().code, 400);
    }
}
