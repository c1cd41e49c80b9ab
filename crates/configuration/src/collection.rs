//! The common case: a collection of JSON documents whose names the client chooses, with one create, read, update and delete method each.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Number, Value};

use super::call::{Answer, Body, Change, Field, Read, Request, Shape, Verb};
use super::{Crud, Plan, Wanted, secret};

/// The properties of a collection.
#[derive(Debug, Clone, Copy)]
pub struct Collection {
    /// Its segment of the path, for example `targetservers`.
    pub path: &'static str,
    /// How a create request passes the name.
    pub named_by: NamedBy,
    /// How a document is updated.
    pub update: Update,
    /// The prefix of the permissions, for example `apigee.targetservers`.
    pub permission: &'static str,
    /// How documents are compared.
    pub compare: Compare,
    /// What must exist before a document is created or updated.
    pub prerequisites: fn(&Wanted<'_>) -> Vec<Read>,
}

/// Where a create request passes the name of the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// In a field of the body.
    Field(&'static str),
    /// In a query parameter.
    Query(&'static str),
}

/// How a resource is updated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// The whole document is sent.
    Put,
    /// The fields that differ are sent with an `updateMask`.
    PatchMask,
}

/// How the desired and the actual document are compared. Both are normalized first, so that equivalent documents are equal.
#[derive(Debug, Clone, Copy)]
pub struct Compare {
    /// Top-level fields that Apigee sets.
    pub server_set: &'static [&'static str],
    /// The defaults of top-level fields, as JSON. Only for fields that Apigee omits while they have this value. A boolean has no default here:
    /// Apigee omits `false` (JSON mapping of protocol buffers), whatever the default of a new resource is.
    pub defaults: &'static [(&'static str, &'static str)],
    /// Lists without an order, at any depth.
    pub sets: &'static [&'static str],
    /// Top-level fields that cannot be changed.
    pub immutable: &'static [&'static str],
}

impl Compare {
    /// A comparison without special fields.
    pub const PLAIN: Self = Self { server_set: &[], defaults: &[], sets: &[], immutable: &[] };

    /// The normalized form of a document: without fields that Apigee sets and empty fields, with defaults, sorted sets, and numbers in one
    /// form. `attributes`, a list of name-value pairs, is always a set.
    pub fn canonical(&self, document: &Value) -> Value {
        let mut document = document.clone();
        if let Value::Object(fields) = &mut document {
            for field in self.server_set {
                fields.remove(*field);
            }
            for (field, default) in self.defaults {
                if fields.get(*field).is_none_or(|value| value.is_null() || value == "") {
                    fields.insert((*field).to_owned(), serde_json::from_str(default).unwrap_or_default());
                }
            }
        }
        self.normal(None, document)
    }

    fn normal(&self, key: Option<&str>, value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                // Sorted by key, so that the order of a set depends only on the content of its elements.
                let fields: BTreeMap<String, Value> = fields
                    .into_iter()
                    .map(|(key, value)| {
                        let value = self.normal(Some(&key), value);
                        (key, value)
                    })
                    .filter(|(_, value)| !is_empty(value))
                    .collect();
                Value::Object(fields.into_iter().collect())
            }
            Value::Array(elements) => {
                let mut elements: Vec<Value> = elements.into_iter().map(|element| self.normal(None, element)).collect();
                if key.is_some_and(|key| key == "attributes" || self.sets.contains(&key)) {
                    elements.sort_by_key(Value::to_string);
                }
                Value::Array(elements)
            }
            Value::Number(number) => Value::Number(plain(number)),
            other => other,
        }
    }

    /// The fields that differ between the normalized documents.
    pub fn differences(&self, wanted: &Wanted<'_>, live: &Value) -> Vec<Field> {
        let mut fields = Vec::new();
        let (wanted_body, live) = (self.canonical(wanted.body), self.canonical(live));
        differences(&wanted_body, &live, "", &|at| wanted.is_secret(at), &mut fields);
        fields
    }
}

/// A whole number without a fraction: `21` and `21.0` are the same.
fn plain(number: Number) -> Number {
    let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15);
    // The fraction is zero and the number fits.
    #[expect(clippy::cast_possible_truncation, reason = "checked above")]
    whole.map_or(number, |float| Number::from(float as i64))
}

/// Apigee omits values that are false, zero or empty.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(true) => false,
    }
}

