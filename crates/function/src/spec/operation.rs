//! `operations`: settings for single operations.

use schemars::JsonSchema;
use serde::Deserialize;

use super::cache::Cache;
use super::flow::Flow;
use apigee_flux_model::yaml::word_or::Off;

/// One operation: a conditional flow of every proxy endpoint. Only the first flow that matches runs. Flows are in the
/// order of the spec, except that an operation that would hide a more specific one is moved after it. Under the name of
/// an operation of `openapi`, it adds settings to that operation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// The requests that match. Only for an operation that is not in the `openapi` document.
    #[serde(rename = "match")]
    pub matches: Option<OperationMatch>,
    /// The steps of the operation: on the request after those of `flow.request`, on the response before those of
    /// `flow.response`.
    #[serde(default)]
    pub steps: Flow,
    /// `none` for a public operation without authentication, for example a health check. It needs methods and a path
    /// without wildcards. Default: the `security` of the endpoint.
    pub security: Option<Off>,
    /// Caches the responses of the operation. Default: no cache.
    pub cache: Option<Cache>,
}

/// The requests that match an operation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperationMatch {
    /// The path below the base path: `*` or `{name}` matches one segment, `**` at the end one or more. `{name}` may also
    /// be a part of a segment, for example `/{id}.json`. All other characters match themselves, as they are or
    /// percent-encoded; a client may send either form. A trailing slash is significant.
    pub path: String,
    /// The methods. Default: all methods.
    #[serde(default)]
    pub methods: Vec<String>,
}
