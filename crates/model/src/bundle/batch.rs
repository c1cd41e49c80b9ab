//! `batch.json`: all bundles of an environment in one Job.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::settings::DeploySettings;
use super::{BundleKind, Digest};

/// The schema version that this program writes, and the newest that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The key of the batch in its ConfigMap and its file name in the mount.
pub const FILE_NAME: &str = "batch.json";

/// How many bundles are worked on at the same time unless the command line says otherwise. A read that takes 50 ms lets eight of them
/// ask as much as the default rate of requests allows; twice that leaves room for slower answers and for waiting.
pub const DEFAULT_WORKERS: NonZeroUsize = match NonZeroUsize::new(16) {
    Some(workers) => workers,
    None => NonZeroUsize::MIN,
};

/// The bundles of one environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// [`SCHEMA_VERSION`]; a reader refuses a newer one.
    pub schema_version: u32,
    /// In no order that matters: what a bundle requires decides what waits for what.
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
