//! The states of Git, and the commits that change them.

use std::collections::{BTreeMap, BTreeSet};

use apigee_flux_configuration::document::{self, Document};
use apigee_flux_function::expand::{ExpandOptions, expand};
use apigee_flux_model::bundle::{BundleKind, Manifest, manifest};
use apigee_flux_model::diag::Diagnostic;
use apigee_flux_model::krm::Input;
use apigee_flux_model::lifecycle::WhenGone;
use apigee_flux_model::provenance::Provenance;
use serde_json::{Value, json};

use super::pick;
use crate::closed_loop::{ORGANIZATION, files, resource};
use crate::random::Random;

/// The only environment.
pub(crate) const ENVIRONMENT: &str = "prod";

/// The namespaces, in which the teams' specs and Jobs are.
pub(crate) const NAMESPACES: [&str; 2] = ["team-a", "team-b"];

pub(crate) const PROXY: &str = "ApigeeProxy";
pub(crate) const FLOW: &str = "ApigeeSharedFlow";
pub(crate) const SERVER: &str = "ApigeeTargetServer";
pub(crate) const ENTRIES: &str = "ApigeeKeyValueMap";
pub(crate) const PRODUCT: &str = "ApigeeProduct";

/// How many names a kind has: few, so that names are used again.
const KINDS: [(&str, u64); 5] = [(PROXY, 4), (FLOW, 1), (SERVER, 3), (ENTRIES, 2), (PRODUCT, 2)];

/// A kind and a name.
pub(crate) type Key = (&'static str, String);

/// The kind as a constant; `None` for kinds that the model does not have.
pub(crate) fn known_kind(kind: &str) -> Option<&'static str> {
    KINDS.iter().map(|(name, _)| *name).find(|name| *name == kind)
}

pub(crate) fn bundle_kind(kind: &str) -> Option<BundleKind> {
    BundleKind::ALL.into_iter().find(|bundle| bundle.resource_kind() == kind)
}

/// One resource in Git.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) namespace: &'static str,
    /// Its content is computed from this number.
    pub(crate) content: u64,
    pub(crate) when_gone: WhenGone,
    pub(crate) adopt: &'static str,
    /// The base path of a proxy.
    base: String,
    /// The shared flow that a proxy calls.
    flow: Option<String>,
    /// The target server that a proxy uses.
    server: Option<String>,
}

/// A state of Git: the resources of one input.
pub(crate) type Items = BTreeMap<Key, Item>;

/// What differs between the inputs of a story.
#[derive(Debug, Clone)]
pub(crate) struct Specs {
    /// The namespaces of its specs.
    pub(crate) namespaces: Vec<&'static str>,
    /// `spec.owner` of its ApigeeEnvironment.
    pub(crate) owner: Option<&'static str>,
    /// `spec.replacesCluster` of its ApigeeEnvironment.
    pub(crate) replaces: Option<String>,
    /// One Job deploys all bundles of a namespace.
    pub(crate) batch: bool,
    /// Whether its specs may adopt what others own.
    pub(crate) adopts: bool,
    /// The number of its first names: two inputs have some names in common.
    pub(crate) shift: u64,
}

/// A commit, and what the function renders from it.
pub(crate) struct Commit {
    /// In the order in which the commits were made.
    pub(crate) number: usize,
    /// What is recorded in Apigee: that of the older commit, if the commit is pinned to its artifact.
    pub(crate) provenance: String,
    pub(crate) items: Items,
    /// By namespace and layer.
    pub(crate) objects: BTreeMap<(String, &'static str), Vec<Value>>,
    /// The digests of the records.
    pub(crate) digests: BTreeMap<Key, String>,
}

impl Item {
    fn files(&self, (kind, name): &Key) -> Option<Value> {
        let bundle = bundle_kind(kind)?;
        let body = format!("body {}", self.content);
        let mut files = files(bundle, name, &body, self.server.as_deref(), self.flow.as_deref());
        if bundle == BundleKind::Proxy {
            let text = files["proxies/default.xml"]
                .as_str()?
                .replace(&format!("/{name}</BasePath>"), &format!("{}</BasePath>", self.base));
            files["proxies/default.xml"] = json!(text);
        }
        Some(files)
    }

