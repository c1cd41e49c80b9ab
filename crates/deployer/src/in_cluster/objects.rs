//! What the objects of a namespace say: the inventory of an environment and bundles in its ConfigMaps, and what its Jobs apply. Pure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use crate::error::Error;
use crate::in_cluster::{Jobs, State, UNKNOWN_JOB};
use crate::mount::{Bundle, FileSource, parse_all, parse_versioned};
use crate::mounted_state::{parse_index, parse_names};
use apigee_flux_configuration::inventory::{self, Index, Inventory, InventoryBundle, Names};
use apigee_flux_model::bundle::{BundlePath, Digest, Manifest, manifest, map_key};
use apigee_flux_model::names::kubernetes::{APPLIES, CONTENT, DESIRED, INVENTORY};

/// The index of an environment among ConfigMaps with its labels.
pub fn index(maps: &[ConfigMap], organization: &str, environment: &str) -> Result<Index, Error> {
    index_map(maps, organization, environment).map(|(index, _)| index)
}

fn index_map<'m>(
    maps: &'m [ConfigMap],
    organization: &str,
    environment: &str,
) -> Result<(Index, &'m ConfigMap), Error> {
    let mut found: Option<(Index, &ConfigMap)> = None;
    for map in maps.iter().filter(|map| label(map, INVENTORY) == Some("index")) {
        let shown = name(map);
        let text = text(map, inventory::INDEX_FILE)
            .ok_or_else(|| Error::Altered(format!("the ConfigMap `{shown}` has no `{}`", inventory::INDEX_FILE)))?;
        let index = parse_index(text.as_bytes())
            .map_err(|why| Error::Altered(format!("`{}` of the ConfigMap `{shown}` {why}", inventory::INDEX_FILE)))?;
        // Labels are shortened names.
        if (index.organization.as_str(), index.environment.as_str()) != (organization, environment) {
            continue;
        }
        if found.as_ref().is_some_and(|(other, _)| *other != index) {
            return Err(Error::Temporary(format!(
                "the namespace has two different inventories of the environment `{environment}`: the ConfigMap `{shown}` and another one with \
                 the same labels; one of them is being removed, or two inputs render the same environment into one namespace: give one of \
                 them another namespace"
            )));
        }
        found = Some((index, map));
    }
    found.ok_or_else(|| {
        Error::Temporary(format!(
            "the namespace has no inventory of the environment `{environment}` of `{organization}`: its ConfigMap was pruned, or is not \
             applied yet; the next run reads it again"
        ))
    })
}

/// The state of an environment from all ConfigMaps with its labels.
pub fn state(maps: &[ConfigMap], organization: &str, environment: &str) -> Result<State, Error> {
    let (index, map) = index_map(maps, organization, environment)?;
    let shown = name(map);
    // An inventory that defines nothing has a part that says so.
    if index.parts.is_empty() {
        return Err(Error::Temporary(format!(
            "the index in the ConfigMap `{shown}` has no parts: the environment has no reconciler any more, so nothing is changed"
        )));
    }
    let names = names(&index, map, maps)?;
    let parts: BTreeMap<Digest, &str> = maps
        .iter()
        .filter(|map| label(map, INVENTORY) == Some("part"))
        .filter_map(|map| text(map, inventory::FILE_NAME).map(|text| (Digest::of_bytes(text.as_bytes()), text)))
        .collect();
    // A large entry is cut: the parts are one text.
    let mut joined = String::new();
    for (number, digest) in index.parts.iter().enumerate() {
        let text = parts.get(digest).ok_or_else(|| {
            Error::Temporary(format!(
                "part {} of the inventory in the ConfigMap `{shown}` is missing or has another digest: the inventory is being applied; the next \
                 run reads it again",
                number + 1
            ))
        })?;
        joined.push_str(text);
    }
    let mut whole = Inventory { schema_version: inventory::SCHEMA_VERSION, ..Inventory::default() };
    let documents: Vec<Inventory> = parse_all(joined.as_bytes(), &shown, "an inventory", inventory::SCHEMA_VERSION)?;
    for part in documents {
        whole.bundles.extend(part.bundles);
        whole.environment.extend(part.environment);
        if let Some(entries) = part.organization {
            whole.organization.get_or_insert_default().extend(entries);
        }
    }
    Ok(State { index, inventory: whole, names })
}

