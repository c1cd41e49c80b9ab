//! A cluster without Kubernetes: its objects, and what Flux does with them.
//!
//! Flux applies one layer at a time, deletes what the layer had before and has no more, and creates a Job again when its pod template changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use apigee_flux_model::names::kubernetes::INVENTORY;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::eye::{Eye, Job, Place, Wanted};
use super::git::{Commit, Key, known_kind};
use crate::pod;

/// The kind and the name of an object in a namespace.
type Name = (String, String);

/// An object, and the layer that it is in.
#[derive(Clone)]
struct Stored {
    value: Value,
    layer: &'static str,
    /// Its number if it is a Job.
    job: Option<usize>,
}

/// The objects of all clusters.
pub(crate) struct Objects {
    eye: Arc<Eye>,
    places: Mutex<BTreeMap<Place, BTreeMap<Name, Stored>>>,
    /// Becomes true when a Job is deleted, by its number.
    deleted: Mutex<BTreeMap<usize, watch::Sender<bool>>>,
}

impl Objects {
    pub(crate) fn new(eye: Arc<Eye>) -> Self {
        Self { eye, places: Mutex::default(), deleted: Mutex::default() }
    }

    /// Applies a layer. Returns the numbers of the Jobs that were created.
    pub(crate) fn apply(&self, place: Place, layer: &'static str, commit: &Commit) -> Vec<usize> {
        let mut places = self.places.lock().unwrap();
        let stored = places.entry(place).or_default();
        let mut created = Vec::new();
        for value in commit.objects.get(&(place.namespace.to_owned(), layer)).into_iter().flatten() {
            let name = name_of(value);
            let old = stored.get(&name);
            let mut job = old.and_then(|old| old.job);
            if name.0 == "Job" && old.is_none_or(|old| template(&old.value) != template(value)) {
                if let Some(old) = job {
                    self.delete(old);
                }
                let number = self.create(place, value, commit);
                created.push(number);
                job = Some(number);
            } else if let Some(job) = job {
                let mut seen = self.eye.seen();
                seen.jobs[job].confirmed = seen.tick();
            }
            if value["metadata"]["labels"][INVENTORY] == "index" {
                // Also what other namespaces of the input have.
                let items = &commit.items;
                let own = items.iter().filter(|(_, item)| item.namespace == place.namespace);
                let own = own.map(|(key, _)| key.clone()).collect();
                self.eye.seen().list(place, items.keys().cloned().collect(), own);
            }
            stored.insert(name, Stored { value: value.clone(), layer, job });
        }
        created
    }

    /// Deletes what a layer has no more.
    pub(crate) fn prune(&self, place: Place, layer: &'static str, commit: &Commit) {
        let mut places = self.places.lock().unwrap();
        let stored = places.entry(place).or_default();
        let objects = commit.objects.get(&(place.namespace.to_owned(), layer));
        let kept: BTreeSet<Name> = objects.into_iter().flatten().map(name_of).collect();
        stored.retain(|name, object| {
            let stays = object.layer != layer || kept.contains(name);
            if let Some(job) = object.job.filter(|_| !stays) {
                self.delete(job);
            }
            stays
        });
    }

    fn create(&self, place: Place, value: &Value, commit: &Commit) -> usize {
        let wants = wants(value, commit);
        let name = text(&value["metadata"]["name"]).to_owned();
        let mut seen = self.eye.seen();
        let created = seen.tick();
        let number = seen.jobs.len();
        let shown: Vec<String> =
            wants.iter().map(|((kind, name), wanted)| format!("{kind} {name}={}", wanted.value)).collect();
        seen.tell(&format!(
            "Job {name} #{number} is created in {place} by commit {}: {}",
            commit.number,
            shown.join(", ")
        ));
        seen.count("Jobs");
        seen.jobs.push(Job {
            place,
            name,
            created,
            created_at: std::time::Instant::now(),
            confirmed: created,
            deleted: None,
            applied: BTreeMap::new(),
            wants,
            ended: None,
        });
        self.deleted.lock().unwrap().insert(number, watch::Sender::new(false));
        number
    }

    fn delete(&self, job: usize) {
        let mut seen = self.eye.seen();
        let clock = seen.tick();
        seen.jobs[job].deleted = Some(clock);
        let text = format!("Job {} #{job} in {} is deleted", seen.jobs[job].name, seen.jobs[job].place);
        seen.tell(&text);
        if let Some(deleted) = self.deleted.lock().unwrap().get(&job) {
            deleted.send_replace(true);
        }
    }

