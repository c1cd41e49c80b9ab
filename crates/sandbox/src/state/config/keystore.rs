//! Keystores and truststores: `environments.keystores`. Not documented, chosen here: a keystore that a reference refers to cannot be
//! deleted; a keystore with aliases can, and the aliases are deleted with it.

use std::collections::BTreeMap;

use serde_json::json;

use super::alias::Alias;
use super::call::{Answer, Call, find, take, vacant};
use super::message::{Message, Type, text};
use super::{ConfigState, Route, limits, parameter};
use crate::fault::{Fault, Violation};
use apigee_flux_model::limits::{counts, texts};

pub(super) const ROUTES: &[Route] = &[
    Route::get("environments/{env}/keystores", list),
    Route::post("environments/{env}/keystores", create).query(parameter::NAME).json(&KEYSTORE),
    Route::get("environments/{env}/keystores/{keystore}", get),
    Route::delete("environments/{env}/keystores/{keystore}", delete),
];

const KEYSTORE: Message = Message { name: "keystore", fields: &[("name", Type::Text), ("aliases", Type::Output)] };

fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::names(&config.environment(call).keystores))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (name, _) = call.read_named(&KEYSTORE, "name", &texts::KEYSTORE)?;
    let keystores = &mut config.environment(call).keystores;
    vacant(keystores, call, "keystores", &name)?;
    limits::check_count(&counts::KEYSTORES, "keystores", keystores.len() + 1)?;
    let answer = view(&name, &BTreeMap::new());
    keystores.insert(name, BTreeMap::new());
    Ok(answer)
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("keystore");
    Ok(view(name, find(&config.environment(call).keystores, call, "keystores", name)?))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (environment, name) = (config.environment(call), call.parameter("keystore"));
    find(&environment.keystores, call, "keystores", name)?;
    let referring = environment.references.iter().filter(|(_, reference)| text(reference, "refers") == name);
    let violations: Vec<Violation> = referring
        .map(|(reference, _)| Violation {
            kind: "WOULD_BREAK_DEPENDENT",
            subject: reference.clone(),
            description: format!("The reference {reference} refers to the keystore {name}: change or delete it first."),
        })
        .collect();
    if !violations.is_empty() {
        let fault = Fault::failed_precondition(format!("the keystore {name} is referred to"), &violations);
        return Err(fault.or_status(409));
    }
    let aliases = take(&mut environment.keystores, call, "keystores", name)?;
    Ok(view(name, &aliases))
}

fn view(name: &str, aliases: &BTreeMap<String, Alias>) -> Answer {
    Answer::value(json!({"name": name, "aliases": aliases.keys().collect::<Vec<_>>()}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::message::Object;

    #[test]
    fn a_keystore_that_is_referred_to_stays() {
        let mut config = ConfigState::default();
        let at = || Call::to("organizations/o/environments/e/keystores/k", &[("keystore", "k")]);
        assert_eq!(create(&mut config, &at().with("name", "k")).unwrap(), Answer::Json(json!({"name": "k"})));
        let reference: Object = [("refers".to_owned(), json!("k"))].into_iter().collect();
        config.environment(&at()).references.insert("r".to_owned(), reference);
        assert_eq!(delete(&mut config, &at()).unwrap_err().code, 400);
        config.environment(&at()).references.clear();
        delete(&mut config, &at()).unwrap();
        assert_eq!(get(&mut config, &at()).unwrap_err().code, 404);
    }
}
