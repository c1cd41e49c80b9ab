//! `ApigeeKeyValueMap`: key-value pairs of an environment, an organization or a proxy, read by proxies at run time (`keyvaluemaps`).
//!
//! The entries of a map are read in pages and compared one by one. Unmanaged entries are kept; managed entries are deleted when they are
//! removed from Git. Apigee does not return the values of a map with `maskedValues`: a digest in the record detects a new value.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::call::{Answer, Body, Change, Field, Form, Read, Request, Verb};
use super::record::{self, Part, secret_digest};
use super::secret::{self, SecretOrText};
use super::{Configuration, ConfigurationSpec, Crud, Plan, ResourceReference, Scope, Wanted};
use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::limits::texts;
use apigee_flux_model::yaml::word_or::WordOr;

/// An encrypted key-value map with its entries.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyValueMap {
    /// The scope of the map. Default: `environment`.
    #[serde(default)]
    pub scope: MapScope,
    /// The proxy that owns the map. Required with `scope: proxy`.
    pub proxy: Option<String>,
    /// Whether Apigee's API masks the values, so that they cannot be read there. Default: `false`.
    #[serde(default)]
    pub masked_values: bool,
    /// The entries. A value is a string, or `{valueFrom: …}` for a secret. Unmanaged entries are kept.
    #[serde(default)]
    pub entries: BTreeMap<String, SecretOrText>,
}

/// Which proxies can read a key-value map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MapScope {
    /// All proxies of one environment.
    #[default]
    Environment,
    /// All proxies of the organization.
    Organization,
    /// Only one proxy.
    Proxy,
}

impl ConfigurationSpec for KeyValueMap {
    const CRUD: &'static dyn Crud = &Maps;
}

impl Configuration for KeyValueMap {
    fn scope(&self) -> Scope {
        match self.scope {
            MapScope::Environment => Scope::Environment,
            MapScope::Organization | MapScope::Proxy => Scope::Organization,
        }
    }

    fn parent(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    fn body(&self, _: &str) -> Value {
        let entries: Map<String, Value> =
            self.entries.iter().map(|(key, text)| (key.clone(), secret::body(text))).collect();
        let mut body = json!({"encrypted": true, "entries": entries});
        if self.masked_values {
            body["maskedValues"] = json!(true);
        }
        body
    }

    fn check(&self, name: &str, report: &mut Report<'_>) {
        let at = |keys: &[&str]| FieldPath::of(&[&["spec"], keys].concat());
        if (self.scope == MapScope::Proxy) != self.proxy.is_some() {
            let message = "`scope: proxy` and `proxy` must be set together: `proxy` names the proxy that owns the map";
            report.error(Code::ConflictingFields, at(&["scope"]), message.to_owned());
        }
        if name == record::MAP {
            let message =
                format!("the map `{}` is reserved for the records of apigee-flux: use another name", record::MAP);
            report.error(Code::NameTaken, at(&["name"]), message);
        }
        texts::KEY_VALUE_MAP.report(name, at(&["name"]), report);
        if let Some(proxy) = &self.proxy {
            texts::BUNDLE.report(proxy, at(&["proxy"]), report);
        }
        for (key, text) in &self.entries {
            let at = at(&["entries"]).key(key);
            texts::MAP_KEY.report(key, &at, report);
            if let WordOr::Word(text) = text {
                texts::MAP_VALUE.report(text, &at, report);
            }
        }
    }

    fn references(&self) -> Vec<ResourceReference> {
        let reference = |proxy: &String| ResourceReference {
            kind: "ApigeeProxy",
            name: proxy.clone(),
            at: FieldPath::of(&["spec", "proxy"]),
        };
        self.proxy.iter().map(reference).collect()
    }
}

#[derive(Debug)]
struct Maps;

const ENTRIES: &str = "keyValueEntries";

/// True if Apigee does not return the values of the map.
fn is_masked(map: &Value) -> bool {
    map.get("maskedValues") == Some(&Value::Bool(true))
}

/// The name and the value of an entry.
fn named_value(entry: &Value) -> Option<(&str, &Value)> {
    Some((entry.get("name")?.as_str()?, entry.get("value").unwrap_or(&Value::Null)))
}

/// The entries in Apigee.
fn listed(answer: &Answer) -> impl Iterator<Item = &Value> {
    answer.json().get(ENTRIES).and_then(Value::as_array).into_iter().flatten()
}

impl Maps {
    fn path(wanted: &Wanted<'_>, below: &[&str]) -> Vec<String> {
        let own = ["keyvaluemaps", &wanted.id.name];
        match &wanted.id.parent {
            Some(proxy) => wanted.place.path(&[&["apis", proxy.as_str()], &own[..], below].concat()),
            None => wanted.place.path(&[&own[..], below].concat()),
        }
    }

    /// The map without its entries.
    fn map(wanted: &Wanted<'_>, masked: bool) -> Body {
        let mut body = json!({"name": wanted.id.name, "encrypted": true});
        if masked {
            body["maskedValues"] = json!(true);
        }
        Body::Json(body)
    }

