//! `security`: who may call, and what every response says to browsers.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::word_or::WordOr;

/// Credentials and security headers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Security {
    /// Callers show the key of an app. It is checked before anything but CORS and the spike arrest, and removed before the
    /// target is called.
    pub api_key: Option<ApiKey>,
    /// Headers of every response, errors included: `default`, `none`, or header → value. Default: `none`.
    pub headers: Option<WordOr<HeadersWord, IndexMap<String, String>>>,
}

/// Where callers put the key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKey {
    /// In a header or in the query. Default: `header`.
    #[serde(default, rename = "in")]
    pub location: KeyLocation,
    /// The header's or parameter's name. Default: `x-api-key`.
    #[serde(default = "default_key_name")]
    pub name: String,
}

fn default_key_name() -> String {
    "x-api-key".to_owned()
}

/// The part of a request that holds a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KeyLocation {
    /// A header.
    #[default]
    Header,
    /// A query parameter.
    Query,
}

/// Which security headers, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HeadersWord {
    /// HSTS for a year, `nosniff`, no framing, no caching; `Server` and `X-Powered-By` are removed.
    Default,
    /// No header is set or removed.
    None,
}
