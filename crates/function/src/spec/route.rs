//! `routes`: which target a request goes to.

use schemars::JsonSchema;
use serde::Deserialize;

/// One route. Routes are tried in the order written; the last one has no condition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// The condition in Apigee's language, as in `request.header.x-sandbox = "true"`. Default: always.
    pub when: Option<String>,
    /// The name of a target, or `none` to answer without one.
    pub target: String,
}
