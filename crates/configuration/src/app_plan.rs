//! Plans the changes that bring an app to its desired state: its profile, its status and its keys.
//!
//! An update of an app that names products makes Apigee generate another key each time
//! (<https://github.com/apigee/apigee-config-maven-plugin/issues/17>), so products are only added to keys. Apigee always generates one key
//! when an app is created. An app whose spec has `keys` is created without products, so that the generated key gives access to nothing,
//! and that key is deleted right after; an app whose spec has no `keys` keeps it.
//!
//! Keys are credentials. Each managed key is in the record as a part whose name is a digest of the key; a key without a part is not
//! managed. A key that was removed from the spec is deleted when there is no other change and no other key waits for approval.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::call::{Body, Change, Field, Request, Verb};
use super::collection::{Compare, field_names};
use super::developer::status_to_set;
use super::record::{Part, secret_digest};
use super::secret::line;
use super::{Plan, Wanted};
use apigee_flux_model::limits::texts;

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

/// The largest difference, in seconds, between the lifetime of a key in the spec and in Apigee.
const EXPIRY_TOLERANCE: u64 = 60;

/// The profile of an app.
const PROFILE: Compare = Compare::PLAIN;

/// The desired state of a key.
struct WantedKey<'b> {
    /// The name of the key in messages.
    label: String,
    /// The field of the key, as a JSON pointer.
    at: String,
    products: Vec<&'b str>,
    /// `None` if the scopes are not changed.
    scopes: Option<Vec<&'b str>>,
    /// `None` if the attributes are not changed.
    attributes: Option<&'b Value>,
    body: &'b Value,
    approve: bool,
}

fn texts<'v>(value: &'v Value, field: &str) -> Vec<&'v str> {
    value.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

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

/// The products of a key: the name and status of each.
fn associations(key: &Value) -> impl Iterator<Item = (&str, &str)> {
    list(key, "apiProducts").iter().map(|product| (text(product, "apiproduct"), text(product, "status")))
}

/// The keys of an app, the oldest first.
fn credentials(live: &Value) -> Vec<&Value> {
    let mut keys: Vec<&Value> = list(live, "credentials").iter().collect();
    keys.sort_by_key(|key| text(key, "issuedAt").parse::<u64>().unwrap_or_default());
    keys
}

impl WantedKey<'_> {
    /// Checks the values from the Secret, since they become part of a path. An empty value is unknown here and not checked.
    fn check(&self) -> Result<(), String> {
        for (field, rule) in [("consumerKey", &texts::CONSUMER_KEY), ("consumerSecret", &texts::CONSUMER_SECRET)] {
            let value = credential(self.body, field);
            if let (Err(broken), false) = (rule.check(value), value.is_empty()) {
                return Err(format!("{} has an invalid `{field}`: {}", self.label, broken.message()));
            }
        }
        Ok(())
    }
}

impl<'a> AppPlan<'a> {
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
            let known = credentials.iter().find(|key| ours(key));
            let Some(live) = known.or_else(|| credentials.first()) else {
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

    fn own_keys(&self) -> Vec<WantedKey<'a>> {
        let keys = self.body.get("keys").and_then(Value::as_object).into_iter().flatten();
        let wanted = |(name, body): (&String, &'a Value)| WantedKey {
            label: format!("key `{name}`"),
            at: format!("{}/keys/{}", self.pointer, super::secret::escape(name)),
            products: texts(body, "products"),
            scopes: Some(texts(body, "scopes")).filter(|scopes| !scopes.is_empty()),
            attributes: body.get("attributes"),
            body,
            approve: self.approve(),
        };
        keys.map(wanted).collect()
    }

    fn generated_key(&self) -> WantedKey<'a> {
        WantedKey {
            label: "the app's key".to_owned(),
            at: self.pointer.clone(),
            products: texts(self.body, "products"),
            scopes: Some(texts(self.body, "scopes")).filter(|scopes| !scopes.is_empty()),
            attributes: None,
            // The app and the key have separate statuses.
            body: &Value::Null,
            approve: self.approve(),
        }
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

