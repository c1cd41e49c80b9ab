//! `endpoints`: further proxy endpoints.

use schemars::JsonSchema;
use serde::Deserialize;

use super::ai::Ai;
use super::cors::Cors;
use super::graphql::GraphQl;
use super::logging::Logging;
use super::route::Route;
use super::security::Security;
use super::traffic::Traffic;
use apigee_flux_model::yaml::word_or::{Off, WordOr};

/// A further ProxyEndpoint: another base path of the same proxy. It takes over what it does not say itself.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint {
    /// The endpoint's name, which is also its file's: letters, digits, `.`, `_` and `-`; not `default`.
    pub name: String,
    /// The path that the endpoint serves.
    pub base_path: String,
    /// Replaces `cors`; `none` switches it off here.
    pub cors: Option<WordOr<Off, Cors>>,
    /// Replaces the credentials, `threats` and `headers` of `security`, each if given; one sort of credential replaces all that
    /// the top of the spec has. `none` switches all of it off here.
    pub security: Option<WordOr<Off, Security>>,
    /// Replaces `spikeArrest` and `quota` of `traffic`, each if given; `none` switches both off here.
    pub traffic: Option<WordOr<Off, Traffic>>,
    /// Replaces `graphql`; `none` switches it off here.
    pub graphql: Option<WordOr<Off, GraphQl>>,
    /// Replaces `ai`; `none` switches it off here.
    pub ai: Option<WordOr<Off, Ai>>,
    /// Replaces `logging`; `none` switches it off here.
    pub logging: Option<WordOr<Off, Logging>>,
    /// Replaces `routes`.
    pub routes: Option<Vec<Route>>,
}
