//! `ApigeeKeystore`: keys and certificates of an environment (`environments.keystores` and their `aliases`).
//!
//! A keystore cannot be changed, but its aliases can: each is a part. Apigee returns certificates, which are compared, but never keys, so a
//! digest in the record detects a new key. An update accepts only a certificate: for a new key, the alias is deleted and created again. The
//! new content is tested under another name first, so that the existing alias is not lost if Apigee rejects it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Answer, Body, Change, Field, Form, Read, Request, Shape, Verb};
use super::record::{Part, secret_digest};
use super::secret::{self, Secret, Text};
use super::{Configuration, ConfigurationSpec, Crud, Plan, Scope, Wanted, attributes};
use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::limits::{counts, texts};
use apigee_flux_model::pem;
use apigee_flux_model::yaml::word_or::WordOr;

/// The alias under which a new key is tested before the old alias is deleted.
const PROBE: &str = "apigee-flux-probe";

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
    pub certificate: Option<Text>,
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

#[derive(Debug)]
struct Keystores;

/// The desired content of an alias.
struct Content<'w> {
    certificate: Option<&'w str>,
    key: Option<&'w str>,
    key_password: Option<&'w str>,
    /// The file and its password.
    pkcs12: Option<(Vec<u8>, Option<&'w str>)>,
    ignore_expiry: bool,
}

impl<'w> Content<'w> {
    /// Reads the content of an alias. The error says which secret is invalid. An empty secret is one that is not known here.
    fn read(alias: &'w Value) -> Result<Self, String> {
        let text = |pointer: &str| alias.pointer(pointer).and_then(Value::as_str);
        let content = Self {
            certificate: text("/certificate"),
            key: text("/key"),
            key_password: text("/keyPassword").map(secret::line),
            pkcs12: match alias.pointer("/pkcs12/file") {
                Some(file) if file == "" => Some((Vec::new(), None)),
                // Every PKCS #12 file is a DER SEQUENCE.
                Some(file) => {
                    let file = secret::file(file, |bytes| bytes.first() == Some(&0x30));
                    Some((
                        file.ok_or("the file is not a PKCS #12 file, and not the base64 of one")?,
                        text("/pkcs12/password").map(secret::line),
                    ))
                }
                None => None,
            },
            ignore_expiry: alias.get("ignoreExpiryValidation") == Some(&Value::Bool(true)),
        };
        // Checked before anything is deleted.
        if content.key.is_some_and(|key| !key.is_empty() && pem::private_key(key).is_none()) {
            return Err("the key is not a private key in PEM format".to_owned());
        }
        if content.certificate.is_some_and(|text| !text.is_empty() && pem::certificates(text).is_empty()) {
            return Err("the certificate is not in PEM format".to_owned());
        }
        Ok(content)
    }

    /// The content that Apigee does not return, normalized: the key independent of its encoding, the password only of an encrypted key.
    fn secrets(&self) -> Vec<u8> {
        let key = self.key.map(|text| {
            pem::private_key(text)
                .unwrap_or_else(|| pem::PrivateKey { meaning: text.as_bytes().to_vec(), is_encrypted: true })
        });
        let is_encrypted = key.as_ref().is_some_and(|key| key.is_encrypted);
        let password = self.key_password.filter(|_| is_encrypted).unwrap_or_default();
        let meaning = key.map(|key| key.meaning).unwrap_or_default();
        self.joined(&meaning, password.as_bytes(), self.pkcs12_password().as_bytes())
    }

    /// The content as version 0.1.0 recorded it, byte for byte, in each form that the same secret may have had then.
    fn former_secrets(&self) -> Vec<Vec<u8>> {
        let forms = |text: Option<&str>| secret::forms(text.unwrap_or_default());
        let mut former = Vec::new();
        for key in forms(self.key) {
            for key_password in forms(self.key_password) {
                for password in forms(Some(self.pkcs12_password())) {
                    former.push(self.joined(key.as_bytes(), key_password.as_bytes(), password.as_bytes()));
                }
            }
        }
        former
    }

