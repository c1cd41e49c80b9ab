//! How a bundle is deployed: the settings in a Job's arguments or in an entry of a batch.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::lifecycle::{Adopt, WhenGone};

/// Settings of one bundle in one environment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeploySettings {
    /// The email of the Google service account that the bundle runs as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
    /// How many managed revisions to keep after a deployment, not counting those that are deployed anywhere. `None`:
    /// [`DEFAULT_KEPT_REVISIONS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_revisions: Option<NonZeroU32>,
    /// Whether the bundle may be extensible. `None`: it may, but a deployed standard proxy does not become extensible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_extensible: Option<bool>,
    /// A request that must succeed for the deployment to succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smoke_test: Option<SmokeTest>,
    /// What happens when the bundle is removed from Git.
    #[serde(default, skip_serializing_if = "WhenGone::is_orphan")]
    pub when_gone: WhenGone,
    /// Whether a bundle in Apigee that is not managed, or has another owner, is adopted.
    #[serde(default, skip_serializing_if = "Adopt::is_never")]
    pub adopt: Adopt,
}

/// The default number of kept revisions. Apigee allows 250 of a proxy and then rejects an import (limits page).
pub const DEFAULT_KEPT_REVISIONS: NonZeroU32 = match NonZeroU32::new(10) {
    Some(kept) => kept,
    None => NonZeroU32::MIN,
};

/// A GET request to the gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SmokeTest {
    /// The complete URL.
    pub url: String,
    /// The expected HTTP status.
    pub expect_status: u16,
}

/// What is removed of a proxy or shared flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Its deployment in the environment.
    Undeploy,
    /// Its deployment, and then all its revisions, unless another environment runs one.
    Delete,
}