    fn spec(&self, key: &Key) -> Value {
        let policy = match self.when_gone {
            WhenGone::Orphan => "Orphan",
            WhenGone::Undeploy => "Undeploy",
            WhenGone::Delete => "Delete",
        };
        if let Some(files) = self.files(key) {
            return json!({
                "environments": [ENVIRONMENT],
                "bundle": {"files": files},
                "deploy": {"deletionPolicy": policy, "adopt": self.adopt},
            });
        }
        let mut spec = match key.0 {
            SERVER => json!({"host": self.value(key, None), "port": 443}),
            ENTRIES => json!({"environments": [ENVIRONMENT], "entries": self.entries()}),
            _ => json!({"displayName": self.value(key, None), "allProxies": true, "availableIn": [ENVIRONMENT]}),
        };
        spec["deletionPolicy"] = json!(policy);
        spec["adopt"] = json!(self.adopt);
        spec
    }

    /// The entries of a map.
    pub(crate) fn entries(&self) -> Value {
        let mut entries = json!({"v": self.content.to_string()});
        if self.content.is_multiple_of(2) {
            entries["even"] = json!(self.content.to_string());
        }
        entries
    }

    /// What Apigee shows of the content: the digest of a bundle, one field of the other kinds.
    pub(crate) fn value(&self, key: &Key, digest: Option<&String>) -> String {
        match key.0 {
            PROXY | FLOW => digest.cloned().unwrap_or_default(),
            SERVER => format!("s{}.example.com", self.content),
            ENTRIES => self.content.to_string(),
            _ => format!("Product {}", self.content),
        }
    }
}

/// The resource of a namespace that is never removed: what is empty is not pruned.
fn anchor(namespace: &str) -> Key {
    (SERVER, format!("anchor-{namespace}"))
}

impl Specs {
    /// The first state.
    pub(crate) fn first(&self) -> Items {
        let item = |namespace: &&'static str| Item {
            namespace,
            content: 0,
            when_gone: WhenGone::Delete,
            adopt: "never",
            base: String::new(),
            flow: None,
            server: None,
        };
        self.namespaces.iter().map(|namespace| (anchor(namespace), item(namespace))).collect()
    }

    /// Changes a state. Returns the changes, each as a word for the count and as text.
    pub(crate) fn change(&self, items: &mut Items, random: &mut Random) -> Vec<(&'static str, String)> {
        let mut done = Vec::new();
        for _ in 0..=random.below(3) {
            let keys: Vec<Key> = items.keys().filter(|key| !key.1.starts_with("anchor")).cloned().collect();
            if keys.is_empty() || random.below(14) >= keys.len() as u64 {
                done.extend(self.add(items, random));
                continue;
            }
            let key = pick(&keys, random).clone();
            let Some(item) = items.get_mut(&key) else { continue };
            match random.below(9) {
                0..=3 => {
                    item.content = random.below(1000);
                    done.push(("changes", format!("change {} {} to {}", key.0, key.1, item.content)));
                }
                4 | 5 => {
                    items.remove(&key);
                    done.push(("removals", format!("remove {} {}", key.0, key.1)));
                }
                6 if self.namespaces.len() > 1 => {
                    item.namespace = if item.namespace == NAMESPACES[0] { NAMESPACES[1] } else { NAMESPACES[0] };
                    if random.below(2) == 0 {
                        item.content = random.below(1000);
                    }
                    done.push((
                        "moves",
                        format!("move {} {} to {}, content {}", key.0, key.1, item.namespace, item.content),
                    ));
                }
                7 => {
                    item.when_gone = policy(key.0, random);
                    done.push(("policies", format!("{} {} is {:?} when it is gone", key.0, key.1, item.when_gone)));
                }
                _ => {
                    // The new proxy has the base path of the old one.
                    let Some(name) = self.free(items, key.0, random) else { continue };
                    let Some(item) = items.remove(&key) else { continue };
                    done.push(("renames", format!("rename {} {} to {name}", key.0, key.1)));
                    items.insert((key.0, name), item);
                }
            }
        }
        mend(items);
        done
    }

    fn free(&self, items: &Items, kind: &'static str, random: &mut Random) -> Option<String> {
        let most = KINDS.iter().find(|(name, _)| *name == kind)?.1;
        let names = (self.shift..self.shift + most)
            .map(|number| format!("{}-{number}", kind.trim_start_matches("Apigee").to_lowercase()));
        let names: Vec<String> = names.filter(|name| !items.contains_key(&(kind, name.clone()))).collect();
        if names.is_empty() { None } else { Some(pick(&names, random).clone()) }
    }

