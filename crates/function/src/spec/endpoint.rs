//! `endpoints`: additional proxy endpoints.

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

/// An additional ProxyEndpoint: another base path of the same proxy. Fields that are not set have the values of the
/// spec.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoint {
    /// The name of the endpoint and of its file: letters, digits, `.`, `_` and `-`; not `default`.
    pub name: String,
    /// The base path of the endpoint.
    pub base_path: String,
    /// Replaces `cors`; `none` turns it off for this endpoint.
    pub cors: Option<WordOr<Off, Cors>>,
    /// Replaces the credential, `threats` and `headers` of `security`, each only if set here. A type of credential set
    /// here replaces all credentials of the spec. `none` turns all of `security` off for this endpoint.
    pub security: Option<WordOr<Off, Security>>,
    /// Replaces `spikeArrest` and `quota` of `traffic`, each only if set here; `none` turns both off for this endpoint.
    pub traffic: Option<WordOr<Off, Traffic>>,
    /// Replaces `graphql`; `none` turns it off for this endpoint.
    pub graphql: Option<WordOr<Off, GraphQl>>,
    /// Replaces `ai`; `none` turns it off for this endpoint.
    pub ai: Option<WordOr<Off, Ai>>,
    /// Replaces `logging`; `none` turns it off for this endpoint.
    pub logging: Option<WordOr<Off, Logging>>,
    /// Replaces `routes`.
    pub routes: Option<Vec<Route>>,
}
