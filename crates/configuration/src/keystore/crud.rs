//! The requests that read, compare and change a keystore.
//!
//! A keystore cannot be changed, but its aliases can: each is a part. Apigee returns certificates, which are compared, but never keys, so a
//! digest in the record detects a new key. An update accepts only a certificate: for a new key, the alias is deleted and created again. The
//! new content is tested under another name first, so that the existing alias is not lost if Apigee rejects it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::content::{Content, DesiredAlias, sorted};
use crate::call::{Answer, Body, Change, Field, Form, Read, Request, Shape, Verb};
use crate::{Crud, Plan, Wanted, secret};
use apigee_flux_model::pem;

/// The alias under which a new key is tested before the old alias is deleted.
pub(super) const PROBE: &str = "apigee-flux-probe";

#[derive(Debug)]
pub(super) struct Keystores;

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
fn needs(wanted: &DesiredAlias<'_>, live: &[String]) -> Needs {
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
            let known = DesiredAlias::new(wanted, name, &content);
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
    use crate::record::{Part, secret_digest};
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

    const PKCS1: &str = include_str!("../../../../testdata/keys/rsa-pkcs1.pem");
    const PKCS8: &str = include_str!("../../../../testdata/keys/rsa-pkcs8.pem");
    const ENCRYPTED: &str = include_str!("../../../../testdata/keys/rsa-encrypted.pem");

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