    fn pkcs12_password(&self) -> &str {
        self.pkcs12.as_ref().and_then(|(_, password)| *password).unwrap_or_default()
    }

    fn joined(&self, key: &[u8], key_password: &[u8], password: &[u8]) -> Vec<u8> {
        let file = self.pkcs12.as_ref().map_or(&[][..], |(file, _)| file.as_slice());
        [key, &[0], key_password, &[0], password, &[0], file].concat()
    }

    fn has_key(&self) -> bool {
        self.key.is_some() || self.pkcs12.is_some()
    }

    /// True if the key is known here.
    fn is_known(&self) -> bool {
        self.key != Some("") && self.pkcs12.as_ref().is_none_or(|(file, _)| !file.is_empty())
    }

    fn form(&self) -> Vec<(&'static str, &'static str, Vec<u8>)> {
        let field = |name, file, text: &str| (name, file, text.as_bytes().to_vec());
        let mut form = Vec::new();
        form.extend(self.certificate.map(|text| field("certFile", "certificate.pem", text)));
        form.extend(self.key.map(|text| field("keyFile", "key.pem", text)));
        form.extend(self.key_password.map(|text| field("password", "", text)));
        if let Some((file, password)) = &self.pkcs12 {
            form.push(("file", "keystore.p12", file.clone()));
            form.extend(password.map(|text| field("password", "", text)));
        }
        form
    }
}

/// The digests of an alias in the record: of its secrets and of its certificates.
#[derive(Clone, PartialEq, Eq)]
struct Digests {
    secrets: String,
    certificates: String,
}

/// The desired content of an alias, to compare it with the digests in the record.
struct Known<'w> {
    wanted: &'w Wanted<'w>,
    name: &'w str,
    content: &'w Content<'w>,
    certificates: Vec<String>,
}

impl<'w> Known<'w> {
    fn new(wanted: &'w Wanted<'w>, name: &'w str, content: &'w Content<'w>) -> Self {
        Self { wanted, name, content, certificates: pem::certificates(content.certificate.unwrap_or_default()) }
    }

    /// The digests to record.
    fn digests(&self) -> Digests {
        Digests {
            secrets: self.of_secrets(&self.content.secrets()),
            certificates: self.of_certificates(&sorted(&self.certificates)),
        }
    }

    fn of_secrets(&self, secrets: &[u8]) -> String {
        secret_digest(self.wanted.id, &format!("{}/secrets", self.name), secrets)
    }

    fn of_certificates(&self, certificates: &[String]) -> String {
        let joined = certificates.join(",");
        secret_digest(self.wanted.id, &format!("{}/certificates", self.name), joined.as_bytes())
    }

    /// The digests of the alias as this program last set it.
    fn last(&self) -> Option<Digests> {
        let (secrets, certificates) = self.wanted.last?.part(self.name)?.digest.as_deref()?.split_once('.')?;
        Some(Digests { secrets: secrets.to_owned(), certificates: certificates.to_owned() })
    }

    /// Whether the desired secrets are the ones that were set. Version 0.1.0 recorded their bytes.
    fn has_secrets(&self, last: &Digests) -> bool {
        last.secrets == self.of_secrets(&self.content.secrets())
            || self.content.former_secrets().iter().any(|former| last.secrets == self.of_secrets(former))
    }

    /// Whether these certificates are the ones that were set. Version 0.1.0 recorded them in their order.
    fn has_certificates(&self, last: &Digests, certificates: &[String]) -> bool {
        [sorted(certificates).as_slice(), certificates]
            .into_iter()
            .any(|list| last.certificates == self.of_certificates(list))
    }
}

