//! `openapi`: the OpenAPI document of a proxy.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use apigee_flux_model::yaml::word_or::WordOr;

/// An OpenAPI 3.0, 3.1 or Swagger 2.0 document, in YAML or JSON: `file` or `inline`. Each of its operations becomes a
/// flow, named by its `operationId`. Its security schemes and quotas are not applied.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenApi {
    /// The file of the document, in `files` or next to the spec.
    pub file: Option<String>,
    /// The document itself, as a text or as a mapping.
    pub inline: Option<WordOr<String, Map<String, Json>>>,
    /// What is validated against the document before the steps of an operation run: `request` (path, method,
    /// parameters, and a JSON body) or `none`. The validation runs after `flow.request`. Default: `request`; for
    /// OpenAPI 3.1, which Apigee cannot validate, `none` with a warning.
    pub validate: Option<Validate>,
    /// What happens to a request that matches no operation: `reject` responds with status 404, `pass` sends the request
    /// to the target. Default: `reject`.
    #[serde(default)]
    pub unknown_operations: UnknownOperations,
}

/// What is validated against the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Validate {
    /// Every request that matches an operation of the document.
    Request,
    /// Nothing: the document is not part of the bundle.
    None,
}

/// What happens to a request that matches no operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UnknownOperations {
    /// Apigee responds with status 404.
    #[default]
    Reject,
    /// The request is sent to the target.
    Pass,
}
