//! `inventory.json`: everything that one state of Git wants of an environment, and what the reconciler may do about it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Entry, WhenGone};
use apigee_flux_model::bundle::BatchEntry;

/// The schema version that this program writes, and the newest that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The key of the inventory in its ConfigMap and its file name in the mount.
pub const FILE_NAME: &str = "inventory.json";

/// What is wanted of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inventory {
    /// [`SCHEMA_VERSION`]; a reader refuses a newer one.
    pub schema_version: u32,
    /// Proxies and shared flows.
    pub bundles: Vec<InventoryBundle>,
    /// The configuration of the environment.
    pub environment: Vec<Entry>,
    /// The configuration of the organization, if this environment's reconciler looks after it: the first one's of the organization does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<Vec<Entry>>,
}

/// A proxy or shared flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InventoryBundle {
    /// What a batch says of it.
    #[serde(flatten)]
    pub entry: BatchEntry,
    /// What happens to it when it leaves Git.
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
