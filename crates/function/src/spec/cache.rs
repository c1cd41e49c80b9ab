//! `cache`: a cache of responses.

use schemars::JsonSchema;
use serde::Deserialize;

/// Caches the responses of an operation whose methods are GET and HEAD. Responses are cached separately for each
/// credential. Error responses are not cached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cache {
    /// How long a response is cached, in whole seconds, for example `60s`.
    pub ttl: String,
    /// What else the response depends on: variables, for example `request.queryparam.page`, or `accept` for the
    /// `Accept…` headers. The path, the credential and the variables in conditions of routes are always part of the
    /// cache key. Default: `request.querystring`.
    pub vary: Option<Vec<String>>,
}
