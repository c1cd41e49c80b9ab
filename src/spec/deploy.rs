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
    /// `false`, a policy that makes it so is an error. Default: `true`.
    pub allow_extensible: Option<bool>,
}