/// Collects the fields in which two values differ, recursively while both are objects.
pub fn differences(wanted: &Value, live: &Value, at: &str, is_secret: &dyn Fn(&str) -> bool, found: &mut Vec<Field>) {
    if wanted == live {
        return;
    }
    if let (Value::Object(wanted), Value::Object(live)) = (wanted, live) {
        let keys: BTreeSet<&String> = wanted.keys().chain(live.keys()).collect();
        for key in keys {
            let at = format!("{at}/{}", secret::escape(key));
            let null = Value::Null;
            differences(wanted.get(key).unwrap_or(&null), live.get(key).unwrap_or(&null), &at, is_secret, found);
        }
        return;
    }
    let secret = is_secret(at);
    let shown = |value: &Value| Some(value.clone()).filter(|value| !secret && !value.is_null());
    found.push(Field { at: at.to_owned(), live: shown(live), wanted: shown(wanted), secret });
}

/// The names of the fields, for a message: the first part of each pointer.
pub fn field_names(fields: &[Field]) -> String {
    let mut names: Vec<&str> =
        fields.iter().filter_map(|field| field.at.split('/').nth(1)).filter(|name| !name.is_empty()).collect();
    names.dedup();
    names.join(", ")
}

impl Collection {
    fn one(&self, wanted: &Wanted<'_>) -> Vec<String> {
        wanted.place.path(&[self.path, &wanted.id.name])
    }

    /// The permission for a verb, for example `apigee.targetservers.get`.
    pub fn needs(&self, verb: &str) -> String {
        format!("{}.{verb}", self.permission)
    }

    /// The change that creates the resource.
    pub fn create(&self, wanted: &Wanted<'_>) -> Change {
        let mut body = wanted.body.clone();
        let mut request = Request::new(Verb::Post, wanted.place.path(&[self.path]), Body::Empty, &self.needs("create"));
        match (self.named_by, &mut body) {
            (NamedBy::Field(field), Value::Object(fields)) => {
                fields.insert(field.to_owned(), Value::String(wanted.id.name.clone()));
            }
            (NamedBy::Field(_), _) => {}
            (NamedBy::Query(parameter), _) => request = request.with(parameter, &wanted.id.name),
        }
        request.body = Body::Json(body);
        let mut fields = Vec::new();
        differences(wanted.body, &Value::Object(Map::new()), "", &|at| wanted.is_secret(at), &mut fields);
        Change { what: "create".to_owned(), request, fields }
    }

    /// The change that updates the resource, if a field differs.
    pub fn update(&self, wanted: &Wanted<'_>, live: &Value) -> Result<Option<Change>, String> {
        let mut live = live.clone();
        if let (NamedBy::Field(field), Value::Object(fields)) = (self.named_by, &mut live)
            && wanted.body.get(field).is_none()
        {
            fields.remove(field);
        }
        let fields = self.compare.differences(wanted, &live);
        if fields.is_empty() {
            return Ok(None);
        }
        let changed = |field: &&&str| fields.iter().any(|found| found.at.split('/').nth(1) == Some(**field));
        if let Some(field) = self.compare.immutable.iter().find(changed) {
            let show = |value: &Value| value.get(field).map_or_else(|| "nothing".to_owned(), Value::to_string);
            let (was, now) = (self.compare.canonical(&live), self.compare.canonical(wanted.body));
            return Err(format!(
                "`{field}` is {} in Apigee and cannot be changed to {}: give the resource another name and update the references to it, \
                or delete it in Apigee first",
                show(&was),
                show(&now)
            ));
        }
        let names = field_names(&fields);
        let mut body = wanted.body.clone();
        let (verb, mask) = match self.update {
            Update::Put => (Verb::Put, None),
            Update::PatchMask => (Verb::Patch, Some(names.replace(", ", ","))),
        };
        if let (Verb::Put, NamedBy::Field(field), Value::Object(fields)) = (verb, self.named_by, &mut body) {
            fields.insert(field.to_owned(), Value::String(wanted.id.name.clone()));
        }
        let mut request = Request::new(verb, self.one(wanted), Body::Json(body), &self.needs("update"));
        if let Some(mask) = mask {
            request = request.with("updateMask", mask);
        }
        Ok(Some(Change { what: format!("update {names}"), request, fields }))
    }
}