    /// Tells when a Job is deleted.
    pub(crate) fn deletion(&self, job: usize) -> watch::Receiver<bool> {
        self.deleted.lock().unwrap()[&job].subscribe()
    }

    /// The ConfigMaps and Jobs of a place.
    pub(crate) fn list(&self, place: Place, kind: &str) -> Vec<Value> {
        let places = self.places.lock().unwrap();
        let stored = places.get(&place).into_iter().flatten();
        stored.filter(|((found, _), _)| found == kind).map(|(_, object)| object.value.clone()).collect()
    }

    /// The pod of a Job or CronJob; the error says why it does not start yet.
    pub(crate) fn pod(&self, place: Place, name: &str, root: &Path) -> Result<pod::Container, String> {
        let places = self.places.lock().unwrap();
        let stored = places.get(&place).ok_or("nothing is applied")?;
        let objects: pod::Cluster<'_> = stored
            .iter()
            .map(|((kind, name), object)| ((kind.as_str(), name.as_str()), without_token(object.value.clone())))
            .collect();
        pod::prepare(name, &objects, root).map_err(|error| format!("{error:#}"))
    }
}

/// The model knows the identity of a cluster, and reads its objects, without a token.
fn without_token(mut object: Value) -> Value {
    for at in ["/spec/template/spec", "/spec/jobTemplate/spec/template/spec"] {
        let Some(spec) = object.pointer_mut(at) else { continue };
        let has_token = |volume: &&Value| {
            let sources = volume["projected"]["sources"].as_array();
            sources.into_iter().flatten().any(|source| source["serviceAccountToken"].is_object())
        };
        let volumes = spec["volumes"].as_array().cloned().unwrap_or_default();
        let names: Vec<&Value> = volumes.iter().filter(has_token).map(|volume| &volume["name"]).collect();
        for list in ["/volumes", "/containers/0/volumeMounts"] {
            if let Some(Value::Array(list)) = spec.pointer_mut(list) {
                list.retain(|volume| !names.contains(&&volume["name"]));
            }
        }
    }
    object
}

fn name_of(value: &Value) -> Name {
    (text(&value["kind"]).to_owned(), text(&value["metadata"]["name"]).to_owned())
}

fn template(value: &Value) -> &Value {
    &value["spec"]["template"]
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What a Job applies, by what its pod mounts.
fn wants(job: &Value, commit: &Commit) -> BTreeMap<Key, Wanted> {
    let none = json!([]);
    let volumes = template(job)["spec"]["volumes"].as_array().unwrap_or(none.as_array().unwrap());
    let sources = volumes.iter().flat_map(|volume| match volume["projected"]["sources"].as_array() {
        Some(sources) => sources.iter().collect(),
        None => vec![volume],
    });
    let mounted: BTreeSet<&str> = sources.map(|source| text(&source["configMap"]["name"])).collect();
    let maps = commit.objects.values().flatten().filter(|object| object["kind"] == "ConfigMap");
    let maps = maps.filter(|map| {
        mounted.contains(text(&map["metadata"]["name"])) && map["metadata"]["namespace"] == job["metadata"]["namespace"]
    });
    let mut keys = BTreeSet::new();
    for map in maps {
        let parsed = |file: &str| map["data"][file].as_str().map(|text| serde_json::from_str::<Value>(text).unwrap());
        let key = |entry: &Value| Some((known_kind(text(&entry["kind"]))?, text(&entry["name"]).to_owned()));
        if let Some(document) = parsed("configuration.json") {
            keys.extend(document["resources"].as_array().into_iter().flatten().filter_map(key));
        }
        if let Some(manifest) = parsed("manifest.json") {
            let kind = if manifest["kind"] == "proxy" { super::git::PROXY } else { super::git::FLOW };
            keys.insert((kind, text(&manifest["name"]).to_owned()));
        }
    }
    let wanted = |key: Key| {
        let item = commit.items.get(&key)?;
        let value = item.value(&key, commit.digests.get(&key));
        Some((key, Wanted { value, adopts: item.adopt != "never" }))
    };
    keys.into_iter().filter_map(wanted).collect()
}
