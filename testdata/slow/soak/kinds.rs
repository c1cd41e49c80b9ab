//! A small model of each kind: specs that are computed from a number, and the state of Apigee after they were applied.

use std::collections::BTreeMap;

use apigee_flux_model::bundle::BundleKind;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::git::{Git, Item, Key, Use};
use super::{in_environments, in_organizations};
use crate::closed_loop::{Apigee, files, resource, without_root};

/// The object at each path of Apigee.
pub(crate) type State = BTreeMap<String, Value>;

/// The environments of the organization.
pub(crate) const ENVIRONMENTS: [&str; 2] = ["prod", "test"];

/// A manual request.
pub(crate) type Call = (Method, String, Option<Value>);

/// A kind.
pub(crate) struct Generator {
    pub(crate) kind: &'static str,
    /// The number of names.
    pub(crate) most: usize,
    /// The references to other resources.
    pub(crate) uses: &'static [Use],
    /// The spec.
    pub(crate) spec: fn(&Thing<'_>) -> Value,
    /// The expected state of Apigee.
    pub(crate) expected: fn(&Thing<'_>, &mut State),
    /// The possible manual changes.
    pub(crate) hands: fn(&Thing<'_>) -> Vec<Call>,
}

/// One resource.
pub(crate) struct Thing<'a> {
    pub(crate) name: &'a str,
    pub(crate) item: &'a Item,
}

impl Thing<'_> {
    /// A number below `count`, by the content.
    pub(crate) fn one_of(&self, count: u64) -> u64 {
        self.item.content % count
    }

    /// A number below `count`, by the name: for fields that cannot be changed while the name is the same.
    pub(crate) fn fixed(&self, count: u64) -> u64 {
        self.name.bytes().fold(7, |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) / 8 % count
    }

    pub(crate) fn named(&self, kind: &str) -> Option<&str> {
        self.item.uses.get(kind).map(String::as_str)
    }

    /// The environments of a resource that may be in one environment only.
    fn environments(&self) -> Vec<&'static str> {
        match self.one_of(5) {
            0 => vec!["prod"],
            1 => vec!["test"],
            _ => ENVIRONMENTS.to_vec(),
        }
    }
}

/// One for each kind.
pub(crate) const GENERATORS: &[&Generator] = &[
    &TARGET_SERVER,
    &KEY_VALUE_MAP,
    &PROXY,
    &SHARED_FLOW,
    &in_environments::KEYSTORE,
    &in_environments::REFERENCE,
    &in_environments::RESOURCE_FILE,
    &in_environments::FLOW_HOOK,
    &in_environments::DEBUG_MASK,
    &in_organizations::DATA_COLLECTOR,
    &in_organizations::PRODUCT,
    &in_organizations::DEVELOPER,
    &in_organizations::APP,
    &in_organizations::APP_GROUP,
    &in_organizations::API_DOC,
];

const TARGET_SERVER: Generator = Generator {
    kind: "ApigeeTargetServer",
    most: 6,
    uses: &[],
    spec: |thing| {
        let host = format!("host-{}.example.com", thing.item.content);
        let mut spec = json!({"host": host, "port": 8000 + thing.one_of(7)});
        if thing.one_of(3) == 0 {
            spec["description"] = json!("A server");
            spec["enabled"] = json!(false);
        }
        if thing.fixed(2) == 0 {
            spec["protocol"] = json!("HTTP2");
        }
        spec
    },
    expected: |thing, state| {
        for environment in ENVIRONMENTS {
            let path = format!("environments/{environment}/targetservers/{}", thing.name);
            state.insert(path, target_server(thing));
        }
    },
    hands: |thing| {
        let path = |environment| format!("environments/{environment}/targetservers/{}", thing.name);
        let mut other = target_server(thing);
        other["host"] = json!("by-hand.example.com");
        vec![(Method::DELETE, path("prod"), None), (Method::PUT, path("test"), Some(other))]
    },
};

const KEY_VALUE_MAP: Generator = Generator {
    kind: "ApigeeKeyValueMap",
    most: 8,
    uses: &[Use::May("ApigeeProxy")],
    spec: |thing| {
        let mut spec = json!({"entries": entries(thing)});
        if let Some(proxy) = thing.named("ApigeeProxy") {
            spec["scope"] = json!("proxy");
            spec["proxy"] = json!(proxy);
        } else if thing.fixed(3) == 0 {
            spec["scope"] = json!("organization");
        } else {
            spec["environments"] = json!(thing.environments());
        }
        spec
    },
    expected: |thing, state| {
        for path in maps(thing) {
            state.insert(path, entries(thing));
        }
    },
    hands: |thing| {
        let mut calls = Vec::new();
        for path in maps(thing) {
            let other = json!({"name": "k0", "value": "by hand"});
            calls.push((Method::PUT, format!("{path}/entries/k0"), Some(other)));
            calls.push((Method::DELETE, format!("{path}/entries/k1"), None));
            calls.push((Method::DELETE, path, None));
        }
        calls
    },
};

