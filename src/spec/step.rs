//! A step: one policy at one place.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// One step: exactly one action, and perhaps a condition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Runs the step only if this condition in Apigee's language holds, as in `request.verb = "POST"`.
    pub when: Option<String>,
    /// Runs a policy of `policies` by its name.
    pub policy: Option<String>,
    /// Sets headers, query parameters and variables.
    pub set: Option<Set>,
    /// Removes headers and query parameters.
    pub remove: Option<Remove>,
    /// Ends the request with an error.
    pub raise: Option<Raise>,
}

/// Values to set. They may hold variables, as in `{request.header.host}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Set {
    /// Header → value.
    #[serde(default)]
    pub headers: IndexMap<String, String>,
    /// Query parameter → value. Only on the request.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Flow variable → value. They are set first, so that the headers can use them.
    #[serde(default)]
    pub variables: IndexMap<String, String>,
}

/// Names to remove.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Remove {
    /// Headers.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Query parameters. Only on the request.
    #[serde(default)]
    pub query: Vec<String>,
}

/// An error response.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Raise {
    /// The status code, 400 to 599.
    pub status: u16,
    /// The reason phrase. Default: the standard one of the status code, if it has one.
    pub reason: Option<String>,
    /// The message in the body that `faults: json` gives. Default: Apigee's.
    pub message: Option<String>,
}
