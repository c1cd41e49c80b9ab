//! `deploy`: deployment settings.

use schemars::JsonSchema;
use serde::Deserialize;

use apigee_flux_model::lifecycle::Adopt;

/// Settings of a deployment that are not part of the bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deploy {
    /// The Google service account (an email address) that the proxy uses to authenticate to its targets.
    /// `targets[].auth` needs it.
    pub service_account: Option<String>,
    /// Whether the proxy may be extensible. An extensible proxy needs an intermediate or comprehensive environment and
    /// may cost more. With `false`, a policy that makes the proxy extensible is an error. With `true`, a deployed
    /// standard proxy may become extensible. If not set, the deployer refuses to turn a deployed standard proxy into an
    /// extensible one.
    pub allow_extensible: Option<bool>,
    /// The number of newest revisions to keep. Revisions that are deployed in any environment and revisions that are
    /// not managed by apigee-flux are kept too. Default: 10. Apigee allows at most 250.
    #[schemars(range(min = 1, max = 200))]
    pub keep_revisions: Option<u32>,
    /// A request to the gateway that must succeed after each deployment. If it fails, the deployer rolls back to the
    /// previous revision.
    pub smoke_test: Option<SmokeTest>,
    /// Whether the proxy is deployed. Default: `present`. With `absent`, the spec stays in Git and a Job removes the
    /// proxy according to `deletionPolicy`, so that a pull request shows the removal. If another proxy takes its base
    /// path, it is at least undeployed, also without a `deletionPolicy`.
    #[serde(default)]
    pub state: State,
    /// What happens to the proxy in Apigee when its spec is removed from Git. Default: `Orphan`.
    #[serde(default)]
    pub deletion_policy: BundleDeletionPolicy,
    /// Whether to take over a proxy that exists in Apigee and is not managed by apigee-flux, or has another owner.
    /// Default: `never`.
    #[serde(default)]
    pub adopt: Adopt,
}

/// A GET request without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SmokeTest {
    /// The path below the base path of the proxy, for example `/ping`; the host is the `gateway` of each
    /// ApigeeEnvironment.
    pub path: Option<String>,
    /// The complete URL, as an alternative to `path`, for example `https://api.example.com/orders/v1/ping`.
    pub url: Option<String>,
    /// The expected HTTP status. Default: 200.
    #[schemars(range(min = 100, max = 599))]
    pub expect_status: Option<u16>,
}

/// Whether the proxy is deployed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// The proxy is deployed.
    #[default]
    Present,
    /// The proxy is removed.
    Absent,
}

/// What happens in Apigee to an object whose spec is removed from Git.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(rename = "DeletionPolicy")]
pub enum BundleDeletionPolicy {
    /// It stays unchanged.
    #[default]
    Orphan,
    /// It is undeployed from the environment.
    Undeploy,
    /// It is undeployed from the environment, then deleted with all its revisions, unless a revision is deployed in
    /// another environment.
    Delete,
}
