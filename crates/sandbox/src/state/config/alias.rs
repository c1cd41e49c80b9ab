//! Aliases of keystores: `environments.keystores.aliases`.
//!
//! A key is validated and not stored; a PKCS #12 file is not parsed, so its alias has no information about certificates. The formats
//! are `keycertfile` and `pkcs12`; `selfsignedcert` and certificate signing requests, which require the generation of a key, are refused.
//! An update only changes the certificate: another key needs another alias.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::collection::{find, find_mut, missing, take, vacant};
use super::{ConfigState, certificate};
use crate::api::Handler::Configuration;
use crate::api::{ApiError, ApiRequest, ApiResponse, Method, Parameter, Parameters, RequestBody, limits};
use apigee_flux_model::limits::{counts, texts};
use apigee_flux_model::pem;

pub(crate) const METHODS: &[Method] = &[
    Method::get("environments/{env}/keystores/{keystore}/aliases", Configuration(list)),
    Method::post("environments/{env}/keystores/{keystore}/aliases", Configuration(create)).query(CREATION).file(),
    Method::get("environments/{env}/keystores/{keystore}/aliases/{alias}", Configuration(get)),
    Method::put("environments/{env}/keystores/{keystore}/aliases/{alias}", Configuration(update)).query(CHECKS).file(),
    Method::delete("environments/{env}/keystores/{keystore}/aliases/{alias}", Configuration(delete)),
    Method::get("environments/{env}/keystores/{keystore}/aliases/{alias}/certificate", Configuration(get_certificate)),
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
pub(crate) struct Alias {
    /// Whether it has a private key.
    has_key: bool,
    /// The certificates in PEM; empty for PKCS #12.
    certificate: String,
}

type Aliases = std::collections::BTreeMap<String, Alias>;

fn aliases<'a>(config: &'a mut ConfigState, request: &ApiRequest) -> Result<&'a mut Aliases, ApiError> {
    find_mut(&mut config.environment(request).keystores, request, "keystores", request.parameter("keystore"))
}

fn list(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::names(aliases(config, request)?))
}

fn create(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.query("alias").unwrap_or_default();
    let aliases = aliases(config, request)?;
    limits::check(&texts::ALIAS, "alias", name)?;
    vacant(aliases, request, "aliases", name)?;
    limits::check_count(&counts::ALIASES, "aliases", aliases.len() + 1)?;
    let part = |name: &str| request.body.part(name);
    let alias = match request.query("format").unwrap_or_default() {
        "keycertfile" => {
            let file = part("certFile").ok_or_else(|| no_part("certFile"))?;
            let key = part("keyFile");
            if key.is_some_and(|key| pem::private_key(&String::from_utf8_lossy(key)).is_none()) {
                return Err(ApiError::invalid_argument("keyFile is not a private key in PEM"));
            }
            Alias { has_key: key.is_some(), certificate: checked(request, file)? }
        }
        "pkcs12" => {
            let file = part("file").ok_or_else(|| no_part("file"))?;
            // Every PKCS #12 file is a DER SEQUENCE.
            if file.first() != Some(&0x30) {
                return Err(ApiError::invalid_argument("file is not a PKCS #12 file"));
            }
            Alias { has_key: true, certificate: String::new() }
        }
        "selfsignedcert" => {
            return Err(ApiError::invalid_argument(
                "the sandbox does not generate keys: use the format keycertfile or pkcs12",
            ));
        }
        other => {
            return Err(ApiError::invalid_argument(format!(
                "invalid format \"{other}\": set `format` to keycertfile or pkcs12"
            )));
        }
    };
    let response = view(name, &alias, request.now);
    aliases.insert(name.to_owned(), alias);
    Ok(response)
}

fn get(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (aliases, name) = (aliases(config, request)?, request.parameter("alias"));
    Ok(view(name, find(aliases, request, "aliases", name)?, request.now))
}

/// Updates the certificate: the part `certFile` or `file` of a form, or the whole body.
fn update(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let name = request.parameter("alias");
    let alias = find_mut(aliases(config, request)?, request, "aliases", name)?;
    let part = |name: &str| request.body.part(name);
    if part("keyFile").is_some() {
        return Err(ApiError::invalid_argument(
            "an update changes the certificate only: create another alias for another key",
        ));
    }
    let file = match &request.body {
        RequestBody::Form(_) => part("certFile").or_else(|| part("file")).ok_or_else(|| no_part("certFile"))?,
        RequestBody::Whole(bytes) => bytes,
    };
    alias.certificate = checked(request, file)?;
    Ok(view(name, alias, request.now))
}

fn delete(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (aliases, name) = (aliases(config, request)?, request.parameter("alias"));
    Ok(view(name, &take(aliases, request, "aliases", name)?, request.now))
}

