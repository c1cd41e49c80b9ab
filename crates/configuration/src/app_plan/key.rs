//! The keys of an app: what the spec wants of each, and the requests that import, change and delete it.

use serde_json::{Map, Value, json};

use super::{AppPlan, AppsOf, PROFILE, action, credential, list, text};
use crate::call::{Body, Change, Field, Request, Verb};
use crate::developer::status_to_set;
use crate::secret::escape;
use apigee_flux_model::limits::texts;

/// The largest difference, in seconds, between the lifetime of a key in the spec and in Apigee.
const EXPIRY_TOLERANCE: u64 = 60;

/// The desired state of a key.
pub(super) struct WantedKey<'b> {
    /// The name of the key in messages.
    label: String,
    /// The field of the key, as a JSON pointer.
    at: String,
    products: Vec<&'b str>,
    /// `None` if the scopes are not changed.
    scopes: Option<Vec<&'b str>>,
    /// `None` if the attributes are not changed.
    attributes: Option<&'b Value>,
    pub(super) body: &'b Value,
    approve: bool,
}

fn texts<'v>(value: &'v Value, field: &str) -> Vec<&'v str> {
    value.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The products of a key: the name and status of each.
fn associations(key: &Value) -> impl Iterator<Item = (&str, &str)> {
    list(key, "apiProducts").iter().map(|product| (text(product, "apiproduct"), text(product, "status")))
}

impl WantedKey<'_> {
    /// Checks the values from the Secret, since they become part of a path. An empty value is unknown here and not checked.
    pub(super) fn check(&self) -> Result<(), String> {
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
    pub(super) fn own_keys(&self) -> Vec<WantedKey<'a>> {
        let keys = self.body.get("keys").and_then(Value::as_object).into_iter().flatten();
        let wanted = |(name, body): (&String, &'a Value)| WantedKey {
            label: format!("key `{name}`"),
            at: format!("{}/keys/{}", self.pointer, escape(name)),
            products: texts(body, "products"),
            scopes: Some(texts(body, "scopes")).filter(|scopes| !scopes.is_empty()),
            attributes: body.get("attributes"),
            body,
            approve: self.approve(),
        };
        keys.map(wanted).collect()
    }

    pub(super) fn generated_key(&self) -> WantedKey<'a> {
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

    fn key_request(&self, verb: Verb, below: &[&str], body: Body, needs: &str) -> Request {
        let mut path = self.path.clone();
        path.push("keys".to_owned());
        path.extend(below.iter().map(|part| (*part).to_owned()));
        Request::new(verb, path, body, &format!("apigee.appkeys.{needs}"))
    }

    /// Creates a key with up to three requests: a new key has no products and is approved.
    pub(super) fn import(&self, key: &WantedKey<'_>, changes: &mut Vec<Change>) {
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
    pub(super) fn check_secret(key: &WantedKey<'_>, live: &Value) -> Result<(), String> {
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
    pub(super) fn check_expiry(key: &WantedKey<'_>, wanted: Option<u64>, live: &Value) -> Result<(), String> {
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
    pub(super) fn waits(key: &WantedKey<'_>, live: &Value) -> bool {
        associations(live).any(|(name, status)| key.products.contains(&name) && status == "pending")
    }

    pub(super) fn reconcile(&self, key: &WantedKey<'_>, live: &Value, changes: &mut Vec<Change>) {
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

    pub(super) fn delete(&self, consumer_key: &str, which: &str) -> Change {
        Change {
            what: self.what(&format!("delete {which}")),
            request: self.key_request(Verb::Delete, &[consumer_key], Body::Empty, "delete"),
            fields: Vec::new(),
        }
    }
}
