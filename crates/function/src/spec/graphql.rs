//! `graphql`: checks of GraphQL requests.

use schemars::JsonSchema;
use serde::Deserialize;

/// Checks of GraphQL requests before they are sent to the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphQl {
    /// The schema that requests must conform to. Default: no schema; only depth, number of fragments and size are
    /// checked.
    pub schema: Option<GraphQlSchema>,
    /// The allowed types of requests. Default: `query`.
    #[serde(default)]
    pub operations: GraphQlOperations,
    /// The maximum depth of a query, at least 1. Default: 10.
    pub max_depth: Option<u32>,
    /// The maximum number of fragments in a request, at least 1. Default: 10.
    pub max_fragments: Option<u32>,
    /// The maximum size of a request in kilobytes, at least 1. Default: no limit.
    pub max_payload_size: Option<u32>,
}

/// A GraphQL schema: exactly one field must be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphQlSchema {
    /// The file, for example `schema.graphql`.
    pub file: Option<String>,
    /// The text of the schema.
    pub inline: Option<String>,
}

/// The allowed types of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GraphQlOperations {
    /// Only queries.
    #[default]
    Query,
    /// Only mutations.
    Mutation,
    /// Queries and mutations.
    All,
}
