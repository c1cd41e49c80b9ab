//! `ApigeeKeystore`: keys and certificates of an environment (`environments.keystores` and their `aliases`).

mod content;
mod crud;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::secret::{self, Secret, SecretOrText};
use super::{Configuration, ConfigurationSpec, Crud, Scope, attributes};
use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::limits::{counts, texts};
use apigee_flux_model::pem;
use apigee_flux_model::yaml::word_or::WordOr;
use crud::{Keystores, PROBE};

/// Keys with their certificates, or trusted certificates, to which target servers and proxies refer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keystore {
    /// The aliases, by name. Unmanaged aliases are kept.
    #[serde(default)]
    pub aliases: BTreeMap<String, Alias>,
}

/// A key with its certificate, or a trusted certificate: `certificate` or `pkcs12`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alias {
    /// The certificate in PEM format, followed by its chain: the text itself, since it is public, or `{valueFrom: …}`, for example the key
    /// `tls.crt` of a Secret of cert-manager.
    pub certificate: Option<SecretOrText>,
    /// The private key in PEM format. A trusted certificate has none.
    ///
    /// Apigee cannot change a key: for a new key, the alias is deleted and created again, and it does not exist between the two requests. To
    /// change a key without interruption, put the new key into a second keystore and change an `ApigeeReference` to refer to that keystore.
    pub key: Option<Secret>,
    /// The password of an encrypted key. One trailing line break is ignored.
    pub key_password: Option<Secret>,
    /// The certificate and the key in one PKCS #12 file.
    pub pkcs12: Option<Pkcs12>,
    /// Whether Apigee accepts expired certificates. Default: `false`.
    #[serde(default)]
    pub ignore_expiry_validation: bool,
}

/// A PKCS #12 file. A manual change in Apigee is not detected, because Apigee does not return the content. For a new file or password in
/// the Secret, the alias is deleted and created again.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pkcs12 {
    /// The file: its bytes, or the bytes as base64.
    pub file: Secret,
    /// The password of the file. One trailing line break is ignored.
    pub password: Option<Secret>,
}

impl ConfigurationSpec for Keystore {
    const CRUD: &'static dyn Crud = &Keystores;
}

impl Configuration for Keystore {
    fn scope(&self) -> Scope {
        Scope::Environment
    }

    fn body(&self, _: &str) -> Value {
        let aliases: Map<String, Value> =
            self.aliases.iter().map(|(name, alias)| (name.clone(), alias.body())).collect();
        json!({ "aliases": aliases })
    }

    fn check(&self, name: &str, report: &mut Report<'_>) {
        texts::KEYSTORE.report(name, FieldPath::of(&["spec", "name"]), report);
        let at = FieldPath::of(&["spec", "aliases"]);
        attributes::check_count(&counts::ALIASES, self.aliases.len(), &at, report);
        for (name, alias) in &self.aliases {
            let at = at.key(name);
            texts::ALIAS.report(name, at.clone(), report);
            if name == PROBE {
                report.error(
                    Code::NameTaken,
                    &at,
                    format!("the alias `{PROBE}` is reserved for tests of new keys: use another name"),
                );
            }
            alias.check(&at, report);
        }
    }
}

impl Alias {
    fn body(&self) -> Value {
        let mut body = Map::new();
        let texts = [("key", &self.key), ("keyPassword", &self.key_password)];
        let texts = texts.into_iter().filter_map(|(field, secret)| Some((field, secret::of(secret.as_ref()?))));
        let certificate = self.certificate.iter().map(|text| ("certificate", secret::body(text)));
        body.extend(certificate.chain(texts).map(|(field, value)| (field.to_owned(), value)));
        if let Some(Pkcs12 { file, password }) = &self.pkcs12 {
            let mut pkcs12 = json!({"file": secret::of_file(file)});
            if let Some(password) = password {
                pkcs12["password"] = secret::of(password);
            }
            body.insert("pkcs12".to_owned(), pkcs12);
        }
        if self.ignore_expiry_validation {
            body.insert("ignoreExpiryValidation".to_owned(), json!(true));
        }
        Value::Object(body)
    }

    fn check(&self, at: &FieldPath, report: &mut Report<'_>) {
        match (&self.certificate, &self.pkcs12) {
            (None, None) => {
                let message = "the alias is empty: set `certificate`, with `key` if there is one, or `pkcs12`";
                report.error(Code::MissingField, at, message);
            }
            (Some(_), Some(_)) => {
                let message =
                    "`certificate` cannot be combined with `pkcs12`: a PKCS #12 file contains the certificate";
                report.error(Code::ConflictingFields, at.key("pkcs12"), message);
            }
            (None, Some(_)) if self.key.is_some() => {
                let message = "`key` cannot be combined with `pkcs12`: a PKCS #12 file contains the key";
                report.error(Code::ConflictingFields, at.key("key"), message);
            }
            (Some(WordOr::Word(text)), None) => check_certificate(text, &at.key("certificate"), report),
            (Some(WordOr::Value(_)), None) | (None, Some(_)) => {}
        }
        if self.key_password.is_some() && self.key.is_none() {
            let message =
                "`keyPassword` is the password of `key`, which is missing: add `key`, or set `pkcs12.password`";
            report.error(Code::ConflictingFields, at.key("keyPassword"), message);
        }
    }
}

fn check_certificate(text: &str, at: &FieldPath, report: &mut Report<'_>) {
    let certificates = pem::certificates(text);
    if certificates.is_empty() {
        let message = format!("the value is not a certificate in PEM format, which begins with `{}`", pem::BEGIN);
        report.error(Code::InvalidValue, at, message);
    }
    for (index, _) in certificates.iter().enumerate().filter(|(_, base64)| !pem::is_der(base64)) {
        let message =
            format!("certificate {} of the text is not a base64-encoded certificate: copy it again", index + 1);
        report.error(Code::InvalidValue, at, message);
    }
}