    /// The body of an update, which never contains products.
    fn profile_body(&self) -> Map<String, Value> {
        let mut profile = Map::new();
        profile.insert("name".to_owned(), json!(self.name));
        for field in ["attributes", "callbackUrl"] {
            if let Some(value) = self.body.get(field) {
                profile.insert(field.to_owned(), value.clone());
            }
        }
        profile
    }

    fn create(&self, generated: bool) -> Change {
        let mut body = self.profile_body();
        if generated {
            for (field, name) in [("products", "apiProducts"), ("scopes", "scopes")] {
                body.extend(
                    self.body.get(field).filter(|list| *list != &json!([])).map(|list| (name.to_owned(), list.clone())),
                );
            }
            if let Some(seconds) = self.body.get("keyExpiresInSeconds").and_then(Value::as_u64) {
                let time = match self.owner {
                    AppsOf::Developer => seconds.saturating_mul(1000),
                    AppsOf::Group => seconds,
                };
                body.insert("keyExpiresIn".to_owned(), json!(time.to_string()));
            }
        }
        let mut path = self.path.clone();
        path.pop();
        let fields = body.iter().filter(|(field, _)| *field != "name");
        let fields =
            fields.map(|(field, value)| Self::field(format!("{}/{field}", self.pointer), None, Some(value.clone())));
        Change {
            what: self.what("create"),
            fields: fields.collect(),
            request: Request::new(Verb::Post, path, Body::Json(Value::Object(body)), &self.needs("create")),
        }
    }

    /// Describes a change; in a group, with the name of the app.
    fn what(&self, what: &str) -> String {
        match self.owner {
            AppsOf::Developer => what.to_owned(),
            AppsOf::Group => format!("app `{}`: {what}", self.name),
        }
    }

    fn profile(&self, live: &Value) -> Option<Change> {
        let mut wanted = self.profile_body();
        if !wanted.contains_key("callbackUrl") && live.get("callbackUrl").is_some() {
            // It is not documented whether a field that is left out is kept or removed.
            wanted.insert("callbackUrl".to_owned(), json!(""));
        }
        let wanted = Value::Object(wanted);
        let of = |field: &str| (field.to_owned(), live.get(field).cloned().unwrap_or_default());
        let live = Value::Object(
            ["attributes", "callbackUrl"].map(of).into_iter().chain([("name".to_owned(), json!(self.name))]).collect(),
        );
        let mut fields = Vec::new();
        let (shown, has) = (PROFILE.canonical(&wanted), PROFILE.canonical(&live));
        super::collection::differences(&shown, &has, "", &|_| false, &mut fields);
        if fields.is_empty() {
            return None;
        }
        let what = self.what(&format!("update {}", field_names(&fields)));
        for field in &mut fields {
            field.at = format!("{}{}", self.pointer, field.at);
        }
        let request = Request::new(Verb::Put, self.path.clone(), Body::Json(wanted), &self.needs("manage"));
        Some(Change { what, request, fields })
    }

    fn status(&self, live: &Value) -> Option<Change> {
        let (status, mut field) = status_to_set(self.body, live, "approved")?;
        field.at = format!("{}{}", self.pointer, field.at);
        let verb = match self.owner {
            AppsOf::Developer => Verb::Post,
            AppsOf::Group => Verb::Put,
        };
        let action = action(status);
        let request = Request::new(verb, self.path.clone(), Body::Empty, &self.needs("manage")).with("action", action);
        Some(Change { what: self.what(action), request, fields: vec![field] })
    }

    fn key_request(&self, verb: Verb, below: &[&str], body: Body, needs: &str) -> Request {
        let mut path = self.path.clone();
        path.push("keys".to_owned());
        path.extend(below.iter().map(|part| (*part).to_owned()));
        Request::new(verb, path, body, &format!("apigee.appkeys.{needs}"))
    }

