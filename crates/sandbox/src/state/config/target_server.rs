//! Target servers: `environments.targetservers`.
//!
//! A server that a deployed proxy refers to can be deleted, as in Apigee: calls fail then. `protocol` cannot be changed; the default is HTTP,
//! also in an update.

use serde_json::Value;

use super::ConfigState;
use super::collection::{find, find_mut, take, vacant};
use crate::api::Handler::Configuration;
use crate::api::message::{LIST, require, set, text};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Object, Type, limits, parameter};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("environments/{env}/targetservers", Configuration(list)),
    Method::post("environments/{env}/targetservers", Configuration(create)).query(parameter::NAME).json(&TARGET_SERVER),
    Method::get("environments/{env}/targetservers/{server}", Configuration(get)),
    Method::put("environments/{env}/targetservers/{server}", Configuration(update)).json(&TARGET_SERVER),
    Method::delete("environments/{env}/targetservers/{server}", Configuration(delete)),
];

const COMMON_NAME: Message =
    Message { name: "common_name", fields: &[("value", Type::Text), ("wildcardMatch", Type::Bool)] };

const TLS_INFO: Message = Message {
    name: "tls_info",
    fields: &[
        ("enabled", Type::Bool),
        ("clientAuthEnabled", Type::Bool),
        ("keyStore", Type::Text),
        ("keyAlias", Type::Text),
        ("trustStore", Type::Text),
        ("ignoreValidationErrors", Type::Bool),
        ("protocols", LIST),
        ("ciphers", LIST),
        ("commonName", Type::Nested(&COMMON_NAME)),
        ("enforce", Type::Bool),
    ],
};

const TARGET_SERVER: Message = Message {
    name: "target_server",
    fields: &[
        ("name", Type::Text),
        ("description", Type::Text),
        ("host", Type::Text),
        ("port", Type::Int32),
        ("isEnabled", Type::Bool),
        ("sSLInfo", Type::Nested(&TLS_INFO)),
        ("protocol", Type::Enum(&["PROTOCOL_UNSPECIFIED", "HTTP", "HTTP2", "GRPC_TARGET", "GRPC", "EXTERNAL_CALLOUT"])),
    ],
};

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::names(&config.environment(request).target_servers))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, mut server) = request.read_named(&TARGET_SERVER, "name", &texts::TARGET_SERVER)?;
    check(&mut server)?;
    let servers = &mut config.environment(request).target_servers;
    vacant(servers, request, "targetservers", &name)?;
    let response = ApiResponse::message(&server);
    servers.insert(name, server);
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let servers = &config.environment(request).target_servers;
    Ok(ApiResponse::message(find(servers, request, "targetservers", request.parameter("server"))?))
}

fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("server");
    let mut server = request.read_same_name(&TARGET_SERVER, name)?;
    check(&mut server)?;
    let stored = find_mut(&mut config.environment(request).target_servers, request, "targetservers", name)?;
    let (old, new) = (protocol(stored), protocol(&server));
    if old != new {
        return Err(ApiError::invalid_argument(format!(
            "target_server.protocol is {old} and cannot be changed to {new}: delete the target server and create it again"
        )));
    }
    *stored = server;
    Ok(ApiResponse::message(stored))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let servers = &mut config.environment(request).target_servers;
    Ok(ApiResponse::message(&take(servers, request, "targetservers", request.parameter("server"))?))
}

fn protocol(server: &Object) -> &str {
    match text(server, "protocol") {
        "" | "PROTOCOL_UNSPECIFIED" => "HTTP",
        other => other,
    }
}

/// Fills in the default and validates the fields.
fn check(server: &mut Object) -> Result<(), ApiError> {
    require(server, "target_server", &["host", "port"])?;
    limits::check_field(&texts::TARGET_HOST, "target_server", server, "host")?;
    let port = server.get("port").and_then(Value::as_i64).unwrap_or_default();
    if !(1..=65535).contains(&port) {
        return Err(ApiError::invalid_argument(format!("target_server.port is {port}; use 1 to 65535")));
    }
    if !server.contains_key("isEnabled") {
        set(server, "isEnabled", true);
    }
    if let Some(Value::Object(tls)) = server.get("sSLInfo") {
        limits::check_list(&texts::TLS_PROTOCOL, "target_server.s_sl_info", tls, "protocols")?;
        if tls.get("clientAuthEnabled") == Some(&Value::Bool(true)) {
            require(tls, "target_server.s_sl_info", &["keyStore", "keyAlias"])?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(server: &str) -> ApiRequest {
        ApiRequest::to("organizations/o/environments/e/targetservers/s", &[("server", server)])
    }

    #[test]
    fn an_update_replaces_all_but_the_protocol() {
        let mut config = ConfigState::default();
        let body = json!({"name": "s", "host": "a", "port": 80, "description": "d", "protocol": "GRPC", "sSLInfo": {"enabled": true}});
        let created = create(&mut config, &at("").json(&body)).unwrap();
        assert_eq!(
            created,
            ApiResponse::Json(json!({"name": "s", "host": "a", "port": 80, "description": "d", "protocol": "GRPC",
                "sSLInfo": {"enabled": true}, "isEnabled": true}))
        );
        let error = update(&mut config, &at("s").json(&json!({"host": "b", "port": 81}))).unwrap_err();
        assert!(error.body(1).to_string().contains("cannot be changed to HTTP"));
        update(&mut config, &at("s").json(&json!({"host": "b", "port": 81, "protocol": "GRPC"}))).unwrap();
        let expected = json!({"host": "b", "port": 81, "protocol": "GRPC", "name": "s", "isEnabled": true});
        assert_eq!(get(&mut config, &at("s")).unwrap(), ApiResponse::Json(expected));
    }

    #[test]
    fn a_second_one_and_a_missing_one_are_refused() {
        let mut config = ConfigState::default();
        let request = at("").json(&json!({"name": "s", "host": "a", "port": 80}));
        create(&mut config, &request).unwrap();
        assert_eq!(create(&mut config, &request).unwrap_err().code, 409);
        assert_eq!(get(&mut config, &at("t")).unwrap_err().code, 404);
        delete(&mut config, &at("s")).unwrap();
        assert_eq!(delete(&mut config, &at("s")).unwrap_err().code, 404);
    }

    #[test]
    fn what_is_required_is_asked_for() {
        let mut config = ConfigState::default();
        for body in [
            json!({"name": "s", "port": 80}),
            json!({"name": "s", "host": "a"}),
            json!({"name": "s", "host": "a", "port": 65536}),
            json!({"host": "a", "port": 80}),
            json!({"name": "s/t", "host": "a", "port": 80}),
            json!({"name": "s", "host": "a", "port": 80, "sSLInfo": {"clientAuthEnabled": true}}),
        ] {
            assert_eq!(create(&mut config, &at("").json(&body)).unwrap_err().code, 400, "{body}");
        }
    }
}
