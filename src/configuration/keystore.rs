//! `ApigeeKeystore`: keys and certificates of an environment (`environments.keystores` and their `aliases`).
//!
//! A keystore cannot be changed, its aliases can: each is a part. Certificates come back and are compared; keys never come back, so a
//! digest in the record tells a new one. An update takes a certificate only: for a new key the alias is deleted and made anew. What it
//! is made of is tried under another name first, so that what Apigee refuses does not cost the alias that is there.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Answer, Body, Change, Field, Form, Read, Request, Verb};
use super::record::{Part, secret_digest};
use super::secret::{self, Secret, Text};
use super::{Configuration, ConfigurationSpec, Crud, Plan, Scope, Wanted, attributes, pem};
use crate::diag::{Code, FieldPath, Report};
use crate::limits::{counts, texts};
use crate::spec::word_or::WordOr;

/// The alias under which a new key is tried before the old one goes.
const PROBE: &str = "apigee-flux-probe";

/// Keys with their certificates, or certificates to trust, which target servers and proxies name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Keystore {
    /// What it holds, by the alias. Aliases of others stay.
    #[serde(default)]
    pub aliases: BTreeMap<String, Alias>,
}

/// A key with its certificate, or a certificate to trust: `certificate` or `pkcs12`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alias {
    /// The certificate in PEM, with the chain behind it: the text itself, since it is public, or `{valueFrom: …}`, for example the key
    /// `tls.crt` of a Secret of cert-manager.
    pub certificate: Option<Text>,
    /// The private key in PEM. A certificate to trust has none.
    ///
    /// Apigee cannot change a key: when it is a new one, the alias is deleted and made anew, and between both calls it is not there. To
    /// change a key without a gap, put the new one into a second keystore and let an `ApigeeReference` refer to that.
    pub key: Option<Secret>,
    /// The password of an encrypted key.
    pub key_password: Option<Secret>,
    /// Certificate and key in one PKCS #12 file.
    pub pkcs12: Option<Pkcs12>,
    /// Whether Apigee takes certificates that have expired. Default: `false`.
    #[serde(default)]
    pub ignore_expiry_validation: bool,
}

/// A PKCS #12 file. Apigee tells too little of it to see a change by hand: a new file or password in the Secret is seen, and then the alias
/// is deleted and made anew.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pkcs12 {
    /// The file: its bytes, or their base64.
    pub file: Secret,
    /// Its password.
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
                    format!("the deployer tries new keys as `{PROBE}`: name it otherwise"),
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
                let message = "the alias holds nothing: write `certificate`, with `key` if it has one, or `pkcs12`";
                report.error(Code::MissingField, at, message);
            }
            (Some(_), Some(_)) => {
                let message = "`certificate` and `pkcs12` exclude each other: a PKCS #12 file holds the certificate";
                report.error(Code::ConflictingFields, at.key("pkcs12"), message);
            }
            (None, Some(_)) if self.key.is_some() => {
                let message = "`key` and `pkcs12` exclude each other: a PKCS #12 file holds the key";
                report.error(Code::ConflictingFields, at.key("key"), message);
            }
            (Some(WordOr::Word(text)), None) => check_certificate(text, &at.key("certificate"), report),
            (Some(WordOr::Value(_)), None) | (None, Some(_)) => {}
        }
        if self.key_password.is_some() && self.key.is_none() {
            let message =
                "`keyPassword` is the password of `key`, and there is none: add `key`, or write `pkcs12.password`";
            report.error(Code::ConflictingFields, at.key("keyPassword"), message);
        }
    }
}

fn check_certificate(text: &str, at: &FieldPath, report: &mut Report<'_>) {
    let certificates = pem::certificates(text);
    if certificates.is_empty() {
        let message = format!("it is no certificate in PEM: it begins with `{}`", pem::BEGIN);
        report.error(Code::InvalidValue, at, message);
    }
    for (index, _) in certificates.iter().enumerate().filter(|(_, base64)| !pem::is_der(base64)) {
        let message = format!("certificate {} of the text is no base64 of a certificate: copy it again", index + 1);
        report.error(Code::InvalidValue, at, message);
    }
}

