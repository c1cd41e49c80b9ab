//! The desired state of an environment according to one state of Git, as one namespace of it defines it.
//!
//! In the cluster it is an index and as many parts as needed, each a ConfigMap with a name that does not change, so that no state of Git
//! prunes what another one reads. The Jobs mount the index; the reconciler reads all by the Kubernetes API. A command outside of a cluster
//! reads the whole as one file, `inventory.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Entry, Id};
use apigee_flux_model::bundle::{BatchEntry, Digest};
use apigee_flux_model::provenance::Provenance;
use apigee_flux_model::stable_parts;

/// The schema version that this program writes.
pub const SCHEMA_VERSION: u32 = 2;

/// The schema version of an index whose names are in ConfigMaps of their own; the newest version that this program reads.
pub const SPLIT_NAMES_VERSION: u32 = 3;

/// The key of a part in its ConfigMap, and the name of the file with a whole inventory.
pub const FILE_NAME: &str = "inventory.json";

/// The key of the index in its ConfigMap and its file name in the mount.
pub const INDEX_FILE: &str = "index.json";

/// The key of the list of names beside the index: [`Names`], compressed by gzip.
pub const NAMES_FILE: &str = "names.gz";

/// The number of parts of a list of names that is too large to be beside the index. It is fixed, since each Job mounts all of them: a Job must know
/// of every resource whether Git defines it, and must not change when the list is split.
pub const NAMES_PARTS: usize = 8;

/// The key of a part of the list of names, from 0, in its ConfigMap, and its file name in the mount.
pub fn names_part_file(part: usize) -> String {
    format!("names-{}.gz", part + 1)
}

/// The part of the list of names, from 0, that has a resource.
fn names_part(id: &Id) -> usize {
    stable_parts::hash(&id.to_string()) % NAMES_PARTS
}

/// The desired state of an environment: a whole inventory, or one part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inventory {
    /// [`SCHEMA_VERSION`]; a reader rejects a newer version.
    pub schema_version: u32,
    /// The proxies and shared flows.
    #[serde(default)]
    pub bundles: Vec<InventoryBundle>,
    /// The configuration of the environment.
    #[serde(default)]
    pub environment: Vec<Entry>,
    /// The configuration of the organization, if this environment's reconciler is responsible for it. The reconciler of the organization's first
    /// environment is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Vec<Entry>>,
}

/// A proxy or shared flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryBundle {
    /// The entry of the bundle, as in a batch.
    #[serde(flatten)]
    pub entry: BatchEntry,
    /// The value of the label `apigeeflux.dev/content` of its ConfigMaps.
    #[serde(default)]
    pub content: String,
}

/// The index of an inventory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// [`SCHEMA_VERSION`] or [`SPLIT_NAMES_VERSION`]; a reader rejects a newer version.
    pub schema_version: u32,
    /// The Apigee organization.
    pub organization: String,
    /// The Apigee environment.
    pub environment: String,
    /// Where this state of Git comes from.
    #[serde(default)]
    pub provenance: Provenance,
    /// The owners of the environment's resources in all namespaces of the input that have or had specs, by namespace: resources move between
    /// them without adoption.
    pub owners: BTreeMap<String, String>,
    /// The owners of the organization's resources in all namespaces of the input, by namespace.
    #[serde(default)]
    pub organization_owners: BTreeMap<String, String>,
    /// The digests of the parts, each of the text in its ConfigMap, in the order of their numbers, which start with 1. Together they are one or
    /// more documents.
    pub parts: Vec<Digest>,
    /// The digests of the parts of the list of names, in their order; empty if the list is beside the index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<Digest>,
    /// What the Jobs of this namespace apply: the values of their annotations `apigeeflux.dev/applies` and `apigeeflux.dev/desired`, apart
    /// from the Jobs of single bundles, which follow from the entries of the bundles.
    #[serde(default)]
    pub documents: BTreeMap<String, Digest>,
}

/// Everything that the input defines in this environment, and in its organization, in all namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names(pub BTreeMap<NamedResource, Named>);

/// A resource of the environment, or of its organization.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NamedResource {
    /// Whether it belongs to the organization.
    pub of_organization: bool,
    /// The resource.
    pub id: Id,
}

/// What is known of a resource of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The namespace of its Job.
    pub namespace: String,
    /// The first eight hexadecimal digits of the digest of its bundle or entry.
    pub digest: String,
}

impl Named {
    /// The number of hexadecimal digits of a digest in the list: enough to tell whether a Job has the newest state.
    const DIGITS: usize = 8;

    /// A resource whose Job is in a namespace, with the digest of its bundle or entry.
    pub fn new(namespace: &str, digest: Digest) -> Self {
        Self { namespace: namespace.to_owned(), digest: digest.short(Self::DIGITS) }
    }

    /// Whether the resource has this digest.
    pub fn has(&self, digest: Digest) -> bool {
        self.digest == digest.short(Self::DIGITS)
    }
}

impl Names {
    /// The lines of the list: `o` or `e`, kind, parent, name, namespace and digest, separated by tabs.
    pub fn to_text(&self) -> String {
        let line = |(NamedResource { of_organization, id }, Named { namespace, digest }): (&NamedResource, &Named)| {
            let scope = if *of_organization { "o" } else { "e" };
            let parent = id.parent.as_deref().unwrap_or_default();
            [scope, &id.kind, parent, &id.name, namespace, digest].join("\t") + "\n"
        };
        self.0.iter().map(line).collect()
    }

    /// Reads the list; `None` if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let resource = |line: &str| {
            let [scope, kind, parent, name, namespace, digest] =
                line.split('\t').collect::<Vec<_>>().try_into().ok()?;
            let parent = Some(parent.to_owned()).filter(|parent| !parent.is_empty());
            let id = Id { kind: kind.to_owned(), parent, name: name.to_owned() };
            let named = Named { namespace: namespace.to_owned(), digest: digest.to_owned() };
            Some((NamedResource { of_organization: scope == "o", id }, named))
        };
        text.lines().map(resource).collect::<Option<_>>().map(Self)
    }

    /// The list in [`NAMES_PARTS`] parts.
    pub fn split(&self) -> Vec<Self> {
        let mut parts = vec![Self::default(); NAMES_PARTS];
        for (resource, named) in &self.0 {
            if let Some(part) = parts.get_mut(names_part(&resource.id)) {
                part.0.insert(resource.clone(), named.clone());
            }
        }
        parts
    }

    /// What is known of a resource of the environment (or of the organization).
    pub fn get(&self, of_organization: bool, id: &Id) -> Option<&Named> {
        self.0.get(&NamedResource { of_organization, id: id.clone() })
    }
}

/// How often the deployed files are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Deep {
    /// Once a day.
    #[default]
    Daily,
    /// In every run.
    Always,
    /// Never.
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let id = |kind: &str, parent: Option<&str>, name: &str| Id {
            kind: kind.to_owned(),
            parent: parent.map(str::to_owned),
            name: name.to_owned(),
        };
        let named = || Named { namespace: "team-a".to_owned(), digest: "0123abcd".to_owned() };
        let all = Names(BTreeMap::from([
            (NamedResource { of_organization: false, id: id("ApigeeProxy", None, "orders") }, named()),
            (NamedResource { of_organization: true, id: id("ApigeeApp", Some("a@example.com"), "a b") }, named()),
        ]));
        assert_eq!(Names::parse(&all.to_text()), Some(all));
        assert_eq!(Names::parse("e\tApigeeProxy"), None);
    }
}
