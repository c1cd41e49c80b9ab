//! References to keystores and truststores: `environments.references`.

use super::collection::{find, find_mut, take, vacant};
use super::{ConfigState, EnvironmentConfig};
use crate::api::Handler::Configuration;
use crate::api::message::{require, text};
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Object, Type, limits};
use apigee_flux_model::limits::texts;

pub(crate) const METHODS: &[Method] = &[
    Method::get("environments/{env}/references", Configuration(list)),
    Method::post("environments/{env}/references", Configuration(create)).json(&REFERENCE),
    Method::get("environments/{env}/references/{reference}", Configuration(get)),
    Method::put("environments/{env}/references/{reference}", Configuration(update)).json(&REFERENCE),
    Method::delete("environments/{env}/references/{reference}", Configuration(delete)),
];

const REFERENCE: Message = Message {
    name: "reference",
    fields: &[("name", Type::Text), ("description", Type::Text), ("resourceType", Type::Text), ("refers", Type::Text)],
};

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::names(&config.environment(request).references))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, reference) = request.read_named(&REFERENCE, "", &texts::REFERENCE)?;
    let environment = config.environment(request);
    vacant(&environment.references, request, "references", &name)?;
    check(environment, &reference)?;
    let response = ApiResponse::message(&reference);
    environment.references.insert(name, reference);
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let references = &config.environment(request).references;
    Ok(ApiResponse::message(find(references, request, "references", request.parameter("reference"))?))
}

fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("reference");
    let reference = request.read_same_name(&REFERENCE, name)?;
    let environment = config.environment(request);
    find(&environment.references, request, "references", name)?;
    check(environment, &reference)?;
    let stored = find_mut(&mut environment.references, request, "references", name)?;
    *stored = reference;
    Ok(ApiResponse::message(stored))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let references = &mut config.environment(request).references;
    Ok(ApiResponse::message(&take(references, request, "references", request.parameter("reference"))?))
}

/// "Must be the id of a resource that exists in the parent environment and is of the given resource_type." A keystore and a
/// truststore are the same resource in the API, so the type is not checked any further.
fn check(environment: &EnvironmentConfig, reference: &Object) -> Result<(), ApiError> {
    require(reference, "reference", &["refers", "resourceType"])?;
    limits::check_field(&texts::KEYSTORE, "reference", reference, "refers")?;
    let (kind, refers) = (text(reference, "resourceType"), text(reference, "refers"));
    if !["KeyStore", "TrustStore"].contains(&kind) {
        return Err(ApiError::invalid_argument(format!(
            "reference.resourceType is \"{kind}\"; use KeyStore or TrustStore"
        )));
    }
    if !environment.keystores.contains_key(refers) {
        return Err(ApiError::invalid_argument(format!(
            "reference.refers is \"{refers}\", and the environment has no such {kind}: create the keystore first"
        ))
        .or_status(404));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_referred_to_exists() {
        let mut config = ConfigState::default();
        let at = || ApiRequest::to("organizations/o/environments/e/references/r", &[("reference", "r")]);
        let body = json!({"name": "r", "refers": "k", "resourceType": "KeyStore"});
        assert_eq!(create(&mut config, &at().json(&body)).unwrap_err().code, 400);
        config.environment(&at()).keystores.insert("k".to_owned(), std::collections::BTreeMap::default());
        create(&mut config, &at().json(&body)).unwrap();
        assert_eq!(create(&mut config, &at().json(&body)).unwrap_err().code, 409);
        let other = json!({"refers": "other", "resourceType": "KeyStore"});
        assert_eq!(update(&mut config, &at().json(&other)).unwrap_err().code, 400);
        assert_eq!(get(&mut config, &at()).unwrap(), ApiResponse::Json(body));
    }
}
