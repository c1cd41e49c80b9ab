//! `inventory.json`: the desired state of an environment according to one state of Git, which the reconciler applies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Entry, WhenGone};
use apigee_flux_model::bundle::BatchEntry;

/// The schema version that this program writes, and the newest version that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The key of the inventory in its ConfigMap and its file name in the mount.
pub const FILE_NAME: &str = "inventory.json";

/// The desired state of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inventory {
    /// [`SCHEMA_VERSION`]; a reader rejects a newer version.
    pub schema_version: u32,
    /// The proxies and shared flows.
    pub bundles: Vec<InventoryBundle>,
    /// The configuration of the environment.
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
    /// What happens when the bundle is removed from Git.
    #[serde(default)]
    pub when_gone: WhenGone,
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