impl Collection {
    /// No prerequisites.
    pub const NOTHING: fn(&Wanted<'_>) -> Vec<Read> = |_| Vec::new();
}

impl Crud for Collection {
    fn prerequisites(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        (self.prerequisites)(wanted)
    }

    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        let read = Read::json(self.one(wanted), &self.needs("get"));
        // Only a developer is not identified by `name`.
        vec![match self.named_by {
            NamedBy::Field("email") => read.of(Shape::with(&["email", "developerId"])),
            NamedBy::Field(_) | NamedBy::Query(_) => read,
        }]
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let changes = match answers {
            [Answer::Json(live), ..] => self.update(wanted, live)?.into_iter().collect(),
            _ => vec![self.create(wanted)],
        };
        Ok(Plan { changes, parts: Vec::new() })
    }

    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        if !self.exists(wanted, answers) {
            return Ok(Vec::new());
        }
        let request = Request::new(Verb::Delete, self.one(wanted), Body::Empty, &self.needs("delete"));
        Ok(vec![Change { what: "delete".to_owned(), request, fields: Vec::new() }])
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Id, Place};

    const SERVERS: Collection = Collection {
        path: "servers",
        named_by: NamedBy::Field("name"),
        update: Update::Put,
        permission: "apigee.servers",
        prerequisites: Collection::NOTHING,
        compare: Compare {
            server_set: &["createdAt"],
            defaults: &[("protocol", "\"HTTP\"")],
            sets: &["protocols"],
            immutable: &["protocol"],
        },
    };

    fn plan(body: &Value, live: Option<Value>) -> Result<Vec<Change>, String> {
        let id = Id { kind: "K".into(), parent: None, name: "s".into() };
        let place = Place { organization: "o", environment: Some("e") };
        let secrets = ["/secret".to_owned()];
        let wanted = Wanted { place, id: &id, body, secrets: &secrets, last: None };
        SERVERS.plan(&wanted, &[live.map_or(Answer::Missing, Answer::Json)]).map(|plan| plan.changes)
    }

    #[test]
    fn what_means_the_same_is_the_same() {
        let body = json!({"host": "a", "share": 21, "isEnabled": true, "tls": {"protocols": ["b", "a"], "enforce": false},
            "attributes": [{"name": "y"}, {"name": "x"}]});
        let live = json!({"name": "s", "host": "a", "share": 21.0, "isEnabled": true, "protocol": "HTTP", "createdAt": "1", "tls": {"protocols": ["a", "b"]},
            "attributes": [{"name": "x"}, {"name": "y"}], "list": []});
        assert!(plan(&body, Some(live)).unwrap().is_empty());
    }

    #[test]
    fn a_difference_is_named_and_sent_whole() {
        let changes = plan(&json!({"host": "b", "secret": "x"}), Some(json!({"name": "s", "host": "a"}))).unwrap();
        let [change] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!(change.what, "update host, secret");
        let Body::Json(body) = &change.request.body else { panic!() };
        assert_eq!(*body, json!({"name": "s", "host": "b", "secret": "x"}));
        assert_eq!(change.fields[0].live, Some(json!("a")));
        assert_eq!((&change.fields[1].live, &change.fields[1].wanted, change.fields[1].secret), (&None, &None, true));
    }

    #[test]
    fn a_boolean_that_is_left_out_is_false() {
        let changes = |wanted: bool, live: Value| {
            let changes = plan(&json!({"host": "a", "isEnabled": wanted}), Some(live)).unwrap();
            changes.iter().map(|change| change.what.clone()).collect::<Vec<_>>()
        };
        let live = |enabled: Option<bool>| match enabled {
            Some(enabled) => json!({"host": "a", "isEnabled": enabled}),
            None => json!({"host": "a"}),
        };
        for (wanted, enabled, differs) in [
            (true, Some(true), false),
            (true, Some(false), true),
            (true, None, true),
            (false, Some(true), true),
            (false, Some(false), false),
            (false, None, false),
        ] {
            assert_eq!(!changes(wanted, live(enabled)).is_empty(), differs, "{wanted} {enabled:?}");
        }
    }

    #[test]
    fn what_cannot_change_is_refused() {
        let why = plan(&json!({"protocol": "GRPC"}), Some(json!({"protocol": "HTTP"}))).unwrap_err();
        assert!(why.contains("`protocol` is \"HTTP\" in Apigee and cannot be changed to \"GRPC\""), "{why}");
    }

    #[test]
    fn what_is_missing_is_made() {
        let changes = plan(&json!({"host": "a"}), None).unwrap();
        assert_eq!(format!("{changes:?}"), "[create: Post organizations/o/environments/e/servers]");
    }
}
