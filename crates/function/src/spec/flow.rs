//! `flow` and `steps`: the steps of both directions.

use schemars::JsonSchema;
use serde::Deserialize;

use super::step::Step;

/// Steps on the way to the target and back, in the order written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flow {
    /// Steps on the request. Those of a proxy's `flow` run after what `cors`, `security` and `traffic` give.
    #[serde(default)]
    pub request: Vec<Step>,
    /// Steps on the response. Those of a proxy's `flow` run before the security headers are set.
    #[serde(default)]
    pub response: Vec<Step>,
}