#[derive(Debug)]
struct Keystores;

/// What an alias of a body is to hold.
struct Content<'w> {
    certificate: Option<&'w str>,
    key: Option<&'w str>,
    key_password: Option<&'w str>,
    /// File and password.
    pkcs12: Option<(Vec<u8>, Option<&'w str>)>,
    ignore_expiry: bool,
}

impl<'w> Content<'w> {
    /// The error says what a secret does not hold. A secret that is empty is one that is not known here.
    fn read(alias: &'w Value) -> Result<Self, String> {
        let text = |pointer: &str| alias.pointer(pointer).and_then(Value::as_str);
        let content = Self {
            certificate: text("/certificate"),
            key: text("/key"),
            key_password: text("/keyPassword"),
            pkcs12: match alias.pointer("/pkcs12/file") {
                Some(file) if file == "" => Some((Vec::new(), None)),
                // Every PKCS #12 file is a SEQUENCE of DER.
                Some(file) => {
                    let file = secret::file(file, |bytes| bytes.first() == Some(&0x30));
                    Some((file.ok_or("the file is no PKCS #12 file, and no base64 of one")?, text("/pkcs12/password")))
                }
                None => None,
            },
            ignore_expiry: alias.get("ignoreExpiryValidation") == Some(&Value::Bool(true)),
        };
        // Looked at before anything is deleted.
        if content.key.is_some_and(|key| !key.is_empty() && !key.contains("PRIVATE KEY-----")) {
            return Err("the key is no private key in PEM".to_owned());
        }
        if content.certificate.is_some_and(|text| !text.is_empty() && pem::certificates(text).is_empty()) {
            return Err("the certificate is no certificate in PEM".to_owned());
        }
        Ok(content)
    }

    /// What Apigee does not give back.
    fn secrets(&self) -> Vec<u8> {
        let (file, password) = self.pkcs12.as_ref().map_or((&[][..], None), |(file, word)| (file.as_slice(), *word));
        let texts = [self.key, self.key_password, password].map(Option::unwrap_or_default);
        texts.iter().flat_map(|text| [text.as_bytes(), &[0]].concat()).chain(file.iter().copied()).collect()
    }

    fn has_key(&self) -> bool {
        self.key.is_some() || self.pkcs12.is_some()
    }

    /// The key is known here.
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

/// What is recorded of an alias: digests of its secrets and of its certificates.
#[derive(Clone, PartialEq, Eq)]
struct Digests {
    secrets: String,
    certificates: String,
}

impl Digests {
    fn of(wanted: &Wanted<'_>, name: &str, content: &Content<'_>) -> Self {
        let certificates = pem::certificates(content.certificate.unwrap_or_default());
        Self {
            secrets: secret_digest(wanted.id, &format!("{name}/secrets"), &content.secrets()),
            certificates: Self::of_certificates(wanted, name, &certificates),
        }
    }

    fn of_certificates(wanted: &Wanted<'_>, name: &str, certificates: &[String]) -> String {
        secret_digest(wanted.id, &format!("{name}/certificates"), certificates.join(",").as_bytes())
    }

    /// Of the alias as this program last made it.
    fn known(wanted: &Wanted<'_>, name: &str) -> Option<Self> {
        let (secrets, certificates) = wanted.last?.part(name)?.digest.as_deref()?.split_once('.')?;
        Some(Self { secrets: secrets.to_owned(), certificates: certificates.to_owned() })
    }

