//! `deploy`: how a bundle is deployed.

use schemars::JsonSchema;
use serde::Deserialize;

/// What the deployment of a proxy needs beyond its bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deploy {
    /// The Google service account, as an email address, that the proxy acts as towards its targets. `targets[].auth` needs
    /// it.
    pub service_account: Option<String>,
    /// Whether the proxy may be extensible, which needs an intermediate or comprehensive environment and may cost more. With
    /// `false`, a policy that makes it so is an error. With `true`, a deployed standard proxy may become extensible; without either,
    /// the deployer refuses that step.
    pub allow_extensible: Option<bool>,
    /// How many revisions to keep, the newest ones; what any environment runs is kept besides, and so is what others imported.
    /// Default: 10. Apigee takes no more than 250.
    #[schemars(range(min = 1, max = 200))]
    pub keep_revisions: Option<u32>,
    /// A request to the gateway that must succeed before a deployment counts. If it does not, the deployer goes back to what ran
    /// before.
    pub smoke_test: Option<SmokeTest>,
    /// Whether the proxy is to be in its environments. Default: `present`. With `absent` the spec stays and a Job removes the
    /// proxy, as `deletionPolicy` says: a removal that a pull request shows.
    #[serde(default)]
    pub state: State,
    /// What happens to the proxy in Apigee when it leaves Git. Default: `Orphan`.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// A GET request without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SmokeTest {
    /// The path below the proxy's base path, for example `/ping`; the host is the `gateway` of each ApigeeEnvironment.
    pub path: Option<String>,
    /// The whole URL instead, for example `https://api.example.com/orders/v1/ping`.
    pub url: Option<String>,
    /// The HTTP status of a good answer. Default: 200.
    #[schemars(range(min = 100, max = 599))]
    pub expect_status: Option<u16>,
}

/// Whether something is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Deployed.
    #[default]
    Present,
    /// Removed.
    Absent,
}

/// What happens in Apigee to what leaves Git.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// It stays as it is.
    #[default]
    Orphan,
    /// It is taken out of the environment.
    Undeploy,
    /// That, and then it is deleted with all its revisions, unless another environment runs one.
    Delete,
}