    /// Creates a key with up to three requests: a new key has no products and is approved.
    fn import(&self, key: &WantedKey<'_>, changes: &mut Vec<Change>) {
        let mut body = json!({});
        for field in ["consumerKey", "consumerSecret"] {
            body[field] = json!(credential(key.body, field));
        }
        if let Some(seconds) = key.body.get("expiresInSeconds").and_then(Value::as_u64) {
            body["expiresInSeconds"] = json!(seconds.to_string());
        }
        let secret = Field { at: format!("{}/consumerKey", key.at), live: None, wanted: None, secret: true };
        changes.push(Change {
            what: self.what(&format!("import {}", key.label)),
            request: self.key_request(Verb::Post, &[], Body::Json(body), "create"),
            fields: vec![secret],
        });
        let fresh = json!({"consumerKey": credential(key.body, "consumerKey"), "status": "approved"});
        self.reconcile(key, &fresh, changes);
    }

    /// Returns an error if the consumer secret differs: the secret of a key cannot be changed.
    fn check_secret(key: &WantedKey<'_>, live: &Value) -> Result<(), String> {
        if credential(key.body, "consumerSecret") == credential(live, "consumerSecret") {
            return Ok(());
        }
        Err(format!(
            "the consumer secret of {} differs from the one in Apigee and cannot be changed: put a new consumer key into the Secret too",
            key.label
        ))
    }

    /// Returns an error if the lifetime differs, since it cannot be changed. Otherwise a user who removes it from Git would believe that the key
    /// no longer expires.
    fn check_expiry(key: &WantedKey<'_>, wanted: Option<u64>, live: &Value) -> Result<(), String> {
        let millis = |field: &str| text(live, field).parse::<u64>().ok();
        let has = millis("expiresAt").zip(millis("issuedAt")).map(|(end, start)| end.saturating_sub(start) / 1000);
        let same = match (wanted, has) {
            (Some(wanted), Some(has)) => wanted.abs_diff(has) <= EXPIRY_TOLERANCE,
            (wanted, has) => wanted == has,
        };
        if same {
            return Ok(());
        }
        let has = has.map_or_else(|| "without expiry".to_owned(), |seconds| format!("with a lifetime of {seconds}s"));
        Err(format!(
            "{} was created {has}, which cannot be changed: set the same in the spec, or put a new consumer key into the Secret",
            key.label
        ))
    }

    /// True if the key waits for approval for a product.
    fn waits(key: &WantedKey<'_>, live: &Value) -> bool {
        associations(live).any(|(name, status)| key.products.contains(&name) && status == "pending")
    }