impl Digests {
    fn to_part(&self, name: &str) -> Part {
        let digest = Some(format!("{}.{}", self.secrets, self.certificates));
        Part { name: name.to_owned(), digest, server_name: None }
    }
}

/// The certificates without their order, which is irrelevant: a client that verifies a chain sorts it.
fn sorted(certificates: &[String]) -> Vec<String> {
    let set: BTreeSet<&String> = certificates.iter().collect();
    set.into_iter().cloned().collect()
}

/// The change that an existing alias needs.
enum Needs {
    Nothing,
    Certificate,
    /// The alias must be tested, deleted and created again.
    All,
}

fn path(wanted: &Wanted<'_>, below: &[&str]) -> Vec<String> {
    wanted.place.path(&[&["keystores", &wanted.id.name], below].concat())
}

fn aliases(body: &Value) -> impl Iterator<Item = (&String, &Value)> {
    body.get("aliases").and_then(Value::as_object).into_iter().flatten()
}

/// True if the certificate of the alias can be compared.
fn is_compared(alias: &Value) -> bool {
    alias.get("certificate").is_some()
}

/// The change that an alias needs. `live` are its certificates in Apigee.
fn needs(wanted: &Known<'_>, live: &[String]) -> Needs {
    let (content, last) = (wanted.content, wanted.last());
    let is_ours = match &last {
        _ if !content.is_known() => true,
        Some(last) => wanted.has_secrets(last),
        None => !content.has_key(),
    };
    if content.certificate.is_none() {
        return if is_ours { Needs::Nothing } else { Needs::All };
    }
    let is_set = last.as_ref().is_some_and(|last| wanted.has_certificates(last, &wanted.certificates));
    let (has, is) = (sorted(&wanted.certificates), sorted(live));
    // It is not documented whether Apigee returns the chain after the certificate.
    let same = has == is || (is_set && !is.is_empty() && is.iter().all(|certificate| has.contains(certificate)));
    // A certificate other than the one that was set came with another key, too.
    let by_hand = content.has_key() && last.is_none_or(|last| !wanted.has_certificates(&last, live));
    match (is_ours, same) {
        (true, true) => Needs::Nothing,
        (true, false) if !by_hand => Needs::Certificate,
        _ => Needs::All,
    }
}

/// The change that creates an alias.
fn create(wanted: &Wanted<'_>, name: &str, content: &Content<'_>, what: String, fields: Vec<Field>) -> Change {
    let form = if content.pkcs12.is_some() { "pkcs12" } else { "keycertfile" };
    let request = Request::new(
        Verb::Post,
        path(wanted, &["aliases"]),
        Body::Form(content.form()),
        "apigee.keystorealiases.create",
    );
    let request = request.with("alias", name).with("format", form);
    Change { what, request: with_expiry(request, content), fields }
}

fn with_expiry(request: Request, content: &Content<'_>) -> Request {
    if content.ignore_expiry { request.with("ignoreExpiryValidation", "true") } else { request }
}

fn delete(wanted: &Wanted<'_>, name: &str, field: Field) -> Change {
    let request =
        Request::new(Verb::Delete, path(wanted, &["aliases", name]), Body::Empty, "apigee.keystorealiases.delete");
    Change { what: format!("delete alias `{name}`"), request, fields: vec![field] }
}

fn pointer(name: &str, field: &str) -> String {
    format!("/aliases/{}/{field}", secret::escape(name))
}

/// The field for the key, which Apigee does not return and which is not shown.
fn key_field(name: &str) -> Field {
    Field { at: pointer(name, "key"), live: None, wanted: None, secret: true }
}

/// The field for an alias as a whole: its type in Apigee.
fn type_field(name: &str, live: Option<Value>, wanted: Option<Value>) -> Field {
    Field { at: pointer(name, "type"), live, wanted, secret: false }
}