/// The list of names of an index: beside it, or in parts.
fn names(index: &Index, map: &ConfigMap, maps: &[ConfigMap]) -> Result<Names, Error> {
    let parse = |bytes: &[u8], shown: &str| {
        parse_names(bytes).map_err(|why| Error::Altered(format!("the list of names in the ConfigMap `{shown}` {why}")))
    };
    if index.names.is_empty() {
        let found = map.binary_data.as_ref().and_then(|data| data.get(inventory::NAMES_FILE));
        let missing = || Error::Altered(format!("the ConfigMap `{}` has no `{}`", name(map), inventory::NAMES_FILE));
        return parse(&found.ok_or_else(missing)?.0, &name(map));
    }
    let mut parts = BTreeMap::new();
    for part in maps.iter().filter(|map| label(map, INVENTORY) == Some("names")) {
        // The index knows a part by its digest, whatever its key is.
        for bytes in part.binary_data.iter().flat_map(BTreeMap::values) {
            parts.insert(Digest::of_bytes(&bytes.0), (bytes, name(part)));
        }
    }
    let mut all = Names::default();
    for (number, digest) in index.names.iter().enumerate() {
        let (bytes, shown) = parts.get(digest).ok_or_else(|| {
            Error::Temporary(format!(
                "part {} of the list of names of the inventory in the ConfigMap `{}` is missing or has another digest: the inventory is being \
                 applied; the next run reads it again",
                number + 1,
                name(map)
            ))
        })?;
        all.0.extend(parse(&bytes.0, shown)?.0);
    }
    Ok(all)
}

/// A bundle from the ConfigMaps with its label.
pub fn bundle(maps: &[ConfigMap], wanted: &InventoryBundle) -> Result<Bundle, Error> {
    let what = format!("the {} `{}`", wanted.entry.kind.noun(), wanted.entry.name);
    let missing = |what: String| {
        Error::Temporary(format!(
            "{what} with the label `{CONTENT}: {}` is missing in the namespace: it was pruned, since a newer state of Git is being applied; the \
             next run reads it again",
            wanted.content
        ))
    };
    if maps.is_empty() {
        return Err(missing(format!("the ConfigMap of {what}")));
    }
    let source = MapFiles { maps, shown: what.clone() };
    let Some(text) = source.get(manifest::FILE_NAME) else {
        return Err(missing(format!("the ConfigMap with the manifest of {what}")));
    };
    let shown = format!("{} of {what}", manifest::FILE_NAME);
    let manifest: Manifest = parse_versioned(text, &shown, "a manifest", manifest::SCHEMA_VERSION)?;
    if (manifest.kind, &manifest.name) != (wanted.entry.kind, &wanted.entry.name) {
        return Err(Error::Altered(format!(
            "the ConfigMap for {what} describes the {} `{}`: it was changed after rendering",
            manifest.kind.noun(),
            manifest.name
        )));
    }
    Bundle::assemble(manifest, &shown, Some(wanted.entry.digest), &source)
}

/// What the Jobs apply. A Job that is being deleted still counts, since its pods may run.
pub fn jobs<'j>(all: impl IntoIterator<Item = &'j ObjectMeta>) -> Jobs {
    let mut jobs = Jobs::new();
    for job in all.into_iter().filter(|job| owner_of(job).is_none()) {
        let annotation = |name| job.annotations.as_ref().and_then(|all| all.get(name)).cloned();
        let applies = annotation(APPLIES).unwrap_or_else(|| UNKNOWN_JOB.to_owned());
        let desired = annotation(DESIRED).unwrap_or_default();
        jobs.entry(applies)
            .and_modify(|other| {
                if *other != desired {
                    other.clear();
                }
            })
            .or_insert(desired);
    }
    jobs
}

/// The CronJob that owns a Job.
pub(super) fn owner_of(job: &ObjectMeta) -> Option<&OwnerReference> {
    job.owner_references.iter().flatten().find(|owner| owner.kind == "CronJob")
}

/// The files of a bundle in its ConfigMaps.
struct MapFiles<'m> {
    maps: &'m [ConfigMap],
    shown: String,
}

impl MapFiles<'_> {
    fn get(&self, key: &str) -> Option<&[u8]> {
        self.maps.iter().find_map(|map| {
            let binary = map.binary_data.as_ref().and_then(|data| data.get(key)).map(|bytes| bytes.0.as_slice());
            binary.or_else(|| text(map, key).map(str::as_bytes))
        })
    }
}

impl FileSource for MapFiles<'_> {
    fn read(&self, path: &BundlePath) -> Result<Vec<u8>, Error> {
        // A path with a readable key has the other one only if the readable one would be ambiguous.
        let unique = self.get(&map_key::unique(path));
        let found = unique.or_else(|| map_key::readable(path).and_then(|key| self.get(&key)));
        found.map(<[u8]>::to_vec).ok_or_else(|| {
            Error::Temporary(format!(
                "`{path}` of {} is in none of its ConfigMaps: one of them was pruned, since a newer state of Git is being applied; the next run \
                 reads them again",
                self.shown
            ))
        })
    }
}

fn label<'m>(map: &'m ConfigMap, name: &str) -> Option<&'m str> {
    map.metadata.labels.as_ref()?.get(name).map(String::as_str)
}

fn text<'m>(map: &'m ConfigMap, key: &str) -> Option<&'m str> {
    map.data.as_ref()?.get(key).map(String::as_str)
}

fn name(map: &ConfigMap) -> String {
    map.metadata.name.clone().unwrap_or_default()
}
