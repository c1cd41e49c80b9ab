//! OpenAPI documents: the parts that a proxy needs. Versions 3.0, 3.1, and Swagger 2.0, which is converted to 3.0
//! first.
//!
//! A document may have 10 MB or more, most of which are schemas: `outline` keeps the small part that `document` reads,
//! and only collects references in the rest.

mod document;
mod names;
mod outline;
mod reference;
mod security;
mod server;
mod source;
mod swagger2;

pub use document::{DocumentOperation, OpenApiDocument, Version};
pub use names::UNKNOWN_OPERATION;
pub use security::{Requirement, SecurityScheme};
pub use server::DocumentServer;

use serde_json::Value as Json;

use source::Source;

/// A problem in a document, and its fix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentFault {
    /// What is wrong: one line, lower case, without a period.
    pub message: String,
    /// How to fix it.
    pub help: String,
}

impl DocumentFault {
    fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// Reads a document in JSON or YAML. Reports all problems together.
pub fn read(bytes: &[u8]) -> Result<OpenApiDocument, Vec<DocumentFault>> {
    let source = Source::parse(bytes).map_err(|fault| vec![fault])?;
    let outline = source.outline().map_err(|fault| vec![fault])?;
    let version = Version::of(&outline.kept).map_err(|fault| vec![fault])?;
    let refers_within = |item: &Json| reference::of(item).is_some_and(|target| target.starts_with('#'));
    let items = || outline.kept.get("paths").and_then(Json::as_object).into_iter().flat_map(|paths| paths.values());
    if version == Version::Swagger2 {
        let written = source.whole().map_err(|fault| vec![fault])?;
        let converted = swagger2::convert(&written);
        let mut document = OpenApiDocument::read(version, &converted, outline.external)?;
        document.converted = Some(source.print(&converted).map_err(|fault| vec![fault])?);
        Ok(document)
    } else if items().any(refers_within) {
        let whole = source.whole().map_err(|fault| vec![fault])?;
        OpenApiDocument::read(version, &whole, outline.external)
    } else {
        OpenApiDocument::read(version, &outline.kept, outline.external)
    }
}

/// The text of a scalar: `version: 1.0` is a number in YAML, but a text in OpenAPI.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