fn certificate_field(wanted: &Wanted<'_>, name: &str, live: Option<&str>, text: &str) -> Field {
    let at = pointer(name, "certificate");
    let secret = wanted.is_secret(&at);
    let shown = |text: &str| Some(json!(text)).filter(|_| !secret);
    Field { live: live.and_then(shown), wanted: shown(text), secret, at }
}

/// The fields of a new alias.
fn new_fields(wanted: &Wanted<'_>, name: &str, content: &Content<'_>) -> Vec<Field> {
    let kind = if content.has_key() { "KEY_CERT" } else { "CERT" };
    let mut fields = vec![type_field(name, None, Some(json!(kind)))];
    fields.extend(content.certificate.map(|text| certificate_field(wanted, name, None, text)));
    fields.extend(content.has_key().then(|| key_field(name)));
    fields
}

/// The changes that test an alias under another name and then replace the existing alias.
fn replace(wanted: &Wanted<'_>, name: &str, content: &Content<'_>, live: &str) -> [Change; 4] {
    let mut fields = vec![key_field(name)];
    let differs = |text: &&str| sorted(&pem::certificates(text)) != sorted(&pem::certificates(live));
    fields.extend(content.certificate.filter(differs).map(|text| certificate_field(wanted, name, Some(live), text)));
    [
        create(wanted, PROBE, content, format!("test alias `{name}` as `{PROBE}`"), vec![key_field(name)]),
        delete(wanted, name, key_field(name)),
        create(wanted, name, content, format!("add alias `{name}` again"), fields),
        delete(wanted, PROBE, key_field(name)),
    ]
}

impl Crud for Keystores {
    fn secrets(&self) -> &'static [&'static str] {
        &[
            "/aliases/*/certificate",
            "/aliases/*/key",
            "/aliases/*/keyPassword",
            "/aliases/*/pkcs12/file",
            "/aliases/*/pkcs12/password",
        ]
    }

    /// The keystore with the names of its aliases, then the certificate of each desired alias.
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        let mut reads = vec![Read::json(path(wanted, &[]), "apigee.keystores.get")];
        reads.extend(aliases(wanted.body).filter(|(_, alias)| is_compared(alias)).map(|(name, _)| Read {
            path: path(wanted, &["aliases", name, "certificate"]),
            query: Vec::new(),
            form: Form::Certificates,
            needs: "apigee.keystorealiases.exportCertificate".to_owned(),
        }));
        reads
    }

    /// Before the keystore is deleted: the aliases that are in the record but not listed by the keystore.
    fn follow_ups(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Vec<Read> {
        if !self.exists(wanted, answers) {
            return Vec::new();
        }
        let shape = Shape::with(&["alias", "type", "certsInfo"]);
        let read = |name| Read::json(path(wanted, &["aliases", name]), "apigee.keystorealiases.get").of(shape);
        wanted.recorded_and_not(&names(answers)).map(read).collect()
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let mut plan = Plan::default();
        if !self.exists(wanted, answers) {
            let body = Body::Json(json!({"name": wanted.id.name}));
            let request = Request::new(Verb::Post, wanted.place.path(&["keystores"]), body, "apigee.keystores.create");
            plan.changes.push(Change { what: "create".to_owned(), request, fields: Vec::new() });
        }
        let live = names(answers);
        // Left by a run that was killed.
        plan.changes.extend(live.contains(PROBE).then(|| delete(wanted, PROBE, key_field(PROBE))));
        let mut certificates = answers.iter().skip(1);
        for (name, alias) in aliases(wanted.body) {
            let answer = if is_compared(alias) { certificates.next() } else { None };
            let content = Content::read(alias).map_err(|why| format!("alias `{name}`: {why}"))?;
            let known = Known::new(wanted, name, &content);
            plan.parts.push(known.digests().to_part(name));
            if !live.contains(name.as_str()) {
                let fields = new_fields(wanted, name, &content);
                plan.changes.push(create(wanted, name, &content, format!("add alias `{name}`"), fields));
                continue;
            }
            let text = match answer {
                Some(Answer::Bytes(bytes)) => String::from_utf8_lossy(bytes),
                _ => "".into(),
            };
            let found = pem::certificates(&text);
            match needs(&known, &found) {
                Needs::Nothing => {}
                Needs::Certificate => {
                    let certificate = content.certificate.unwrap_or_default();
                    let form = vec![("certFile", "certificate.pem", certificate.as_bytes().to_vec())];
                    let path = path(wanted, &["aliases", name]);
                    let request = Request::new(Verb::Put, path, Body::Form(form), "apigee.keystorealiases.update");
                    plan.changes.push(Change {
                        what: format!("update certificate of alias `{name}`"),
                        request: with_expiry(request, &content),
                        fields: vec![certificate_field(wanted, name, Some(&text), certificate)],
                    });
                }
                Needs::All => plan.changes.extend(replace(wanted, name, &content, &text)),
            }
        }
        let left = wanted.last.into_iter().flat_map(|record| &record.parts).map(|part| part.name.as_str());
        let is_wanted = |name: &str| aliases(wanted.body).any(|(known, _)| known == name);
        let gone = left.filter(|name| live.contains(name) && !is_wanted(name));
        plan.changes.extend(
            gone.map(|name| {
                delete(wanted, name, type_field(name, Some(json!("an alias managed by apigee-flux")), None))
            }),
        );
        Ok(plan)
    }

    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        Wanted::all_gone(answers.get(1..).unwrap_or_default())?;
        let ours = |name: &str| name == PROBE || wanted.last.is_some_and(|record| record.part(name).is_some());
        let foreign: Vec<&str> = names(answers).into_iter().filter(|name| !ours(name)).take(5).collect();
        if !foreign.is_empty() {
            return Err(format!(
                "the keystore has aliases that are not managed by apigee-flux ({}): delete them manually, then the keystore is deleted",
                foreign.join(", ")
            ));
        }
        let request = Request::new(Verb::Delete, path(wanted, &[]), Body::Empty, "apigee.keystores.delete");
        Ok(vec![Change { what: "delete".to_owned(), request, fields: Vec::new() }])
    }
}

