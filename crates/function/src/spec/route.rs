//! `routes`: the target for each request.

use schemars::JsonSchema;
use serde::Deserialize;

/// One route. Routes are tried in the order of the spec; the last route has no condition.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Route {
    /// The condition in Apigee's condition language, for example `request.header.x-sandbox = "true"`. Default: the
    /// route always matches.
    pub when: Option<String>,
    /// The name of a target, or `none` to respond without a target.
    pub target: String,
}
