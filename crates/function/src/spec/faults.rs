//! `faults`: what a caller sees of an error.

use schemars::JsonSchema;
use serde::Deserialize;

use super::step::Step;
use apigee_flux_model::yaml::word_or::WordOr;

/// The body of error responses, and what else happens when something fails.
pub type Faults = WordOr<FaultsWord, FaultsInFull>;

/// The body of error responses, in a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FaultsWord {
    /// One form for all: `{"error": {"code", "message", "requestId"}}`. The status code stays what it was.
    #[default]
    Json,
    /// Apigee's own, or the target's.
    None,
}

/// Rules for some faults, and the body of all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultsInFull {
    /// Tried in this order, wherever the call failed: in the proxy or at a target. The first that matches runs, before the `body`
    /// is written.
    #[serde(default)]
    pub rules: Vec<FaultRule>,
    /// The body of every error response: a word, or a template. Default: `json`.
    pub body: Option<WordOr<FaultsWord, FaultBody>>,
}

/// Steps for some faults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// The rule's name. Default: `fault-1` for the first, and so on.
    pub name: Option<String>,
    /// Which faults, in Apigee's language, as in `fault.name = "SpikeArrestViolation"`. Only the last rule may do without.
    pub when: Option<String>,
    /// What happens. `raise` is not allowed: it would skip the `body`.
    pub steps: Vec<Step>,
}

/// A body of error responses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultBody {
    /// The media type. Default: `application/json`.
    #[serde(default = "json")]
    pub content_type: String,
    /// Text with variables: those of Apigee, and `flow.fault.code` and `flow.fault.text`. What a caller sends may stand in
    /// them: write `{escapeJSON(flow.fault.text)}` inside JSON.
    pub template: String,
}

fn json() -> String {
    "application/json".to_owned()
}
