//! `security.threats`: protection against requests that look like an attack.

use schemars::JsonSchema;
use serde::Deserialize;

/// The requests to reject. Bodies are checked only if their `Content-Type` is JSON or XML: a target must not guess the
/// type of other bodies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Threats {
    /// Limits of JSON bodies; `{}` for the defaults.
    pub json: Option<JsonLimits>,
    /// Limits of XML bodies; `{}` for the defaults.
    pub xml: Option<XmlLimits>,
    /// Patterns that are not allowed in the path and the query. They also match words of natural language (`update`,
    /// `or`), so test them with the requests that you expect.
    #[serde(default)]
    pub patterns: Vec<PatternSet>,
    /// Query parameters that are also checked after percent-decoding. The query string as a whole is checked as sent,
    /// where a percent-encoded letter is not recognized.
    #[serde(default)]
    pub query: Vec<String>,
}

/// Limits of JSON bodies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonLimits {
    /// The maximum depth of nested objects and arrays. Default: 10.
    pub max_depth: Option<u32>,
    /// The maximum number of entries of an object. Default: 100.
    pub max_entries: Option<u32>,
    /// The maximum number of elements of an array. Default: 1000.
    pub max_array: Option<u32>,
    /// The maximum number of characters in a string. Default: 10000.
    pub max_string: Option<u32>,
    /// The maximum number of characters in the name of an entry. Default: 128.
    pub max_name: Option<u32>,
}

/// Limits of XML bodies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XmlLimits {
    /// The maximum depth of nested elements. Default: 10.
    pub max_depth: Option<u32>,
    /// The maximum number of children of an element: elements, texts, comments and processing instructions together.
    /// Default: 1000.
    pub max_children: Option<u32>,
    /// The maximum number of attributes of an element. Default: 50.
    pub max_attributes: Option<u32>,
    /// The maximum number of namespaces that an element declares. Default: 20.
    pub max_namespaces: Option<u32>,
    /// The maximum number of characters in a text or in the value of an attribute. Default: 10000.
    pub max_text: Option<u32>,
    /// The maximum number of characters in a name. Default: 128.
    pub max_name: Option<u32>,
}

/// A named set of regular expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PatternSet {
    /// SQL: `delete`, `exec`, `drop table`, `insert`, `shutdown`, `update`, `union select` and `or` as words.
    Sql,
    /// A `<script` tag.
    Script,
    /// Server-side includes, for example `<!--#exec`.
    Ssi,
    /// The axes of XPath, for example `ancestor::`.
    Xpath,
    /// The first line of a Java stack trace.
    JavaException,
}
