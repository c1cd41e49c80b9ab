//! `targets[].integration`: a target in Application Integration.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use apigee_flux_model::yaml::word_or::WordOr;

/// An integration that is run instead of a backend. It needs `deploy.serviceAccount`, with the role Application Integration
/// Invoker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Integration {
    /// The integration's name.
    pub name: String,
    /// The API trigger that starts it: its name, or in full, as `api_trigger/orders_API_1`.
    pub trigger: String,
    /// The Google Cloud project. Default: the organization's.
    pub project: Option<String>,
    /// The region. Default: that of the Apigee runtime.
    pub region: Option<String>,
    /// The input: name → text, a variable in braces, as `{request.content}`, or `{value, type}`.
    #[serde(default)]
    pub parameters: IndexMap<String, WordOr<String, IntegrationParameter>>,
    /// Whether the caller gets an answer before the integration has ended. Default: false.
    #[serde(default, rename = "async")]
    pub asynchronous: bool,
}

/// One input that is not a string.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegrationParameter {
    /// A text, or a variable in braces.
    pub value: String,
    /// The type of the input. Default: `string`.
    #[serde(default, rename = "type")]
    pub kind: ParameterType,
}

/// The type of an input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ParameterType {
    /// Text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A number.
    Double,
    /// `true` or `false`.
    Boolean,
    /// JSON.
    Json,
}

impl ParameterType {
    /// The word, which is also Apigee's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Json => "json",
        }
    }
}
