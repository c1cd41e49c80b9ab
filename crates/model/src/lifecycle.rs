//! What happens to a resource in Apigee at the beginning and at the end of its life in Git.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens in Apigee when a resource is removed from Git.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenGone {
    /// It is kept unchanged.
    #[default]
    Orphan,
    /// The proxy or shared flow is undeployed from the environment.
    Undeploy,
    /// It is deleted.
    Delete,
}

impl WhenGone {
    /// True for the default.
    pub fn is_orphan(&self) -> bool {
        *self == Self::Orphan
    }
}

/// What to do with a resource that exists in Apigee already and is not managed by apigee-flux, or has another owner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Adopt {
    /// It is not changed, and the deployment fails.
    #[default]
    Never,
    /// It is adopted if it equals the desired state; otherwise the deployment fails and lists the differences.
    Match,
    /// It is adopted and changed to the desired state.
    Override,
}

impl Adopt {
    /// True for the default.
    pub fn is_never(&self) -> bool {
        *self == Self::Never
    }
}
