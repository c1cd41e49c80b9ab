//! `batch.json`: all bundles of an environment, which one Job deploys.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::settings::DeploySettings;
use super::{BundleKind, Digest};

/// The schema version that this program writes, and the newest that it supports.
pub const SCHEMA_VERSION: u32 = 1;

/// The key of the batch in its ConfigMap and its file name in the mount.
pub const FILE_NAME: &str = "batch.json";

/// How many bundles are deployed concurrently by default, besides those that wait for the runtime. If a read takes 50 ms, two workers reach the
/// default request rate; eight times as many leave room for slower responses and for large uploads.
pub const DEFAULT_WORKERS: NonZeroUsize = match NonZeroUsize::new(16) {
    Some(workers) => workers,
    None => NonZeroUsize::MIN,
};

/// The bundles of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// [`SCHEMA_VERSION`]; a newer one is rejected.
    pub schema_version: u32,
    /// The order does not matter: the requirements of the bundles determine it.
    pub bundles: Vec<BatchEntry>,
}

/// One bundle of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BatchEntry {
    /// Proxy or shared flow.
    pub kind: BundleKind,
    /// Its name in Apigee.
    pub name: String,
    /// The folder of its manifest, relative to the mount of the bundles.
    pub folder: String,
    /// The digest that its manifest must have.
    pub digest: Digest,
    /// How it is deployed.
    #[serde(default)]
    pub settings: DeploySettings,
}

impl BatchEntry {
    /// The digest of everything that a deployment depends on: the bundle and its settings, but not where its files are. A Job has it in an
    /// annotation, and the reconciler acts on a bundle only if its inventory and the Job have the same one.
    pub fn desired(&self) -> Digest {
        let desired = (self.kind, &self.name, self.digest, &self.settings);
        // A struct of strings always has a JSON form.
        Digest::of_bytes(&serde_json::to_vec(&desired).unwrap_or_default())
    }
}
