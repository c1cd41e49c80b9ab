//! `targets[].integration`: a target in Application Integration.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use apigee_flux_model::yaml::word_or::WordOr;

/// An integration that is called instead of a backend. It needs `deploy.serviceAccount` with the role Application
/// Integration Invoker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Integration {
    /// The name of the integration.
    pub name: String,
    /// The API trigger: its name, or its full name, for example `api_trigger/orders_API_1`.
    pub trigger: String,
    /// The Google Cloud project. Default: the project of the organization.
    pub project: Option<String>,
    /// The region. Default: the region of the Apigee runtime.
    pub region: Option<String>,
    /// The input parameters: name → text, a variable in braces, for example `{request.content}`, or `{value, type}`.
    #[serde(default)]
    pub parameters: IndexMap<String, WordOr<String, IntegrationParameter>>,
    /// Whether the caller gets a response before the integration has finished. Default: false.
    #[serde(default, rename = "async")]
    pub asynchronous: bool,
}

/// An input parameter that is not a string.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegrationParameter {
    /// A text, or a variable in braces.
    pub value: String,
    /// The type of the parameter. Default: `string`.
    #[serde(default, rename = "type")]
    pub kind: ParameterType,
}

/// The type of an input parameter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ParameterType {
    /// Text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A floating-point number.
    Double,
    /// `true` or `false`.
    Boolean,
    /// JSON.
    Json,
}

impl ParameterType {
    /// The keyword, which is the same in Apigee.
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
