//! Splits large layers into parts.
//!
//! `kustomize build`, which Flux runs at each sync, compares each resource with all others of its namespace, to find the references between them
//! (`SubsetThatCouldBeReferencedByResource` in its `resmap`; no setting turns that off). Its time grows with the square of the resources, so that only
//! builds of a limited size together take time in proportion.

use std::collections::BTreeMap;
use std::convert::Infallible;

use apigee_flux_function::k8s::{Layer, Object};
use apigee_flux_model::stable_parts;

/// The maximum number of objects of a part: 256 proxies with a Job and a ConfigMap each, which `kustomize` builds in about a second.
const MAX_OBJECTS: usize = 512;

/// The parts of the layers of each namespace. A layer that fits has one part, its own folder.
#[derive(Debug, Default)]
pub(super) struct LayerParts(BTreeMap<(String, Layer), BTreeMap<String, usize>>);

impl LayerParts {
    /// Splits what is larger than a part.
    pub(super) fn of(objects: &[Object]) -> Self {
        let mut sizes: BTreeMap<(String, Layer), BTreeMap<String, usize>> = BTreeMap::new();
        for object in objects.iter().filter(|object| has_parts(object.layer)) {
            let layer = sizes.entry((object.id.namespace.clone(), object.layer)).or_default();
            *layer.entry(key(object)).or_default() += 1;
        }
        Self(sizes.into_iter().map(|(layer, sizes)| (layer, numbered(sizes))).collect())
    }

    /// The part of an object.
    pub(super) fn part(&self, object: &Object) -> usize {
        let layer = self.0.get(&(object.id.namespace.clone(), object.layer));
        layer.and_then(|parts| parts.get(&key(object))).copied().unwrap_or_default()
    }
}

/// The folder of a part. The first part has the folder of the whole layer, so that a layer which grows keeps its path.
pub(super) fn folder(layer: Layer, part: usize) -> String {
    if part == 0 { layer.folder().to_owned() } else { format!("{}-{part}", layer.folder()) }
}

/// The layers with more objects than a part may have, each with the number of its objects.
pub(super) fn large(objects: &[Object]) -> BTreeMap<(&str, Layer), usize> {
    let mut counts = BTreeMap::new();
    for object in objects.iter().filter(|object| has_parts(object.layer)) {
        *counts.entry((object.id.namespace.as_str(), object.layer)).or_default() += 1;
    }
    counts.retain(|_, count| *count > MAX_OBJECTS);
    counts
}

/// The base is applied as a whole, since the inventory must be complete before the first Job runs; the reconcilers are few.
fn has_parts(layer: Layer) -> bool {
    !matches!(layer, Layer::Base | Layer::Reconcile)
}

/// What stays together: the Jobs of a proxy in all environments, and the ConfigMaps of its bundle.
fn key(object: &Object) -> String {
    let label = |name| object.label(name).unwrap_or_default();
    match (label("app.kubernetes.io/component"), label("app.kubernetes.io/name")) {
        (component @ ("proxy" | "sharedflow"), name) => format!("{component}/{name}"),
        // The Jobs of batches and configuration have one name in this label.
        _ => object.id.name.clone(),
    }
}

fn numbered(sizes: BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let Ok(parts) = stable_parts::split(
        sizes.into_iter().collect(),
        |(key, _)| key.clone(),
        |(_, size)| Ok::<_, Infallible>([*size]),
        MAX_OBJECTS,
    );
    let keys = |(part, items): (usize, Vec<(String, usize)>)| items.into_iter().map(move |(key, _)| (key, part));
    parts.into_iter().enumerate().flat_map(keys).collect()
}
