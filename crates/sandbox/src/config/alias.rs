//! Aliases of keystores: `environments.keystores.aliases`.
//!
//! A key is validated and not stored; a PKCS #12 file is not parsed, so its alias has no information about certificates. The formats
//! are `keycertfile` and `pkcs12`; `selfsignedcert` and certificate signing requests, which require the generation of a key, are refused.
//! An update only changes the certificate: another key needs another alias.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::call::{Answer, Call, find_mut, missing, vacant};
use super::certificate;
use super::{ConfigState, Route, limits};
use crate::fault::Fault;
use crate::parameter::{Parameter, Parameters};
use apigee_flux_model::limits::{counts, texts};
use apigee_flux_model::pem;

pub(super) const ROUTES: &[Route] = &[
    Route::get("environments/{env}/keystores/{keystore}/aliases", list),
    Route::post("environments/{env}/keystores/{keystore}/aliases", create).query(CREATION).file(),
    Route::get("environments/{env}/keystores/{keystore}/aliases/{alias}", get),
    Route::put("environments/{env}/keystores/{keystore}/aliases/{alias}", update).query(CHECKS).file(),
    Route::delete("environments/{env}/keystores/{keystore}/aliases/{alias}", delete),
    Route::get("environments/{env}/keystores/{keystore}/aliases/{alias}/certificate", get_certificate),
];

/// The parameters for the creation of an alias. `_password` is deprecated: passwords in queries are logged by proxies.
const CREATION: Parameters = &[
    ("_password", Parameter::Text),
    ("alias", Parameter::Text),
    ("format", Parameter::Text),
    ("ignoreExpiryValidation", Parameter::Bool),
    ("ignoreNewlineValidation", Parameter::Bool),
];

/// The parameters that disable validations of a certificate.
const CHECKS: Parameters = &[("ignoreExpiryValidation", Parameter::Bool), ("ignoreNewlineValidation", Parameter::Bool)];

/// The stored part of an alias.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alias {
    /// Whether it has a private key.
    has_key: bool,
    /// The certificates in PEM; empty for PKCS #12.
    certificate: String,
}

type Aliases = std::collections::BTreeMap<String, Alias>;

fn aliases<'a>(config: &'a mut ConfigState, call: &Call) -> Result<&'a mut Aliases, Fault> {
    find_mut(&mut config.environment(call).keystores, call, "keystores", call.parameter("keystore"))
}

fn list(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    Ok(Answer::names(aliases(config, call)?))
}

fn create(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.query("alias").unwrap_or_default();
    let aliases = aliases(config, call)?;
    limits::check(&texts::ALIAS, "alias", name)?;
    vacant(aliases, call, "aliases", name)?;
    limits::check_count(&counts::ALIASES, "aliases", aliases.len() + 1)?;
    let part = |name: &str| call.body.form.get(name).map(Vec::as_slice);
    let alias = match call.query("format").unwrap_or_default() {
        "keycertfile" => {
            let file = part("certFile").ok_or_else(|| no_part("certFile"))?;
            let key = part("keyFile");
            if key.is_some_and(|key| pem::private_key(&String::from_utf8_lossy(key)).is_none()) {
                return Err(Fault::invalid_argument("keyFile is not a private key in PEM"));
            }
            Alias { has_key: key.is_some(), certificate: checked(call, file)? }
        }
        "pkcs12" => {
            let file = part("file").ok_or_else(|| no_part("file"))?;
            // Every PKCS #12 file is a DER SEQUENCE.
            if file.first() != Some(&0x30) {
                return Err(Fault::invalid_argument("file is not a PKCS #12 file"));
            }
            Alias { has_key: true, certificate: String::new() }
        }
        "selfsignedcert" => {
            return Err(Fault::invalid_argument(
                "the sandbox does not generate keys: use the format keycertfile or pkcs12",
            ));
        }
        other => {
            return Err(Fault::invalid_argument(format!(
                "invalid format \"{other}\": set `format` to keycertfile or pkcs12"
            )));
        }
    };
    let answer = view(name, &alias, call.now);
    aliases.insert(name.to_owned(), alias);
    Ok(answer)
}

fn get(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (aliases, name) = (aliases(config, call)?, call.parameter("alias"));
    Ok(view(name, super::call::find(aliases, call, "aliases", name)?, call.now))
}

/// Updates the certificate: the part `certFile` or `file` of a form, or the whole body.
fn update(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let name = call.parameter("alias");
    let alias = find_mut(aliases(config, call)?, call, "aliases", name)?;
    let form = &call.body.form;
    if form.contains_key("keyFile") {
        return Err(Fault::invalid_argument(
            "an update changes the certificate only: create another alias for another key",
        ));
    }
    let file = match call.body.content_type.as_str() {
        "multipart/form-data" => {
            form.get("certFile").or_else(|| form.get("file")).ok_or_else(|| no_part("certFile"))?
        }
        _ => &call.body.bytes,
    };
    alias.certificate = checked(call, file)?;
    Ok(view(name, alias, call.now))
}

