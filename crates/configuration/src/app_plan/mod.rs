//! Plans the changes that bring an app to its desired state: its profile, its status and its keys.
//!
//! An update of an app that names products makes Apigee generate another key each time
//! (<https://github.com/apigee/apigee-config-maven-plugin/issues/17>), so products are only added to keys. Apigee always generates one key
//! when an app is created. An app whose spec has `keys` is created without products, so that the generated key gives access to nothing,
//! and that key is deleted right after; an app whose spec has no `keys` keeps it.
//!
//! Keys are credentials. Each managed key is in the record as a part whose name is a digest of the key; a key without a part is not
//! managed. A key that was removed from the spec is deleted when there is no other change and no other key waits for approval.

mod key;
mod profile;

use std::collections::BTreeSet;

use serde_json::Value;

use super::call::Field;
use super::collection::Compare;
use super::new_secret::{FIELD, NewSecret};
use super::record::{Part, secret_digest};
use super::secret::line;
use super::{Plan, Wanted};

/// The type of an app's owner: the API methods differ slightly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AppsOf {
    /// A developer.
    Developer,
    /// An app group.
    Group,
}

/// One app.
pub(super) struct AppPlan<'a> {
    /// The resource that contains the app.
    pub wanted: &'a Wanted<'a>,
    pub owner: AppsOf,
    /// The path of the app.
    pub path: Vec<String>,
    pub name: &'a str,
    /// The desired state of the app.
    pub body: &'a Value,
    /// The prefix of the names of the app's parts.
    pub parts: String,
    /// The prefix of the fields, as a JSON pointer.
    pub pointer: String,
}

/// The part of a new app: its generated key is not known yet.
const NEW: &str = "generated";

/// The profile of an app.
const PROFILE: Compare = Compare::PLAIN;

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The consumer key or secret in a body.
fn credential<'v>(value: &'v Value, field: &str) -> &'v str {
    line(text(value, field))
}

/// The keys of an app, the oldest first.
fn credentials(live: &Value) -> Vec<&Value> {
    let mut keys: Vec<&Value> = list(live, "credentials").iter().collect();
    keys.sort_by_key(|key| text(key, "issuedAt").parse::<u64>().unwrap_or_default());
    keys
}

