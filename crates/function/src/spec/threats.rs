//! `security.threats`: requests that look like an attack.

use schemars::JsonSchema;
use serde::Deserialize;

/// What is refused. Bodies are looked at only if their `Content-Type` says JSON or XML: a target must not guess.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Threats {
    /// Limits of JSON bodies; `{}` for the defaults.
    pub json: Option<JsonLimits>,
    /// Limits of XML bodies; `{}` for the defaults.
    pub xml: Option<XmlLimits>,
    /// Texts that neither path nor query may hold. They are words of natural language too (`update`, `or`), so try them with
    /// the requests that you expect.
    #[serde(default)]
    pub patterns: Vec<PatternSet>,
    /// The query parameters that are looked at once more after percent-decoding. The query string as a whole is looked at as it
    /// was sent, where a letter may hide behind its code.
    #[serde(default)]
    pub query: Vec<String>,
}

/// Limits of JSON bodies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JsonLimits {
    /// How deep objects and arrays are nested. Default: 10.
    pub max_depth: Option<u32>,
    /// Entries of an object. Default: 100.
    pub max_entries: Option<u32>,
    /// Elements of an array. Default: 1000.
    pub max_array: Option<u32>,
    /// Characters of a string. Default: 10000.
    pub max_string: Option<u32>,
    /// Characters of an entry's name. Default: 128.
    pub max_name: Option<u32>,
}

/// Limits of XML bodies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct XmlLimits {
    /// How deep elements are nested. Default: 10.
    pub max_depth: Option<u32>,
    /// Children of an element: elements, texts, comments and processing instructions together. Default: 1000.
    pub max_children: Option<u32>,
    /// Attributes of an element. Default: 50.
    pub max_attributes: Option<u32>,
    /// Namespaces that an element declares. Default: 20.
    pub max_namespaces: Option<u32>,
    /// Characters of a text or of an attribute's value. Default: 10000.
    pub max_text: Option<u32>,
    /// Characters of a name. Default: 128.
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
    /// Server-side includes, as in `<!--#exec`.
    Ssi,
    /// The axes of XPath, as in `ancestor::`.
    Xpath,
    /// What a Java stack trace starts with.
    JavaException,
}