    /// The path of the collection of maps.
    fn all(wanted: &Wanted<'_>) -> Vec<String> {
        let mut path = Self::path(wanted, &[]);
        path.pop();
        path
    }

    fn entry(wanted: &Wanted<'_>, verb: Verb, key: &str, value: Option<&str>) -> Change {
        let (what, path, needs) = match verb {
            Verb::Post => ("add entry", Self::path(wanted, &["entries"]), "create"),
            Verb::Delete => ("delete entry", Self::path(wanted, &["entries", key]), "delete"),
            _ => ("set entry", Self::path(wanted, &["entries", key]), "update"),
        };
        let body = value.map_or(Body::Empty, |value| Body::Json(json!({"name": key, "value": value})));
        let request = Request::new(verb, path, body, &format!("apigee.keyvaluemapentries.{needs}"));
        let at = format!("/entries/{}", secret::escape(key));
        let secret = value.is_none() || wanted.is_secret(&at);
        let shown = value.filter(|_| !secret).map(|value| json!(value));
        let field = Field { at, live: None, wanted: shown, secret };
        Change { what: format!("{what} `{key}`"), request, fields: vec![field] }
    }
}

fn entry_name(entry: &Value) -> Option<&str> {
    entry.get("name").and_then(Value::as_str)
}

impl Crud for Maps {
    fn secrets(&self) -> &'static [&'static str] {
        &["/entries/*"]
    }

    fn reads(&self, wanted: &Wanted<'_>) -> Vec<Read> {
        vec![Read {
            path: Self::path(wanted, &["entries"]),
            query: vec![("pageSize", "100".to_owned())],
            form: Form::Pages(ENTRIES),
            needs: "apigee.keyvaluemapentries.list".to_owned(),
        }]
    }