    fn reconcile(&self, key: &WantedKey<'_>, live: &Value, changes: &mut Vec<Change>) {
        let consumer_key = text(live, "consumerKey");
        let has: Vec<&str> = associations(live).map(|(name, _)| name).collect();
        let missing: Vec<&str> = key.products.iter().filter(|name| !has.contains(name)).copied().collect();
        let sorted = |mut texts: Vec<&str>| -> Vec<String> {
            texts.sort_unstable();
            texts.into_iter().map(str::to_owned).collect()
        };
        let plain = |attributes: Option<&Value>| PROFILE.canonical(&json!({"attributes": attributes}));
        let other_scopes = key.scopes.clone().filter(|scopes| sorted(scopes.clone()) != sorted(texts(live, "scopes")));
        let other_attributes = key.attributes.filter(|list| plain(Some(list)) != plain(live.get("attributes")));
        if !missing.is_empty() || other_attributes.is_some() || other_scopes.is_some() {
            // The request replaces all attributes, so those that are kept are sent too.
            let none = json!([]);
            let attributes = key.attributes.or_else(|| live.get("attributes")).unwrap_or(&none);
            let mut fields = Vec::new();
            let mut said = Vec::new();
            if !missing.is_empty() {
                said.push(format!("give {} access to {}", key.label, missing.join(", ")));
                fields.push(Self::field(format!("{}/products", key.at), Some(json!(has)), Some(json!(key.products))));
            }
            if other_attributes.is_some() {
                said.push(format!("set attributes of {}", key.label));
                let at = format!("{}/attributes", key.at);
                fields.push(Self::field(at, live.get("attributes").cloned(), key.attributes.cloned()));
            }
            if let Some(scopes) = &other_scopes {
                said.push(format!("set scopes of {}", key.label));
                let at = format!("{}/scopes", key.at);
                fields.push(Self::field(at, live.get("scopes").cloned(), Some(json!(scopes))));
            }
            let scopes = key.scopes.as_ref().map(|scopes| json!(scopes));
            let more = missing.is_empty() && other_attributes.is_none();
            let request = self.key_update(consumer_key, &missing, attributes, scopes, more);
            changes.push(Change { what: self.what(&said.join(", ")), request, fields });
        }
        for name in has.iter().filter(|name| !key.products.contains(name)) {
            let request = self.key_request(Verb::Delete, &[consumer_key, "apiproducts", name], Body::Empty, "manage");
            let field = Self::field(format!("{}/products", key.at), Some(json!(has)), Some(json!(key.products)));
            changes.push(Change {
                what: self.what(&format!("remove {name} from {}", key.label)),
                request,
                fields: vec![field],
            });
        }
        for (name, _) in associations(live)
            .filter(|(name, status)| key.approve && *status == "pending" && key.products.contains(name))
        {
            let below = [consumer_key, "apiproducts", name];
            let request = self.key_request(Verb::Post, &below, Body::Empty, "manage").with("action", "approve");
            changes.push(Change {
                what: self.what(&format!("approve {} for {name}", key.label)),
                request,
                fields: Vec::new(),
            });
        }
        if let Some((status, mut field)) = status_to_set(key.body, live, "approved") {
            field.at = format!("{}{}", key.at, field.at);
            let action = action(status);
            let request = match self.owner {
                AppsOf::Developer => {
                    self.key_request(Verb::Post, &[consumer_key], Body::Empty, "manage").with("action", action)
                }
                AppsOf::Group => {
                    self.key_request(Verb::Post, &[consumer_key], Body::Json(json!({"action": action})), "manage")
                }
            };
            let what = self.what(&format!("{action} {}", key.label));
            changes.push(Change { what, request, fields: vec![field] });
        }
    }

    /// Adds products to a key and replaces its attributes and scopes. A developer's key has a separate API method for scopes.
    fn key_update(
        &self,
        consumer_key: &str,
        products: &[&str],
        attributes: &Value,
        scopes: Option<Value>,
        scopes_alone: bool,
    ) -> Request {
        let mut fields = Map::new();
        if self.owner == AppsOf::Group || !scopes_alone {
            fields.insert("attributes".to_owned(), attributes.clone());
        }
        fields.extend(scopes.map(|scopes| ("scopes".to_owned(), scopes)));
        let (verb, body) = match self.owner {
            AppsOf::Developer if scopes_alone => (Verb::Put, Value::Object(fields)),
            AppsOf::Developer => {
                fields.insert("apiProducts".to_owned(), json!(products));
                (Verb::Post, Value::Object(fields))
            }
            AppsOf::Group => (Verb::Post, json!({"apiProducts": products, "appGroupAppKey": fields})),
        };
        self.key_request(verb, &[consumer_key], Body::Json(body), "manage")
    }

    fn delete(&self, consumer_key: &str, which: &str) -> Change {
        Change {
            what: self.what(&format!("delete {which}")),
            request: self.key_request(Verb::Delete, &[consumer_key], Body::Empty, "delete"),
            fields: Vec::new(),
        }
    }
}

/// The value of `action` that sets a status.
fn action(status: &str) -> &'static str {
    if status == "revoked" { "revoke" } else { "approve" }
}

#[cfg(test)]
mod tests {
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
