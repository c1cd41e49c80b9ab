//! `CheckApigee`: the configuration of the function as a validator.

use schemars::JsonSchema;
use serde::Deserialize;

/// Configuration of the function `check-apigee`. It has no fields: its kind says that nothing is to be made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckApigeeSpec {}
