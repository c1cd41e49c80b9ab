//! Keystores and truststores: `environments.keystores`. Not documented, chosen here: a keystore that a reference refers to cannot be
//! deleted; a keystore with aliases can, and the aliases are deleted with it.

use std::collections::BTreeMap;

use serde_json::json;

use super::ConfigState;
use super::alias::Alias;
use super::collection::{find, take, vacant};
use crate::api::Handler::Configuration;
use crate::api::message::text;
use crate::api::{ApiError, ApiRequest, ApiResponse, Message, Method, Type, Violation, limits, parameter};
use apigee_flux_model::limits::{counts, texts};

pub(crate) const METHODS: &[Method] = &[
    Method::get("environments/{env}/keystores", Configuration(list)),
    Method::post("environments/{env}/keystores", Configuration(create)).query(parameter::NAME).json(&KEYSTORE),
    Method::get("environments/{env}/keystores/{keystore}", Configuration(get)),
    Method::delete("environments/{env}/keystores/{keystore}", Configuration(delete)),
];

const KEYSTORE: Message = Message { name: "keystore", fields: &[("name", Type::Text), ("aliases", Type::Output)] };

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::names(&config.environment(request).keystores))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (name, _) = request.read_named(&KEYSTORE, "name", &texts::KEYSTORE)?;
    let keystores = &mut config.environment(request).keystores;
    vacant(keystores, request, "keystores", &name)?;
    limits::check_count(&counts::KEYSTORES, "keystores", keystores.len() + 1)?;
    let response = view(&name, &BTreeMap::new());
    keystores.insert(name, BTreeMap::new());
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("keystore");
    Ok(view(name, find(&config.environment(request).keystores, request, "keystores", name)?))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (environment, name) = (config.environment(request), request.parameter("keystore"));
    find(&environment.keystores, request, "keystores", name)?;
    let referring = environment.references.iter().filter(|(_, reference)| text(reference, "refers") == name);
    let violations: Vec<Violation> = referring
        .map(|(reference, _)| Violation {
            kind: "WOULD_BREAK_DEPENDENT",
            subject: reference.clone(),
            description: format!("The reference {reference} refers to the keystore {name}: change or delete it first."),
        })
        .collect();
    if !violations.is_empty() {
        let error = ApiError::failed_precondition(format!("the keystore {name} is referred to"), &violations);
        return Err(error.or_status(409));
    }
    let aliases = take(&mut environment.keystores, request, "keystores", name)?;
    Ok(view(name, &aliases))
}

fn view(name: &str, aliases: &BTreeMap<String, Alias>) -> ApiResponse {
    ApiResponse::value(json!({"name": name, "aliases": aliases.keys().collect::<Vec<_>>()}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Object;

    #[test]
    fn a_keystore_that_is_referred_to_stays() {
        let mut config = ConfigState::default();
        let at = || ApiRequest::to("organizations/o/environments/e/keystores/k", &[("keystore", "k")]);
        assert_eq!(create(&mut config, &at().with("name", "k")).unwrap(), ApiResponse::Json(json!({"name": "k"})));
        let reference: Object = [("refers".to_owned(), json!("k"))].into_iter().collect();
        config.environment(&at()).references.insert("r".to_owned(), reference);
        assert_eq!(delete(&mut config, &at()).unwrap_err().code, 400);
        config.environment(&at()).references.clear();
        delete(&mut config, &at()).unwrap();
        assert_eq!(get(&mut config, &at()).unwrap_err().code, 404);
    }
}