    fn to_part(&self, name: &str) -> Part {
        let digest = Some(format!("{}.{}", self.secrets, self.certificates));
        Part { name: name.to_owned(), digest, server_name: None }
    }
}

/// What an alias that is there needs.
enum Needs {
    Nothing,
    Certificate,
    /// To be tried, deleted and made anew.
    All,
}

fn path(wanted: &Wanted<'_>, below: &[&str]) -> Vec<String> {
    wanted.place.path(&[&["keystores", &wanted.id.name], below].concat())
}

fn aliases(body: &Value) -> impl Iterator<Item = (&String, &Value)> {
    body.get("aliases").and_then(Value::as_object).into_iter().flatten()
}

/// The certificate of the alias can be compared.
fn is_compared(alias: &Value) -> bool {
    alias.get("certificate").is_some()
}

fn needs(content: &Content<'_>, wanted: &Digests, known: Option<&Digests>, live: &[String], of_live: &str) -> Needs {
    let is_ours = match known {
        _ if !content.is_known() => true,
        Some(known) => known.secrets == wanted.secrets,
        None => !content.has_key(),
    };
    let Some(certificate) = content.certificate else {
        return if is_ours { Needs::Nothing } else { Needs::All };
    };
    let is_set = known.is_some_and(|known| known.certificates == wanted.certificates);
    let certificates = pem::certificates(certificate);
    // No document says whether the chain comes back behind the certificate.
    let same = certificates == live || (is_set && !live.is_empty() && certificates.starts_with(live));
    // A certificate that is not the one that was set came with a key that is not ours either.
    let by_hand = content.has_key() && known.is_none_or(|known| known.certificates != of_live);
    match (is_ours, same) {
        (true, true) => Needs::Nothing,
        (true, false) if !by_hand => Needs::Certificate,
        _ => Needs::All,
    }
}

/// Makes an alias.
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

/// The field that is not shown: what Apigee does not give back.
fn key_field(name: &str) -> Field {
    Field { at: pointer(name, "key"), live: None, wanted: None, secret: true }
}

/// An alias as a whole, by its type in Apigee.
fn type_field(name: &str, live: Option<Value>, wanted: Option<Value>) -> Field {
    Field { at: pointer(name, "type"), live, wanted, secret: false }
}

fn certificate_field(wanted: &Wanted<'_>, name: &str, live: Option<&str>, text: &str) -> Field {
    let at = pointer(name, "certificate");
    let secret = wanted.is_secret(&at);
    let shown = |text: &str| Some(json!(text)).filter(|_| !secret);
    Field { live: live.and_then(shown), wanted: shown(text), secret, at }
}

/// The fields of an alias that is not there.
fn new_fields(wanted: &Wanted<'_>, name: &str, content: &Content<'_>) -> Vec<Field> {
    let kind = if content.has_key() { "KEY_CERT" } else { "CERT" };
    let mut fields = vec![type_field(name, None, Some(json!(kind)))];
    fields.extend(content.certificate.map(|text| certificate_field(wanted, name, None, text)));
    fields.extend(content.has_key().then(|| key_field(name)));
    fields
}

/// Tries an alias under another name, and puts it in the place of the one that is there.
fn replace(wanted: &Wanted<'_>, name: &str, content: &Content<'_>, live: &str) -> [Change; 4] {
    let mut fields = vec![key_field(name)];
    let differs = |text: &&str| pem::certificates(text) != pem::certificates(live);
    fields.extend(content.certificate.filter(differs).map(|text| certificate_field(wanted, name, Some(live), text)));
    [
        create(wanted, PROBE, content, format!("try alias `{name}` as `{PROBE}`"), vec![key_field(name)]),
        delete(wanted, name, key_field(name)),
        create(wanted, name, content, format!("add alias `{name}` anew"), fields),
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

    /// The keystore with the names of its aliases, then the certificate of each that is wanted.
    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        let mut reads = vec![Read::json(path(wanted, &[]), "apigee.keystores.get")];
        reads.extend(aliases(wanted.body).filter(|(_, alias)| is_compared(alias)).map(|(name, _)| Read {
            path: path(wanted, &["aliases", name, "certificate"]),
            query: Vec::new(),
            form: Form::Bytes,
            needs: "apigee.keystorealiases.exportCertificate".to_owned(),
        }));
        reads
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let mut plan = Plan::default();
        if !self.exists(wanted, answers) {
            let body = Body::Json(json!({"name": wanted.id.name}));
            let request = Request::new(Verb::Post, wanted.place.path(&["keystores"]), body, "apigee.keystores.create");
            plan.changes.push(Change { what: "create".to_owned(), request, fields: Vec::new() });
        }
        let live = names(answers);
        // Of a run that was killed.
        plan.changes.extend(live.contains(PROBE).then(|| delete(wanted, PROBE, key_field(PROBE))));
        let mut certificates = answers.iter().skip(1);
        for (name, alias) in aliases(wanted.body) {
            let answer = if is_compared(alias) { certificates.next() } else { None };
            let content = Content::read(alias).map_err(|why| format!("alias `{name}`: {why}"))?;
            let digests = Digests::of(wanted, name, &content);
            plan.parts.push(digests.to_part(name));
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
            let of_live = Digests::of_certificates(wanted, name, &found);
            match needs(&content, &digests, Digests::known(wanted, name).as_ref(), &found, &of_live) {
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
        plan.changes
            .extend(gone.map(|name| delete(wanted, name, type_field(name, Some(json!("an alias of ours")), None))));
        Ok(plan)
    }

    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        let ours = |name: &str| name == PROBE || wanted.last.is_some_and(|record| record.part(name).is_some());
        let foreign: Vec<&str> = names(answers).into_iter().filter(|name| !ours(name)).take(5).collect();
        if !foreign.is_empty() {
            return Err(format!(
                "the keystore holds aliases that somebody else put there ({}): delete them by hand, then it goes",
                foreign.join(", ")
            ));
        }
        let request = Request::new(Verb::Delete, path(wanted, &[]), Body::Empty, "apigee.keystores.delete");
        Ok(vec![Change { what: "delete".to_owned(), request, fields: Vec::new() }])
    }
}

/// The aliases that Apigee has.
fn names(answers: &[Answer]) -> BTreeSet<&str> {
    let names = answers.first().and_then(|answer| answer.json().get("aliases")?.as_array());
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{Id, Place, Record};

    const OLD: &str = "-----BEGIN CERTIFICATE-----\nMAEB\n-----END CERTIFICATE-----\n";
    const NEW: &str = "-----BEGIN CERTIFICATE-----\nMAEC\n-----END CERTIFICATE-----\n";

    fn record(parts: Vec<Part>) -> Record {
        let text = r#"{"kind":"ApigeeKeystore","name":"k","owner":"o","digest":"d"}"#;
        Record { parts, ..Record::parse(text).unwrap() }
    }

    /// The plan for one alias `a`, whose certificate Apigee gives back as `live`, and the record that it leaves.
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
        "try alias `a` as `apigee-flux-probe`",
        "delete alias `a`",
        "add alias `a` anew",
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
        // Somebody put another certificate there, with a key of its own.
        assert_eq!(with(&key("1", OLD), NEW), ANEW);
    }

    #[test]
    fn a_key_that_is_not_known_is_not_believed() {
        assert_eq!(plan(&key("1", OLD), OLD, &["a"], None).unwrap().0, ANEW);
        let unknown = record(vec![Part::named("a")]);
        assert_eq!(plan(&key("1", OLD), OLD, &["a"], Some(&unknown)).unwrap().0, ANEW);
        // A certificate to trust has no secret.
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
            (json!({"certificate": OLD, "key": "s3cret"}), "the key is no private key"),
            (json!({"certificate": "none"}), "the certificate is no certificate"),
            (json!({"pkcs12": {"file": "AAAA"}}), "the file is no PKCS #12 file"),
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
