//! `faults`: what a caller sees of an error.

use schemars::JsonSchema;
use serde::Deserialize;

/// The body of error responses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Faults {
    /// One form for all: `{"error": {"code", "message", "requestId"}}`. The status code stays what it was.
    #[default]
    Json,
    /// Apigee's own, or the target's.
    None,
}