fn get_certificate(config: &mut ConfigState, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (aliases, name) = (aliases(config, request)?, request.parameter("alias"));
    let alias = find(aliases, request, "aliases", name)?;
    if alias.certificate.is_empty() {
        return Err(missing(request, "aliases", &format!("{name}/certificate")));
    }
    Ok(ApiResponse::Bytes(alias.certificate.clone().into_bytes()))
}

fn no_part(name: &str) -> ApiError {
    ApiError::invalid_argument(format!("the form has no field \"{name}\": send multipart/form-data with it"))
}

/// A certificate file, in PEM.
fn checked(request: &ApiRequest, file: &[u8]) -> Result<String, ApiError> {
    let found = certificate::read(file)
        .map_err(|why| ApiError::invalid_argument(format!("the certificate cannot be read: {why}")))?;
    if !request.flag("ignoreNewlineValidation") && certificate::runs_together(file) {
        return Err(ApiError::invalid_argument(
            "two certificates of the chain have no newline between them: add it, or set ignoreNewlineValidation",
        ));
    }
    if !request.flag("ignoreExpiryValidation") && found.iter().any(|certificate| certificate.is_expired(request.now)) {
        return Err(ApiError::invalid_argument("a certificate has expired: renew it, or set ignoreExpiryValidation"));
    }
    Ok(certificate::to_pem(file))
}

fn view(name: &str, alias: &Alias, now: u64) -> ApiResponse {
    let certificates = certificate::read(alias.certificate.as_bytes()).unwrap_or_default();
    let info: Vec<Value> = certificates.iter().map(|certificate| certificate.to_json(now)).collect();
    let kind = if alias.has_key { "KEY_CERT" } else { "CERT" };
    ApiResponse::value(json!({"alias": name, "type": kind, "certsInfo": {"certInfo": info}}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::config::certificate::tests::PEM;

    fn with_keystore() -> ConfigState {
        let mut config = ConfigState::default();
        config.environment(&ApiRequest::to("x", &[])).keystores.insert("k".to_owned(), Aliases::new());
        config
    }

    fn at() -> ApiRequest {
        let path = "organizations/o/environments/e/keystores/k/aliases";
        ApiRequest::to(path, &[("keystore", "k"), ("alias", "a")]).with("alias", "a").with("format", "keycertfile")
    }

    #[test]
    fn the_key_is_not_kept() {
        let mut config = with_keystore();
        let key = b"-----BEGIN PRIVATE KEY-----\ns3cret\n-----END PRIVATE KEY-----\n";
        let request = at().part("certFile", PEM.as_bytes()).part("keyFile", key);
        let ApiResponse::Json(created) = create(&mut config, &request).unwrap() else { panic!() };
        assert_eq!(created["type"], "KEY_CERT");
        assert_eq!(created["certsInfo"]["certInfo"][0]["subject"], "CN=orders.example,O=Acme");
        assert!(!serde_json::to_string(&config).unwrap().contains("s3cret"));
        assert_eq!(get_certificate(&mut config, &at()).unwrap(), ApiResponse::Bytes(PEM.as_bytes().to_vec()));
        assert_eq!(create(&mut config, &request).unwrap_err().code, 409);
        assert_eq!(update(&mut config, &request).unwrap_err().code, 400);
        update(&mut config, &at().part("certFile", PEM.as_bytes())).unwrap();
        delete(&mut config, &at()).unwrap();
        assert_eq!(get(&mut config, &at()).unwrap_err().code, 404);
    }

    #[test]
    fn an_expired_certificate_needs_the_flag() {
        let mut config = with_keystore();
        let mut request = at().part("certFile", PEM.as_bytes());
        request.now = 9_000_000_000_000;
        assert_eq!(create(&mut config, &request).unwrap_err().code, 400);
        let ApiResponse::Json(created) = create(&mut config, &request.with("ignoreExpiryValidation", "true")).unwrap()
        else {
            panic!()
        };
        assert_eq!((&created["type"], &created["certsInfo"]["certInfo"][0]["isValid"]), (&json!("CERT"), &json!("No")));
    }

    #[test]
    fn a_pkcs12_file_tells_nothing() {
        let mut config = with_keystore();
        let request = at().with("format", "pkcs12").part("file", &[0x30, 0]).part("password", b"p");
        assert_eq!(
            create(&mut config, &request).unwrap(),
            ApiResponse::Json(json!({"alias": "a", "type": "KEY_CERT"}))
        );
        assert_eq!(get_certificate(&mut config, &at()).unwrap_err().code, 404);
        assert_eq!(
            create(&mut config, &at().with("alias", "b").with("format", "selfsignedcert")).unwrap_err().code,
            400
        );
    }
}
