//! `graphql`: checks of GraphQL requests.

use schemars::JsonSchema;
use serde::Deserialize;

/// Checks of GraphQL requests, before they reach the target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphQl {
    /// The schema that requests must fit. Default: none is checked, only depth, fragments and size.
    pub schema: Option<GraphQlSchema>,
    /// Which requests are allowed. Default: `query`.
    #[serde(default)]
    pub operations: GraphQlOperations,
    /// How deep a query may be, from 1. Default: 10.
    pub max_depth: Option<u32>,
    /// How many fragments a request may have, from 1. Default: 10.
    pub max_fragments: Option<u32>,
    /// How large a request may be, in kilobytes, from 1. Default: any size.
    pub max_payload_size: Option<u32>,
}

/// A schema: exactly one of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GraphQlSchema {
    /// A file, as `schema.graphql`.
    pub file: Option<String>,
    /// The text.
    pub inline: Option<String>,
}

/// Which sort of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GraphQlOperations {
    /// Those that read.
    #[default]
    Query,
    /// Those that write.
    Mutation,
    /// Both.
    All,
}
