//! The source text of a document: JSON or YAML.

use serde::Deserialize;
use serde_json::Value as Json;

use super::DocumentFault;
use super::outline::Outline;
use apigee_flux_model::encoding;
use apigee_flux_model::yaml::{self, YamlNode, decode, line_and_column};

/// The text of a document, parsed only as far as necessary.
pub(super) enum Source<'t> {
    /// JSON, which serde reads as a stream.
    Json(&'t str),
    /// YAML.
    Yaml(YamlNode),
}

impl<'t> Source<'t> {
    /// Distinguishes JSON and YAML. JSON is also YAML, but the JSON parser is many times faster.
    pub(super) fn parse(bytes: &'t [u8]) -> Result<Self, DocumentFault> {
        let text = encoding::text(bytes).map_err(|error| {
            let place =
                error.position.map(|(line, column)| format!("line {line}, column {column}: ")).unwrap_or_default();
            DocumentFault::new(format!("{place}{}", error.message), error.help)
        })?;
        if text.trim_start().starts_with('{') {
            let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) else {
                return Ok(Self::Json(text));
            };
            // A flow mapping of YAML starts with the same character.
            return YamlNode::parse(text, 0..text.len()).map(Self::Yaml).map_err(|_| json_fault(&error));
        }
        YamlNode::parse(text, 0..text.len()).map(Self::Yaml).map_err(|error| {
            let (line, column) = line_and_column(text, error.offset);
            let message = format!("the document cannot be parsed: line {line}, column {column}: {}", error.message);
            DocumentFault::new(message, "correct the document")
        })
    }

    /// The part that the model is read from.
    pub(super) fn outline(&self) -> Result<Outline, DocumentFault> {
        self.decode()
    }

    /// The whole document.
    pub(super) fn whole(&self) -> Result<Json, DocumentFault> {
        match self {
            Self::Json(_) => self.decode(),
            Self::Yaml(node) => Ok(node.to_json()),
        }
    }

    fn decode<T: for<'de> Deserialize<'de>>(&self) -> Result<T, DocumentFault> {
        match self {
            Self::Json(text) => serde_json::from_str(text).map_err(|error| json_fault(&error)),
            Self::Yaml(node) => {
                decode::decode(node).map_err(|error| DocumentFault::new(error.message, "correct the document"))
            }
        }
    }

    /// Another document as text, in the format of this one.
    pub(super) fn print(&self, document: &Json) -> Result<String, DocumentFault> {
        let printed = match self {
            Self::Json(_) => serde_json::to_string_pretty(document).map(|text| text + "\n").map_err(|e| e.to_string()),
            Self::Yaml(_) => yaml::encode(document),
        };
        printed.map_err(|why| {
            DocumentFault::new(format!("the document cannot be converted to OpenAPI 3.0: {why}"), "convert it manually")
        })
    }
}

fn json_fault(error: &serde_json::Error) -> DocumentFault {
    DocumentFault::new(format!("the document cannot be parsed: {error}"), "correct the document")
}