const PROXY: Generator = Generator {
    kind: "ApigeeProxy",
    most: 8,
    uses: &[Use::May("ApigeeTargetServer"), Use::May("ApigeeSharedFlow")],
    spec: |thing| bundle_spec(BundleKind::Proxy, thing),
    expected: |thing, state| bundle(BundleKind::Proxy, thing, state),
    hands: |_| Vec::new(),
};

const SHARED_FLOW: Generator = Generator {
    kind: "ApigeeSharedFlow",
    most: 5,
    uses: &[],
    spec: |thing| bundle_spec(BundleKind::SharedFlow, thing),
    expected: |thing, state| bundle(BundleKind::SharedFlow, thing, state),
    hands: |_| Vec::new(),
};

fn target_server(thing: &Thing<'_>) -> Value {
    let mut server = json!({
        "name": thing.name,
        "host": format!("host-{}.example.com", thing.item.content),
        "port": 8000 + thing.one_of(7),
        "isEnabled": thing.one_of(3) != 0,
        "protocol": if thing.fixed(2) == 0 { "HTTP2" } else { "HTTP" },
    });
    if thing.one_of(3) == 0 {
        server["description"] = json!("A server");
    }
    server
}

/// The entries of a key value map.
fn entries(thing: &Thing<'_>) -> Value {
    let entry = |number| (format!("k{number}"), json!(format!("value {}", thing.item.content / (number + 1))));
    (0..=thing.one_of(4)).map(entry).collect::<Map<String, Value>>().into()
}

/// The paths of a key value map.
fn maps(thing: &Thing<'_>) -> Vec<String> {
    let name = thing.name;
    match thing.named("ApigeeProxy") {
        Some(proxy) => vec![format!("apis/{proxy}/keyvaluemaps/{name}")],
        None if thing.fixed(3) == 0 => vec![format!("keyvaluemaps/{name}")],
        None => thing
            .environments()
            .iter()
            .map(|environment| format!("environments/{environment}/keyvaluemaps/{name}"))
            .collect(),
    }
}

fn bundle_files(kind: BundleKind, thing: &Thing<'_>) -> Value {
    let body = format!("body {}", thing.item.content);
    files(kind, thing.name, &body, thing.named("ApigeeTargetServer"), thing.named("ApigeeSharedFlow"))
}

/// Shared flows are in every environment, since any proxy may call them; a proxy may be in one environment only.
fn bundle_environments(kind: BundleKind, thing: &Thing<'_>) -> Vec<&'static str> {
    match kind {
        BundleKind::Proxy => thing.environments(),
        BundleKind::SharedFlow => ENVIRONMENTS.to_vec(),
    }
}

fn bundle_spec(kind: BundleKind, thing: &Thing<'_>) -> Value {
    json!({
        "environments": bundle_environments(kind, thing),
        "bundle": {"files": bundle_files(kind, thing)},
        "deploy": {"deletionPolicy": "Delete"},
    })
}

fn bundle(kind: BundleKind, thing: &Thing<'_>, state: &mut State) {
    let collection = kind.collection();
    state.insert(format!("{collection}/{}", thing.name), json!("exists"));
    for environment in bundle_environments(kind, thing) {
        let path = format!("environments/{environment}/{collection}/{}", thing.name);
        state.insert(path, without_root(bundle_files(kind, thing)));
    }
}

/// The generator of a kind.
pub(crate) fn generator(kind: &str) -> &'static Generator {
    GENERATORS.iter().copied().find(|generator| generator.kind == kind).unwrap()
}

/// The resources of a state of Git.
pub(crate) fn resources(git: &Git) -> impl Iterator<Item = Value> {
    git.iter().map(|((kind, name), item)| {
        let mut spec = (generator(kind).spec)(&Thing { name, item });
        if !["ApigeeProxy", "ApigeeSharedFlow"].contains(kind) {
            spec["deletionPolicy"] = json!("Delete");
        }
        resource(kind, name, &spec)
    })
}

/// The expected state of Apigee after a state of Git was applied.
pub(crate) fn expected(git: &Git) -> State {
    let mut state = State::new();
    for ((kind, name), item) in git {
        (generator(kind).expected)(&Thing { name, item }, &mut state);
    }
    state
}

/// The possible manual changes of a resource.
pub(crate) fn by_hand((kind, name): &Key, item: &Item) -> Vec<Call> {
    (generator(kind).hands)(&Thing { name, item })
}

/// The actual state of Apigee.
pub(crate) async fn read(apigee: &Apigee) -> State {
    let mut state = apigee.state(&ENVIRONMENTS).await;
    in_environments::read(apigee, &mut state).await;
    in_organizations::read(apigee, &mut state).await;
    state
}
