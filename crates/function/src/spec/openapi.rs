//! `openapi`: the document that says what can be called.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use apigee_flux_model::yaml::word_or::WordOr;

/// An OpenAPI 3.0, 3.1 or Swagger 2.0 document, in YAML or JSON: `file` or `inline`. Each of its operations becomes a flow,
/// named by its `operationId`; what it says of credentials and quotas is not applied.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OpenApi {
    /// The document's file, one of `files` or beside the spec.
    pub file: Option<String>,
    /// The document itself, as a text or as a mapping.
    pub inline: Option<WordOr<String, Map<String, Json>>>,
    /// What is checked against the document before the steps of an operation run: `request` (path, method, parameters, and a
    /// JSON body) or `none`. It is checked behind `flow.request`. Default: `request`; `none`, with a warning, for OpenAPI 3.1,
    /// which Apigee cannot check against.
    pub validate: Option<Validate>,
    /// What happens to a request that is for no operation: `reject` answers it with status 404, `pass` lets it through.
    /// Default: `reject`.
    #[serde(default)]
    pub unknown_operations: UnknownOperations,
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Validate {
    /// Every request for an operation of the document.
    Request,
    /// Nothing: the document is not part of the bundle.
    None,
}

/// What happens to a request that is for no operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UnknownOperations {
    /// It is answered with status 404.
    #[default]
    Reject,
    /// It goes to the target.
    Pass,
}