    /// The map itself, unless its entries already show that it is in sync: a map that masks its values does not return them. Before the map
    /// is deleted: the entries that are in the record but not in the list, since an empty list proves nothing.
    fn follow_ups(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Vec<Read> {
        let [Answer::Json(_)] = answers else { return Vec::new() };
        if wanted.body.is_null() {
            let names: BTreeSet<&str> = answers.iter().flat_map(listed).filter_map(entry_name).collect();
            let read = |key| Read::json(Self::path(wanted, &["entries", key]), "apigee.keyvaluemapentries.get");
            return wanted.recorded_and_not(&names).map(read).collect();
        }
        let live: BTreeMap<&str, &Value> = answers.iter().flat_map(listed).filter_map(named_value).collect();
        let mut entries = wanted.body.get("entries").and_then(Value::as_object).into_iter().flatten().peekable();
        let shows = entries.peek().is_some() && entries.all(|(key, value)| live.get(key.as_str()) == Some(&value));
        if shows && !is_masked(wanted.body) {
            return Vec::new();
        }
        vec![Read::json(Self::path(wanted, &[]), "apigee.keyvaluemaps.get")]
    }

    fn plan(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Plan, String> {
        let mut plan = Plan::default();
        let masked = is_masked(wanted.body);
        let mut live: BTreeMap<&str, &str> = BTreeMap::new();
        let mut is_live_masked = masked;
        if let [Answer::Json(_), rest @ ..] = answers {
            let entries = answers.iter().take(1).flat_map(listed).filter_map(named_value);
            live.extend(entries.map(|(name, value)| (name, value.as_str().unwrap_or_default())));
            // A map whose entries are as desired is not read.
            is_live_masked = rest.first().map_or(masked, |map| is_masked(map.json()));
            if is_live_masked != masked {
                let path = Self::path(wanted, &[]);
                let request = Request::new(Verb::Put, path, Self::map(wanted, masked), "apigee.keyvaluemaps.update");
                let (live, wanted) = (Some(json!(is_live_masked)), Some(json!(masked)));
                let field = Field { at: "/maskedValues".to_owned(), live, wanted, secret: false };
                plan.changes.push(Change { what: "update maskedValues".to_owned(), request, fields: vec![field] });
            }
        } else {
            let body = Self::map(wanted, masked);
            let request = Request::new(Verb::Post, Self::all(wanted), body, "apigee.keyvaluemaps.create");
            plan.changes.push(Change { what: "create".to_owned(), request, fields: Vec::new() });
        }
        let empty = Map::new();
        let entries = wanted.body.get("entries").and_then(Value::as_object).unwrap_or(&empty);
        for (key, value) in entries {
            let value = value.as_str().unwrap_or_default();
            // An empty value is a secret that is not known here.
            if let Err(broken) =
                texts::MAP_VALUE.check(value).or_else(|broken| if value.is_empty() { Ok(()) } else { Err(broken) })
            {
                return Err(format!("entry `{key}`: {}", broken.message()));
            }
            let digest = (masked || is_live_masked).then(|| secret_digest(wanted.id, key, value.as_bytes()));
            let known = wanted.last.and_then(|record| record.part(key));
            match live.get(key.as_str()) {
                None => plan.changes.push(Self::entry(wanted, Verb::Post, key, Some(value))),
                // Apigee returns a mask: only the record's digest shows which value was set.
                Some(_) if is_live_masked => {
                    if known.and_then(|part| part.digest.as_ref()) != digest.as_ref() {
                        plan.changes.push(Self::entry(wanted, Verb::Put, key, Some(value)));
                    }
                }
                Some(live) if *live == value => {}
                Some(_) => {
                    let mut change = Self::entry(wanted, Verb::Put, key, Some(value));
                    // The actual value may be a secret.
                    for field in change.fields.iter_mut().filter(|field| !field.secret) {
                        field.live = Some(json!("(not shown)"));
                    }
                    plan.changes.push(change);
                }
            }
            plan.parts.push(Part { name: key.clone(), digest, server_name: None });
        }
        let left = wanted.last.into_iter().flat_map(|record| &record.parts).map(|part| part.name.as_str());
        for key in left.filter(|key| !entries.contains_key(*key) && live.contains_key(key)) {
            plan.changes.push(Self::entry(wanted, Verb::Delete, key, None));
        }
        Ok(plan)
    }

    fn remove(&self, wanted: &Wanted<'_>, answers: &[Answer]) -> Result<Vec<Change>, String> {
        let [entries @ Answer::Json(_), unlisted @ ..] = answers else { return Ok(Vec::new()) };
        Wanted::all_gone(unlisted)?;
        let ours = |name: &str| wanted.last.is_some_and(|record| record.part(name).is_some());
        let foreign: Vec<&str> = listed(entries).filter_map(entry_name).filter(|name| !ours(name)).take(5).collect();
        if !foreign.is_empty() {
            return Err(format!(
                "the map has entries that are not managed by apigee-flux ({}): delete them manually, then the map is deleted",
                foreign.join(", ")
            ));
        }
        let request = Request::new(Verb::Delete, Self::path(wanted, &[]), Body::Empty, "apigee.keyvaluemaps.delete");
        Ok(vec![Change { what: "delete".to_owned(), request, fields: Vec::new() }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Id, Place, Record};

    fn plan(body: &Value, live: Option<Value>, last: Option<&Record>) -> Vec<String> {
        let id = Id { kind: "ApigeeKeyValueMap".into(), parent: None, name: "m".into() };
        let place = Place { organization: "o", environment: Some("e") };
        let wanted = Wanted { place, id: &id, body, secrets: &["/entries/s".to_owned()], last };
        let masked = live.as_ref().is_some_and(|live| live[ENTRIES][0]["value"] == "*****");
        let answers = match live {
            Some(entries) => vec![Answer::Json(entries), Answer::Json(json!({"name": "m", "maskedValues": masked}))],
            None => vec![Answer::Missing],
        };
        let plan = Maps.plan(&wanted, &answers).unwrap();
        plan.changes.iter().map(|change| change.what.clone()).collect()
    }

    fn record(parts: Vec<Part>) -> Record {
        let text = r#"{"kind":"ApigeeKeyValueMap","name":"m","owner":"o","digest":"d"}"#;
        Record { parts, ..Record::parse(text).unwrap() }
    }

    #[test]
    fn entries_are_added_set_and_deleted_and_those_of_others_stay() {
        let body = json!({"entries": {"a": "1", "b": "2", "s": "x"}});
        assert_eq!(plan(&body, None, None), ["create", "add entry `a`", "add entry `b`", "add entry `s`"]);
        let live = json!({ENTRIES: [{"name": "a", "value": "1"}, {"name": "b", "value": "9"}, {"name": "s", "value": "x"},
            {"name": "old", "value": "1"}, {"name": "foreign", "value": "1"}]});
        let last = record(vec![Part::named("a"), Part::named("old"), Part::named("gone")]);
        assert_eq!(plan(&body, Some(live), Some(&last)), ["set entry `b`", "delete entry `old`"]);
    }

    #[test]
    fn a_masked_value_is_set_when_it_is_new() {
        let body = json!({"maskedValues": true, "entries": {"s": "x"}});
        let live = || Some(json!({ENTRIES: [{"name": "s", "value": "*****"}]}));
        let id = Id { kind: "ApigeeKeyValueMap".into(), parent: None, name: "m".into() };
        let known = |secret: &[u8]| {
            record(vec![Part { name: "s".into(), digest: Some(secret_digest(&id, "s", secret)), server_name: None }])
        };
        assert!(plan(&body, live(), Some(&known(b"x"))).is_empty());
        assert_eq!(plan(&body, live(), Some(&known(b"y"))), ["set entry `s`"]);
        assert_eq!(plan(&body, live(), None), ["set entry `s`"]);
        let shown = Some(json!({ENTRIES: [{"name": "s", "value": "x"}]}));
        assert_eq!(plan(&body, shown, Some(&known(b"x"))), ["update maskedValues"]);
        let open = json!({"entries": {"s": "x"}});
        assert_eq!(plan(&open, live(), Some(&known(b"x"))), ["update maskedValues"]);
    }
}