fn delete(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (aliases, name) = (aliases(config, call)?, call.parameter("alias"));
    Ok(view(name, &super::call::take(aliases, call, "aliases", name)?, call.now))
}

fn get_certificate(config: &mut ConfigState, call: &Call) -> Result<Answer, Fault> {
    let (aliases, name) = (aliases(config, call)?, call.parameter("alias"));
    let alias = super::call::find(aliases, call, "aliases", name)?;
    if alias.certificate.is_empty() {
        return Err(missing(call, "aliases", &format!("{name}/certificate")));
    }
    Ok(Answer::Bytes(alias.certificate.clone().into_bytes()))
}

fn no_part(name: &str) -> Fault {
    Fault::invalid_argument(format!("the form has no field \"{name}\": send multipart/form-data with it"))
}

/// A certificate file, in PEM.
fn checked(call: &Call, file: &[u8]) -> Result<String, Fault> {
    let found = certificate::read(file)
        .map_err(|why| Fault::invalid_argument(format!("the certificate cannot be read: {why}")))?;
    if !call.flag("ignoreNewlineValidation")? && certificate::runs_together(file) {
        return Err(Fault::invalid_argument(
            "two certificates of the chain have no newline between them: add it, or set ignoreNewlineValidation",
        ));
    }
    if !call.flag("ignoreExpiryValidation")? && found.iter().any(|certificate| certificate.is_expired(call.now)) {
        return Err(Fault::invalid_argument("a certificate has expired: renew it, or set ignoreExpiryValidation"));
    }
    Ok(certificate::to_pem(file))
}

fn view(name: &str, alias: &Alias, now: u64) -> Answer {
    let certificates = certificate::read(alias.certificate.as_bytes()).unwrap_or_default();
    let info: Vec<Value> = certificates.iter().map(|certificate| certificate.to_json(now)).collect();
    let kind = if alias.has_key { "KEY_CERT" } else { "CERT" };
    Answer::value(json!({"alias": name, "type": kind, "certsInfo": {"certInfo": info}}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::certificate::tests::PEM;

    fn with_keystore() -> ConfigState {
        let mut config = ConfigState::default();
        config.environment(&Call::to("x", &[])).keystores.insert("k".to_owned(), Aliases::new());
        config
    }

    fn at() -> Call {
        let path = "organizations/o/environments/e/keystores/k/aliases";
        Call::to(path, &[("keystore", "k"), ("alias", "a")]).with("alias", "a").with("format", "keycertfile")
    }

    #[test]
    fn the_key_is_not_kept() {
        let mut config = with_keystore();
        let key = b"-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n";
        let call = at().part("certFile", PEM.as_bytes()).part("keyFile", key);
        let Answer::Json(created) = create(&mut config, &call).unwrap() else { panic!() };
        assert_eq!(created["type"], "KEY_CERT");
        assert_eq!(created["certsInfo"]["certInfo"][0]["subject"], "CN=orders.example,O=Acme");
        assert!(!serde_json::to_string(&config).unwrap().contains("s3cret"));
        assert_eq!(get_certificate(&mut config, &at()).unwrap(), Answer::Bytes(PEM.as_bytes().to_vec()));
        assert_eq!(create(&mut config, &call).unwrap_err().code, 409);
        assert_eq!(update(&mut config, &call).unwrap_err().code, 400);
        update(&mut config, &at().part("certFile", PEM.as_bytes())).unwrap();
        delete(&mut config, &at()).unwrap();
        assert_eq!(get(&mut config, &at()).unwrap_err().code, 404);
    }

    #[test]
    fn an_expired_certificate_needs_the_flag() {
        let mut config = with_keystore();
        let mut call = at().part("certFile", PEM.as_bytes());
        call.now = 9_000_000_000_000;
        assert_eq!(create(&mut config, &call).unwrap_err().code, 400);
        let Answer::Json(created) = create(&mut config, &call.with("ignoreExpiryValidation", "true")).unwrap() else {
            panic!()
        };
        assert_eq!((&created["type"], &created["certsInfo"]["certInfo"][0]["isValid"]), (&json!("CERT"), &json!("No")));
    }

    #[test]
    fn a_pkcs12_file_tells_nothing() {
        let mut config = with_keystore();
        let call = at().with("format", "pkcs12").part("file", &[0x30, 0]).part("password", b"p");
        assert_eq!(create(&mut config, &call).unwrap(), Answer::Json(json!({"alias": "a", "type": "KEY_CERT"})));
        assert_eq!(get_certificate(&mut config, &at()).unwrap_err().code, 404);
        assert_eq!(
            create(&mut config, &at().with("alias", "b").with("format", "selfsignedcert")).unwrap_err().code,
            400
        );
    }
}
