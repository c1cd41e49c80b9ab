//! How a bundle is deployed, beside its files: what a Job's arguments or a batch's entry say.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Settings of one bundle in one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeploySettings {
    /// The email of the Google service account that the bundle runs as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// How many revisions of ours to keep after a deployment, those that are deployed anywhere not counted. None:
    /// [`DEFAULT_KEPT_REVISIONS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_revisions: Option<NonZeroU32>,
    /// Whether the bundle may be extensible. None: it may, but a deployed standard proxy does not become extensible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_extensible: Option<bool>,
    /// A request that must succeed before the deployment counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke_test: Option<SmokeTest>,
}

/// The revisions that are kept when nothing else is said. Apigee keeps 250 of a proxy and then refuses an import (limits page).
pub const DEFAULT_KEPT_REVISIONS: NonZeroU32 = match NonZeroU32::new(10) {
    Some(kept) => kept,
    None => NonZeroU32::MIN,
};

/// A GET request to the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SmokeTest {
    /// The whole URL.
    pub url: String,
    /// The HTTP status of a good answer.
    pub expect_status: u16,
}

/// How much of a proxy or shared flow goes when it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Its deployment in the environment.
    Undeploy,
    /// That, and then all its revisions, unless another environment runs one.
    Delete,
}