/// The names of the aliases in Apigee.
fn names(answers: &[Answer]) -> BTreeSet<&str> {
    let names = answers.first().and_then(|answer| answer.json().get("aliases")?.as_array());
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Id, Place, Record};

    const OLD: &str = "-----BEGIN CERTIFICATE-----\nMAEB\n-----END CERTIFICATE-----\n";
    const NEW: &str = "-----BEGIN CERTIFICATE-----\nMAEC\n-----END CERTIFICATE-----\n";

    fn record(parts: Vec<Part>) -> Record {
        let text = r#"{"kind":"ApigeeKeystore","name":"k","owner":"o","digest":"d"}"#;
        Record { parts, ..Record::parse(text).unwrap() }
    }

    /// The plan for one alias `a`, whose certificate Apigee returns as `live`, and the resulting record.
    fn plan(alias: &Value, live: &str, names: &[&str], last: Option<&Record>) -> Result<(Vec<String>, Record), String> {
        let id = Id { kind: "ApigeeKeystore".into(), parent: None, name: "k".into() };
        let place = Place { organization: "o", environment: Some("e") };
        let body = json!({"aliases": {"a": alias}});
        let wanted = Wanted { place, id: &id, body: &body, secrets: &[], last };
        let answers = [Answer::Json(json!({"aliases": names})), Answer::Bytes(live.as_bytes().to_vec())];
        let plan = Keystores.plan(&wanted, &answers)?;
        Ok((plan.changes.into_iter().map(|change| change.what).collect(), record(plan.parts)))
    }

    fn key(text: &str, certificate: &str) -> Value {
        json!({"certificate": certificate, "key": format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----")})
    }

    const ANEW: [&str; 4] = [
        "test alias `a` as `apigee-flux-probe`",
        "delete alias `a`",
        "add alias `a` again",
        "delete alias `apigee-flux-probe`",
    ];

    #[test]
    fn a_new_certificate_is_an_update_and_a_new_key_is_not() {
        let (made, last) = plan(&key("1", OLD), "", &[], None).unwrap();
        assert_eq!(made, ["add alias `a`"]);
        let with = |alias: &Value, live: &str| plan(alias, live, &["a"], Some(&last)).unwrap().0;
        assert!(with(&key("1", OLD), OLD).is_empty());
        assert_eq!(with(&key("1", NEW), OLD), ["update certificate of alias `a`"]);
        assert_eq!(with(&key("2", OLD), OLD), ANEW);
        // Another client set another certificate, with its own key.
        assert_eq!(with(&key("1", OLD), NEW), ANEW);
    }

    /// What version 0.1.0 recorded of an alias `a`.
    fn record_of_0_1_0(key: &str, password: &str, certificates: &str) -> Record {
        let id = Id { kind: "ApigeeKeystore".into(), parent: None, name: "k".into() };
        let secrets = secret_digest(&id, "a/secrets", format!("{key}\0{password}\0\0").as_bytes());
        let certificates = secret_digest(&id, "a/certificates", certificates.as_bytes());
        record(vec![Part { name: "a".into(), digest: Some(format!("{secrets}.{certificates}")), server_name: None }])
    }

    const PKCS1: &str = include_str!("../../../testdata/keys/rsa-pkcs1.pem");
    const PKCS8: &str = include_str!("../../../testdata/keys/rsa-pkcs8.pem");
    const ENCRYPTED: &str = include_str!("../../../testdata/keys/rsa-encrypted.pem");

    fn alias(key: &str, password: &str, certificate: &str) -> Value {
        json!({"certificate": certificate, "key": key, "keyPassword": password})
    }

    #[test]
    fn another_form_of_the_same_is_the_same() {
        let chain = format!("{OLD}{NEW}");
        let (_, last) = plan(&alias(PKCS8, "p", &chain), "", &[], None).unwrap();
        for key in [PKCS8.replace('\n', "\r\n"), PKCS8.trim_end().into(), format!("# a\n{PKCS8}"), PKCS1.into()] {
            for certificate in [chain.replace('\n', "\r\n"), format!("{NEW}{OLD}"), format!("subject=b\n{chain}\n\n")] {
                for password in ["p", "p\n", "p\r\n"] {
                    let (changes, again) =
                        plan(&alias(&key, password, &certificate), &chain, &["a"], Some(&last)).unwrap();
                    assert_eq!((changes, &again), (Vec::new(), &last), "{key} {certificate} {password:?}");
                }
            }
        }
        let (_, last) = plan(&alias(ENCRYPTED, "p", OLD), "", &[], None).unwrap();
        assert!(plan(&alias(ENCRYPTED, "p\n", OLD), OLD, &["a"], Some(&last)).unwrap().0.is_empty());
        assert_eq!(plan(&alias(ENCRYPTED, "q", OLD), OLD, &["a"], Some(&last)).unwrap().0, ANEW);
        assert_eq!(plan(&alias(PKCS8, "p", OLD), OLD, &["a"], Some(&last)).unwrap().0, ANEW, "it may be another key");
    }

    #[test]
    fn an_upgrade_replaces_nothing() {
        let base64 = |text: &str| pem::certificates(text).join(",");
        let chain = format!("{NEW}{OLD}");
        let last = record_of_0_1_0(PKCS8, "p\n", &base64(&chain));
        for key in [PKCS8.to_owned(), PKCS8.replace('\n', "\r\n"), PKCS8.trim_end().to_owned()] {
            let (changes, new) = plan(&alias(&key, "p", &chain), &chain, &["a"], Some(&last)).unwrap();
            assert!(changes.is_empty() && new != last, "{changes:?}");
            assert!(plan(&alias(PKCS1, "p\n", &chain), &chain, &["a"], Some(&new)).unwrap().0.is_empty());
        }
        assert_eq!(plan(&alias(ENCRYPTED, "p", &chain), &chain, &["a"], Some(&last)).unwrap().0, ANEW);
    }

    #[test]
    fn a_key_that_is_not_known_is_not_believed() {
        assert_eq!(plan(&key("1", OLD), OLD, &["a"], None).unwrap().0, ANEW);
        let unknown = record(vec![Part::named("a")]);
        assert_eq!(plan(&key("1", OLD), OLD, &["a"], Some(&unknown)).unwrap().0, ANEW);
        // A trusted certificate has no secret.
        let trusted = json!({ "certificate": OLD });
        assert!(plan(&trusted, OLD, &["a"], None).unwrap().0.is_empty());
        assert_eq!(plan(&trusted, NEW, &["a"], None).unwrap().0, ["update certificate of alias `a`"]);
    }

    #[test]
    fn a_chain_that_comes_back_in_part_is_the_same_once_it_is_set() {
        let chain = key("1", &format!("{OLD}{NEW}"));
        let (_, last) = plan(&chain, "", &[], None).unwrap();
        assert!(plan(&chain, OLD, &["a"], Some(&last)).unwrap().0.is_empty());
        let (_, without) = plan(&key("1", OLD), "", &[], None).unwrap();
        assert_eq!(plan(&chain, OLD, &["a"], Some(&without)).unwrap().0, ["update certificate of alias `a`"]);
    }

    #[test]
    fn a_key_that_is_not_known_here_counts_as_equal() {
        let unknown = |certificate: &str| json!({"certificate": certificate, "key": "", "keyPassword": ""});
        assert!(plan(&unknown(OLD), OLD, &["a"], None).unwrap().0.is_empty());
        assert!(plan(&json!({"pkcs12": {"file": ""}}), "", &["a"], None).unwrap().0.is_empty());
        let (_, last) = plan(&key("1", OLD), "", &[], None).unwrap();
        assert_eq!(plan(&unknown(NEW), OLD, &["a"], Some(&last)).unwrap().0, ["update certificate of alias `a`"]);
    }

    #[test]
    fn what_cannot_be_a_key_costs_nothing() {
        let (_, last) = plan(&key("1", OLD), "", &[], None).unwrap();
        for (alias, why) in [
            (json!({"certificate": OLD, "key": "s3cret"}), "the key is not a private key"),
            (json!({"certificate": "none"}), "the certificate is not in PEM format"),
            (json!({"pkcs12": {"file": "AAAA"}}), "the file is not a PKCS #12 file"),
        ] {
            let found = plan(&alias, OLD, &["a"], Some(&last)).map(|(changes, _)| changes).unwrap_err();
            assert!(found.contains(why) && !found.contains("s3cret"), "{found}");
        }
    }

    #[test]
    fn what_a_killed_run_left_goes_and_aliases_of_others_stay() {
        let (_, last) = plan(&key("1", OLD), "", &[], None).unwrap();
        let (changes, _) = plan(&key("1", OLD), OLD, &["a", PROBE, "theirs"], Some(&last)).unwrap();
        assert_eq!(changes, ["delete alias `apigee-flux-probe`"]);
        let id = Id { kind: "ApigeeKeystore".into(), parent: None, name: "k".into() };
        let place = Place { organization: "o", environment: Some("e") };
        let wanted = Wanted { place, id: &id, body: &Value::Null, secrets: &[], last: Some(&last) };
        let remove = |names: &[&str]| Keystores.remove(&wanted, &[Answer::Json(json!({"aliases": names}))]);
        assert!(remove(&["a", "theirs"]).unwrap_err().contains("(theirs)"));
        assert_eq!(remove(&["a", PROBE]).unwrap().len(), 1);
    }
}
