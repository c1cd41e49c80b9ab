//! `configuration.json`: what an environment or an organization is to have beside its bundles.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The schema version that this program writes, and the newest that it reads.
pub const SCHEMA_VERSION: u32 = 1;

/// The key of the document in its ConfigMap and its file name in the mount.
pub const FILE_NAME: &str = "configuration.json";

/// The configuration of one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// [`SCHEMA_VERSION`]; a reader refuses a newer one.
    pub schema_version: u32,
    /// The resources, in the order in which their kinds depend on each other.
    pub resources: Vec<Entry>,
}

/// One resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// What it is.
    #[serde(flatten)]
    pub id: Id,
    /// What happens to it when it leaves Git.
    #[serde(default, skip_serializing_if = "DeletionPolicy::is_orphan")]
    pub deletion_policy: DeletionPolicy,
    /// Whether one that stands in Apigee already, and that somebody else made, is taken over.
    #[serde(default, skip_serializing_if = "Adopt::is_never")]
    pub adopt: Adopt,
    /// What Apigee is to have. A secret stands as `{"valueFrom": …}`.
    pub body: Value,
}

/// What a resource is: no two of a place have the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id {
    /// The kind, for example `ApigeeTargetServer`.
    pub kind: String,
    /// What it belongs to, if its name is unique only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its name in Apigee.
    pub name: String,
}

impl Id {
    /// The name, behind what it belongs to: `PARENT/NAME`.
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

/// What happens in Apigee to configuration that leaves Git.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum DeletionPolicy {
    /// It stays as it is.
    #[default]
    Orphan,
    /// It is deleted.
    Delete,
}

impl DeletionPolicy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_orphan(&self) -> bool {
        *self == Self::Orphan
    }
}

/// What to do with a resource that is in Apigee already though this program did not make it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Adopt {
    /// It is left alone, and the deployment fails.
    #[default]
    Never,
    /// It is taken over if it is equal to what is wanted; otherwise the deployment fails and says what differs.
    Match,
    /// It is taken over and made as wanted.
    Override,
}

impl Adopt {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_never(&self) -> bool {
        *self == Self::Never
    }
}
