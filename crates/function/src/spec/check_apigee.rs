//! `CheckApigee`: the configuration of the function as a validator.

use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of the function `check-apigee`. Its kind says that nothing is to be made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckApigeeSpec {
    /// What is refused. Default: `error`.
    #[serde(default)]
    pub fail_on: FailOn,
}

/// What a validator refuses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FailOn {
    /// Errors: what Apigee would refuse, or what cannot have been meant.
    #[default]
    Error,
    /// Warnings too, which become errors.
    Warning,
}
