//! `cache`: responses that need not be asked for again.

use schemars::JsonSchema;
use serde::Deserialize;

/// Keeps the responses of an operation. Only for operations of GET and HEAD. Callers are kept apart by their credential, and
/// errors are not kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cache {
    /// How long a response is kept, in whole seconds, as `60s`.
    pub ttl: String,
    /// What else makes responses differ: variables, as `request.queryparam.page`, or `accept` for the `Accept…` headers. The
    /// path, the credential and what routes ask for always count. Default: `request.querystring`.
    pub vary: Option<Vec<String>>,
}
