//! `faults`: the format of error responses.

use schemars::JsonSchema;
use serde::Deserialize;

use super::step::Step;
use apigee_flux_model::yaml::word_or::WordOr;

/// The body of error responses, and steps that run when a call fails.
pub type Faults = WordOr<FaultsWord, FaultsInFull>;

/// A predefined body of error responses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FaultsWord {
    /// The same JSON for all errors: `{"error": {"code", "message", "requestId"}}`. The status code is not changed.
    #[default]
    Json,
    /// The body of Apigee or of the target, unchanged.
    None,
}

/// Rules for some faults, and the body of all error responses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultsInFull {
    /// Fault rules, tried in this order, in the proxy and in its targets. The first rule that matches runs, before the
    /// `body` is set.
    #[serde(default)]
    pub rules: Vec<FaultRule>,
    /// The body of every error response: `json`, `none` or a template. Default: `json`.
    pub body: Option<WordOr<FaultsWord, FaultBody>>,
}

/// Steps that run for some faults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// The name of the rule. Default: `fault-1` for the first rule, and so on.
    pub name: Option<String>,
    /// The condition in Apigee's condition language, for example `fault.name = "SpikeArrestViolation"`. Only the last
    /// rule may omit it.
    pub when: Option<String>,
    /// The steps. `raise` is not allowed: the `body` would not be set.
    pub steps: Vec<Step>,
}

/// A body of error responses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultBody {
    /// The media type. Default: `application/json`.
    #[serde(default = "json")]
    pub content_type: String,
    /// Text with variables: those of Apigee, and `flow.fault.code` and `flow.fault.text`. The variables may contain
    /// text that the caller sent: write `{escapeJSON(flow.fault.text)}` inside JSON.
    pub template: String,
}

fn json() -> String {
    "application/json".to_owned()
}