    fn add(&self, items: &mut Items, random: &mut Random) -> Option<(&'static str, String)> {
        let (kind, _) = *pick(&KINDS, random);
        let name = self.free(items, kind, random)?;
        let bases: BTreeSet<&String> = items.values().map(|item| &item.base).collect();
        // The inputs have no base path in common.
        let mut bases =
            (0..).map(|number| format!("/{}-{number}", self.namespaces[0])).filter(|base| !bases.contains(base));
        let named = |wanted: &str, random: &mut Random| {
            let names: Vec<&String> = items.keys().filter(|(kind, _)| *kind == wanted).map(|(_, name)| name).collect();
            (random.below(2) == 0 && !names.is_empty()).then(|| (*pick(&names, random)).clone())
        };
        let is_proxy = kind == PROXY;
        let item = Item {
            namespace: pick::<&str>(&self.namespaces, random),
            content: random.below(1000),
            when_gone: policy(kind, random),
            adopt: if self.adopts && random.below(3) == 0 { "override" } else { "never" },
            base: if is_proxy { bases.next()? } else { String::new() },
            flow: if is_proxy { named(FLOW, random) } else { None },
            server: if is_proxy { named(SERVER, random) } else { None },
        };
        let text = format!(
            "add {kind} {name} in {}: content {}, {:?}, adopt {}",
            item.namespace, item.content, item.when_gone, item.adopt
        );
        items.insert((kind, name), item);
        Some(("additions", text))
    }

    /// The specs.
    fn resources(&self, items: &Items) -> String {
        let in_namespace = |mut resource: Value, namespace: &str| {
            resource["metadata"]["namespace"] = json!(namespace);
            resource.to_string()
        };
        let mut spec = json!({
            "organization": ORGANIZATION,
            "reconcile": {"maxDeletes": 1000, "deep": "always"},
            "namespaces": self.namespaces,

        });
        if let Some(owner) = self.owner {
            spec["owner"] = json!(owner);
        }
        if let Some(replaces) = &self.replaces {
            spec["replacesCluster"] = json!(replaces);
        }
        if self.batch {
            spec["batch"] = json!("environment");
        }
        let environment = in_namespace(resource("ApigeeEnvironment", ENVIRONMENT, &spec), self.namespaces[0]);
        let items =
            items.iter().map(|(key, item)| in_namespace(resource(key.0, &key.1, &item.spec(key)), item.namespace));
        std::iter::once(environment).chain(items).collect::<Vec<_>>().join("\n---\n")
    }

    /// Renders a state.
    pub(crate) fn commit(&self, number: usize, provenance: String, items: Items) -> Commit {
        let text = self.resources(&items);
        let input = Input::read(&text).unwrap();
        let origin = Provenance { commit: Some(provenance.clone()), ..Provenance::default() };
        let expansion = expand(&input, &ExpandOptions { provenance: Some(&origin), ..ExpandOptions::default() });
        let errors: Vec<String> = expansion.diagnostics.iter().map(Diagnostic::text).collect();
        assert!(!expansion.objects.is_empty() && errors.is_empty(), "{errors:?}\n{text}");
        let mut objects: BTreeMap<_, Vec<Value>> = BTreeMap::new();
        let mut digests = BTreeMap::new();
        for object in &expansion.objects {
            let value = object.to_json().unwrap();
            digests.extend(read_digests(&value));
            objects.entry((object.id.namespace.clone(), object.layer.folder())).or_default().push(value);
        }
        Commit { number, provenance, items, objects, digests }
    }
}

/// The digests of the records of what a ConfigMap contains.
fn read_digests(object: &Value) -> Vec<(Key, String)> {
    let data = |key: &str| object["data"][key].as_str();
    if let Some(text) = data(document::FILE_NAME) {
        let document: Document = serde_json::from_str(text).unwrap();
        let digest = |entry| apigee_flux_model::bundle::Digest::of_bytes(&serde_json::to_vec(entry).unwrap()).hex();
        let entries = document.resources.iter();
        return entries
            .filter_map(|entry| Some(((known_kind(&entry.id.kind)?, entry.id.name.clone()), digest(entry))))
            .collect();
    }
    let Some(text) = data(manifest::FILE_NAME) else { return Vec::new() };
    let manifest: Manifest = serde_json::from_str(text).unwrap();
    vec![((known_kind(manifest.kind.resource_kind()).unwrap(), manifest.name), manifest.digest.hex())]
}

fn policy(kind: &str, random: &mut Random) -> WhenGone {
    match random.below(6) {
        0 => WhenGone::Orphan,
        1 if bundle_kind(kind).is_some() => WhenGone::Undeploy,
        _ => WhenGone::Delete,
    }
}

/// A proxy names only what exists.
fn mend(items: &mut Items) {
    let known: BTreeSet<Key> = items.keys().cloned().collect();
    for item in items.values_mut() {
        item.flow = item.flow.take().filter(|name| known.contains(&(FLOW, name.clone())));
        item.server = item.server.take().filter(|name| known.contains(&(SERVER, name.clone())));
    }
}
