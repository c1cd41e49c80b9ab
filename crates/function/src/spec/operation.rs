//! `operations`: what happens for one path and method only.

use schemars::JsonSchema;
use serde::Deserialize;

use super::cache::Cache;
use super::flow::Flow;
use apigee_flux_model::yaml::word_or::Off;

/// One operation: a conditional flow of every proxy endpoint. The first flow that matches runs, no other: the order
/// written is kept, except that an operation that would hide a more specific one is moved behind it. Under the name of an
/// operation of `openapi` it adds to that one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// Which requests it is for. Only for an operation that is not in the `openapi` document, which has its own.
    #[serde(rename = "match")]
    pub matches: Option<OperationMatch>,
    /// Its own steps: on the request after those of `flow.request`, on the response before those of `flow.response`.
    #[serde(default)]
    pub steps: Flow,
    /// `none` for a public operation, such as a health check: nobody shows a credential for it. It needs methods and a path
    /// without wildcards. Default: as the endpoint's.
    pub security: Option<Off>,
    /// Keeps its responses. Default: they are not kept.
    pub cache: Option<Cache>,
}

/// The requests of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperationMatch {
    /// The path below the base path: `*` or `{name}` is any one segment, `**` at the end one or more. `{name}` may also be a part
    /// of a segment, as in `/{id}.json`. All other characters stand for themselves, written as they are or percent-encoded; a client may
    /// send them in either form. A slash at the end counts.
    pub path: String,
    /// The methods. Default: all.
    #[serde(default)]
    pub methods: Vec<String>,
}