impl AppPlan<'_> {
    /// The changes, and the managed parts after them. `live` is the app with its keys, if it exists in Apigee.
    pub(super) fn plan(&self, live: Option<&Value>) -> Result<Plan, String> {
        let mut plan = Plan::default();
        let own = self.own_keys();
        for key in &own {
            key.check()?;
        }
        let Some(live) = live else {
            plan.changes.push(self.create(own.is_empty()));
            plan.changes.extend(self.status(&Value::Null));
            for key in &own {
                self.import(key, &mut plan.changes);
            }
            plan.parts.push(Part::named(&self.part(NEW)));
            plan.parts.extend(own.iter().map(|key| self.key_part(credential(key.body, "consumerKey"))));
            return Ok(plan);
        };
        plan.changes.extend(self.profile(live));
        plan.changes.extend(self.status(live));
        let credentials = credentials(live);
        let find = |key: &str| credentials.iter().find(|live| text(live, "consumerKey") == key).copied();
        let ours = |key: &Value| self.is_ours(text(key, "consumerKey"));
        let mut kept: BTreeSet<&str> = BTreeSet::new();
        let (mut waits, mut unknown) = (false, false);
        for key in &own {
            // Version 0.1.0 included the trailing line break in the key.
            let (consumer_key, raw) = (credential(key.body, "consumerKey"), text(key.body, "consumerKey"));
            let consumer_key = if find(consumer_key).is_none() && find(raw).is_some() { raw } else { consumer_key };
            if consumer_key.is_empty() {
                // A comparison without secrets cannot tell which key it is.
                unknown = true;
                continue;
            }
            match find(consumer_key) {
                None => self.import(key, &mut plan.changes),
                Some(live) => {
                    Self::check_secret(key, live)?;
                    if ours(live) {
                        Self::check_expiry(key, key.body.get("expiresInSeconds").and_then(Value::as_u64), live)?;
                    }
                    self.reconcile(key, live, &mut plan.changes);
                    waits |= Self::waits(key, live);
                }
            }
            kept.insert(consumer_key);
        }
        let mut useless = None;
        if own.is_empty() {
            let Some(live) = self.generated(&credentials) else {
                return Err(format!(
                    "the app `{}` has no key left, and Apigee generates a key only when an app is created: set `keys`, or delete the \
                    app in Apigee so that it is created again",
                    self.name
                ));
            };
            let key = self.generated_key();
            if let (Some(seconds), true) = (self.body.get("keyExpiresInSeconds").and_then(Value::as_u64), ours(live)) {
                Self::check_expiry(&key, Some(seconds), live)?;
            }
            self.reconcile(&key, live, &mut plan.changes);
            waits |= Self::waits(&key, live);
            kept.insert(text(live, "consumerKey"));
        } else if self.has_part(NEW) {
            let strange = |key: &&&Value| {
                !kept.contains(text(key, "consumerKey")) && !ours(key) && list(key, "apiProducts").is_empty()
            };
            useless = credentials.iter().find(strange).copied();
        }
        let leaving: Vec<&str> = credentials
            .iter()
            .filter(|key| ours(key))
            .map(|key| text(key, "consumerKey"))
            .filter(|key| !kept.contains(key))
            .collect();
        let stay = waits || unknown || !plan.changes.is_empty();
        if let Some(key) = useless.filter(|_| !unknown) {
            plan.changes.push(self.delete(text(key, "consumerKey"), "the generated key"));
        }
        if !stay {
            plan.changes.extend(leaving.iter().map(|key| self.delete(key, "an old key")));
        }
        let held = kept.iter().chain(leaving.iter().filter(|_| stay));
        plan.parts.extend(held.map(|key| self.key_part(key)));
        Ok(plan)
    }

    /// Returns an error if the app has unmanaged keys, which would be deleted with it.
    pub(super) fn may_remove(&self, live: &Value) -> Result<(), String> {
        let keys = list(live, "credentials");
        let foreign = keys.iter().filter(|key| !self.is_ours(text(key, "consumerKey"))).count();
        // If a run was killed after it created the app, the generated key is not in the record.
        if foreign > usize::from(self.has_part(NEW)) {
            return Err(format!(
                "the app `{}` has keys that are not managed by apigee-flux ({foreign}): delete them manually, then the app is deleted",
                self.name
            ));
        }
        Ok(())
    }

    /// The key that Apigee generated: the one in the record, or the oldest one.
    fn generated<'v>(&self, credentials: &[&'v Value]) -> Option<&'v Value> {
        let known = credentials.iter().find(|key| self.is_ours(text(key, "consumerKey")));
        known.or_else(|| credentials.first()).copied()
    }

    /// The Secret for the generated key, if the spec names one. `live` is the app in Apigee.
    pub(super) fn new_secret(&self, live: &Value) -> Option<NewSecret> {
        let name = self.body.get(FIELD)?.as_str()?;
        let credential = self.generated(&credentials(live))?;
        let value = |field: &str| Some(text(credential, field)).filter(|text| !text.is_empty()).map(str::to_owned);
        Some(NewSecret { name: name.to_owned(), key: value("consumerKey")?, secret: value("consumerSecret")? })
    }

    fn part(&self, name: &str) -> String {
        format!("{}{name}", self.parts)
    }

    fn has_part(&self, name: &str) -> bool {
        self.wanted.last.is_some_and(|record| record.part(&self.part(name)).is_some())
    }

    fn key_name(&self, consumer_key: &str) -> String {
        format!("keys/{}", secret_digest(self.wanted.id, &self.part("keys"), consumer_key.as_bytes()))
    }

    fn key_part(&self, consumer_key: &str) -> Part {
        Part::named(&self.part(&self.key_name(consumer_key)))
    }

    fn is_ours(&self, consumer_key: &str) -> bool {
        self.has_part(&self.key_name(consumer_key))
    }

    fn approve(&self) -> bool {
        self.body.get("approve") == Some(&Value::Bool(true))
    }

    /// The permission to change the app.
    fn needs(&self, verb: &str) -> String {
        let apps = match self.owner {
            AppsOf::Developer => "developerapps",
            AppsOf::Group => "appgroupapps",
        };
        format!("apigee.{apps}.{verb}")
    }

    fn field(at: String, live: Option<Value>, wanted: Option<Value>) -> Field {
        Field { at, live, wanted, secret: false }
    }

    /// Describes a change; in a group, with the name of the app.
    fn what(&self, what: &str) -> String {
        match self.owner {
            AppsOf::Developer => what.to_owned(),
            AppsOf::Group => format!("app `{}`: {what}", self.name),
        }
    }
}

