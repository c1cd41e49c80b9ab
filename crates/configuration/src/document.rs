//! `configuration.json`: the desired state of an environment or an organization apart from its bundles.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use apigee_flux_model::bundle::Digest;
use apigee_flux_model::lifecycle::Adopt;

/// The schema version that this program writes, and the newest version that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The key of the document in its ConfigMap and its file name in the mount.
pub const FILE_NAME: &str = "configuration.json";

/// The configuration of one environment or organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// [`SCHEMA_VERSION`]; a reader rejects a newer version.
    pub schema_version: u32,
    /// The resources, in the order of the dependencies between their kinds.
    pub resources: Vec<Entry>,
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// The identity of the resource.
    #[serde(flatten)]
    pub id: Id,
    /// What happens to the resource in Apigee when it is removed from Git.
    #[serde(default, skip_serializing_if = "ConfigurationDeletionPolicy::is_orphan")]
    pub deletion_policy: ConfigurationDeletionPolicy,
    /// Whether an unmanaged resource that exists in Apigee already is adopted.
    #[serde(default, skip_serializing_if = "Adopt::is_never")]
    pub adopt: Adopt,
    /// The desired state, in the form of Apigee's API. A secret is written as `{"valueFrom": …}`.
    pub body: Value,
}

impl Entry {
    /// The digest of the desired state: of its references to secrets, not of the secrets.
    pub fn digest(&self) -> Digest {
        // A struct of strings and JSON always has a JSON form.
        Digest::of_bytes(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The identity of a resource, unique within its environment or organization.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id {
    /// The kind, for example `ApigeeTargetServer`.
    pub kind: String,
    /// The parent of the resource, if the name is unique only within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// The name in Apigee.
    pub name: String,
}

impl Id {
    /// The name with its parent, if there is one: `PARENT/NAME`.
    pub fn path(&self) -> String {
        match &self.parent {
            Some(parent) => format!("{parent}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.path())
    }
}

/// What happens in Apigee to configuration that is removed from Git.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(rename = "DeletionPolicy")]
pub enum ConfigurationDeletionPolicy {
    /// It is kept unchanged.
    #[default]
    Orphan,
    /// It is deleted.
    Delete,
}

impl ConfigurationDeletionPolicy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_orphan(&self) -> bool {
        *self == Self::Orphan
    }
}
