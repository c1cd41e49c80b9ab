//! `CheckApigee`: the configuration of the function as a validator.

use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of the function `check-apigee`, which only validates and generates nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckApigeeSpec {
    /// The lowest severity that fails the run. Default: `error`.
    #[serde(default)]
    pub fail_on: FailOn,
}

/// The lowest severity that fails the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FailOn {
    /// Only errors fail: what Apigee would reject, or what is certainly a mistake.
    #[default]
    Error,
    /// Warnings fail too: they are reported as errors.
    Warning,
}
