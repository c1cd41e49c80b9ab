//! `flow` and `steps`: steps on the request and on the response.

use schemars::JsonSchema;
use serde::Deserialize;

use super::step::Step;

/// Steps on the request and on the response, in the order of the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Flow {
    /// Steps on the request. The steps of a proxy's `flow` run after the policies of `cors`, `security` and `traffic`.
    #[serde(default)]
    pub request: Vec<Step>,
    /// Steps on the response. The steps of a proxy's `flow` run before the security headers are set.
    #[serde(default)]
    pub response: Vec<Step>,
}
