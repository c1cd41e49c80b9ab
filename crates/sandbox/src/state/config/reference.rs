//! References to keystores and truststores: `environments.references`.

use super::call::{Answer, Call, find, find_mut, take, vacant};
use super::limits;
use super::message::{Message, Object, Type, require, text};
use super::{ConfigState, Environment, Route};
use crate::fault::Fault;
use apigee_flux_model::limits::texts;

pub(super) const ROUTES: &[Route] = &[
    Route::get("environments/{env}/references", list),
    Route::post("environments/{env}/references", create).json(&REFERENCE),
    Route::get("environments/{env}/references/{reference}", get),
    Route::put("environments/{env}/references/{reference}", update).json(&REFERENCE),
    Route::delete("environments/{env}/references/{reference}", delete),
];

const REFERENCE: Message = Message {
    name: "reference",
    fields: &[("name", Type::Text), ("description", Type::Text), ("resourceType", Type::Text), ("refers", Type::Text)],
};

fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::names(&config.environment(call).references))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (name, reference) = call.read_named(&REFERENCE, "", &texts::REFERENCE)?;
    let environment = config.environment(call);
    vacant(&environment.references, call, "references", &name)?;
    check(environment, &reference)?;
    let answer = Answer::message(&reference);
    environment.references.insert(name, reference);
    Ok(answer)
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let references = &config.environment(call).references;
    Ok(Answer::message(find(references, call, "references", call.parameter("reference"))?))
}

fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("reference");
    let reference = call.read_same_name(&REFERENCE, name)?;
    let environment = config.environment(call);
    find(&environment.references, call, "references", name)?;
    check(environment, &reference)?;
    let stored = find_mut(&mut environment.references, call, "references", name)?;
    *stored = reference;
    Ok(Answer::message(stored))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let references = &mut config.environment(call).references;
    Ok(Answer::message(&take(references, call, "references", call.parameter("reference"))?))
}

/// "Must be the id of a resource that exists in the parent environment and is of the given resource_type." A keystore and a
/// truststore are the same resource in the API, so the type is not checked any further.
fn check(environment: &Environment, reference: &Object) -> Result<(), Fault> {
    require(reference, "reference", &["refers", "resourceType"])?;
    limits::check_field(&texts::KEYSTORE, "reference", reference, "refers")?;
    let (kind, refers) = (text(reference, "resourceType"), text(reference, "refers"));
    if !["KeyStore", "TrustStore"].contains(&kind) {
        return Err(Fault::invalid_argument(format!(
            "reference.resourceType is \"{kind}\"; use KeyStore or TrustStore"
        )));
    }
    if !environment.keystores.contains_key(refers) {
        return Err(Fault::invalid_argument(format!(
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
        let at = || Call::to("organizations/o/environments/e/references/r", &[("reference", "r")]);
        let body = json!({"name": "r", "refers": "k", "resourceType": "KeyStore"});
        assert_eq!(create(&mut config, &at().json(&body)).unwrap_err().code, 400);
        config.environment(&at()).keystores.insert("k".to_owned(), std::collections::BTreeMap::default());
        create(&mut config, &at().json(&body)).unwrap();
        assert_eq!(create(&mut config, &at().json(&body)).unwrap_err().code, 409);
        let other = json!({"refers": "other", "resourceType": "KeyStore"});
        assert_eq!(update(&mut config, &at().json(&other)).unwrap_err().code, 400);
        assert_eq!(get(&mut config, &at()).unwrap(), Answer::Json(body));
    }
}