/// The value of `action` that sets a status.
fn action(status: &str) -> &'static str {
    if status == "revoked" { "revoke" } else { "approve" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Id, Place, Record};

    /// The changes and parts for a body, given the app in Apigee and the names of the parts in the record; `{KEY}` stands for the digest of a
    /// key.
    fn planned(body: &Value, live: Option<&Value>, parts: &[&str]) -> Result<(Vec<String>, Vec<String>), String> {
        let id = Id { kind: "ApigeeApp".into(), parent: Some("d".into()), name: "a".into() };
        let digest = |key: &str| format!("keys/{}", secret_digest(&id, "keys", key.as_bytes()));
        let part = |name: &&str| {
            let key = name.strip_prefix('{').and_then(|name| name.strip_suffix('}'));
            Part::named(&key.map_or_else(|| (*name).to_owned(), digest))
        };
        let record = r#"{"kind":"ApigeeApp","parent":"d","name":"a","owner":"o","digest":"d"}"#;
        let last = Record { parts: parts.iter().map(part).collect(), ..Record::parse(record).unwrap() };
        let place = Place { organization: "o", environment: None };
        let wanted = Wanted { place, id: &id, body, secrets: &[], last: Some(&last) };
        let app = AppPlan {
            wanted: &wanted,
            owner: AppsOf::Developer,
            path: place.path(&["developers", "d", "apps", "a"]),
            name: "a",
            body,
            parts: String::new(),
            pointer: String::new(),
        };
        let plan = app.plan(live)?;
        let known = ["mine", "old", "other", "fresh"];
        let named = |part: &Part| {
            let key = known.iter().find(|key| digest(key) == part.name);
            key.map_or_else(|| part.name.clone(), |key| format!("{{{key}}}"))
        };
        let changes = plan.changes.iter().map(|change| format!("{change:?}")).collect();
        Ok((changes, plan.parts.iter().map(named).collect()))
    }

    fn key(name: &str, issued: &str, products: &[(&str, &str)]) -> Value {
        let products: Vec<Value> =
            products.iter().map(|(name, status)| json!({"apiproduct": name, "status": status})).collect();
        json!({"consumerKey": name, "consumerSecret": "s", "issuedAt": issued, "status": "approved", "apiProducts": products})
    }

    fn with_key(name: &str) -> Value {
        json!({"keys": {"main": {"consumerKey": name, "consumerSecret": "s", "products": ["p"]}}})
    }

    #[test]
    fn only_the_useless_key_of_a_new_app_is_deleted() {
        let live = json!({"credentials": [key("other", "1", &[("p", "approved")]), key("fresh", "2", &[]), key("mine", "3", &[("p", "approved")])]});
        let (changes, parts) = planned(&with_key("mine"), Some(&live), &["generated", "{mine}"]).unwrap();
        let path = "Delete organizations/o/developers/d/apps/a/keys/…";
        assert_eq!(changes, [format!("delete the generated key: {path}")]);
        assert_eq!(parts, ["{mine}"]);
        let (changes, _) = planned(&with_key("mine"), Some(&live), &["{mine}"]).unwrap();
        assert_eq!(changes, [""; 0], "the app is not new: the key is not managed");
    }

    #[test]
    fn a_line_break_at_the_end_of_a_secret_is_no_other_key() {
        let body = json!({"keys": {"main": {"consumerKey": "mine\n", "consumerSecret": "s\r\n", "products": ["p"]}}});
        let live = json!({"credentials": [key("mine", "1", &[("p", "approved")])]});
        let (changes, parts) = planned(&body, Some(&live), &["{mine}"]).unwrap();
        assert_eq!((changes.len(), parts), (0, vec!["{mine}".to_owned()]));
        let live = json!({"credentials": [key("mine\n", "1", &[("p", "approved")])]});
        assert_eq!(
            planned(&with_key("mine\n"), Some(&live), &[]).unwrap().0,
            [""; 0],
            "version 0.1.0 set it like this"
        );
    }

    #[test]
    fn an_old_key_goes_last_and_waits_for_approval() {
        let body = with_key("fresh");
        let live = |status: &str| json!({"credentials": [key("old", "1", &[("p", "approved")]), key("fresh", "2", &[("p", status)])]});
        let (changes, parts) = planned(&body, Some(&live("pending")), &["{old}", "{fresh}"]).unwrap();
        assert_eq!((changes.len(), parts), (0, vec!["{fresh}".to_owned(), "{old}".to_owned()]));
        let (changes, parts) = planned(&body, Some(&live("approved")), &["{old}", "{fresh}"]).unwrap();
        assert!(changes[0].starts_with("delete an old key"), "{changes:?}");
        assert_eq!(parts, ["{fresh}"]);
    }

    #[test]
    fn a_key_that_is_not_known_is_not_compared() {
        let live = json!({"credentials": [key("old", "1", &[]), key("fresh", "2", &[])]});
        let (changes, _) = planned(&with_key(""), Some(&live), &["generated", "{old}"]).unwrap();
        assert_eq!(changes, [""; 0]);
    }

    #[test]
    fn the_generated_key_goes_to_the_secret_that_the_spec_names() {
        let id = Id { kind: "ApigeeApp".into(), parent: Some("d".into()), name: "a".into() };
        let secret = |body: &Value, credentials: Value| {
            let place = Place { organization: "o", environment: None };
            let wanted = Wanted { place, id: &id, body, secrets: &[], last: None };
            let (path, parts, pointer) = (Vec::new(), String::new(), String::new());
            let app = AppPlan { wanted: &wanted, owner: AppsOf::Developer, path, name: "a", body, parts, pointer };
            app.new_secret(&json!({"credentials": credentials}))
        };
        let named = json!({"keySecretName": "shop-key"});
        let two = json!([key("later", "2", &[]), key("first", "1", &[])]);
        let made = secret(&named, two.clone()).unwrap();
        assert_eq!((made.name.as_str(), made.key.as_str(), made.secret.as_str()), ("shop-key", "first", "s"));
        assert_eq!(format!("{made:?}"), "NewSecret(shop-key)");
        assert_eq!(secret(&json!({}), two), None);
        assert_eq!(secret(&named, json!([])), None);
    }

    #[test]
    fn an_app_without_keys_keeps_the_one_that_it_has() {
        let body = json!({"products": ["p"]});
        let live =
            json!({"credentials": [key("other", "2", &[("p", "approved")]), key("mine", "1", &[("p", "approved")])]});
        let (changes, parts) = planned(&body, Some(&live), &["generated"]).unwrap();
        assert_eq!((changes.len(), parts), (0, vec!["{mine}".to_owned()]), "the oldest is the generated one");
        let (_, parts) = planned(&body, Some(&live), &["{other}"]).unwrap();
        assert_eq!(parts, ["{other}"], "the record knows it");
        assert!(planned(&body, Some(&json!({})), &["{mine}"]).unwrap_err().contains("generates a key only when"));
    }
}
