//! The model of an OpenAPI document.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value as Json;

use super::security::{Requirement, SecurityScheme, requirements};
use super::{DocumentFault, DocumentServer, names, reference, text};

/// The methods of a path item, in any order: the order of the document is kept.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// The maximum length of a chain of references.
const MAX_REFERENCES: usize = 16;

/// The maximum number of problems to report: a document may have thousands of one type.
const MOST_FAULTS: usize = 20;

/// The version of OpenAPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Swagger 2.0.
    Swagger2,
    /// OpenAPI 3.0, which Apigee can validate against.
    V30,
    /// OpenAPI 3.1 and later, whose schemas are in another language.
    Later,
}

impl Version {
    pub(super) fn of(document: &Json) -> Result<Self, DocumentFault> {
        let help = "use a document of OpenAPI 3.0 or 3.1, or of Swagger 2.0";
        let field = |name: &str| document.get(name).and_then(text);
        match (field("openapi"), field("swagger")) {
            (Some(version), _) if version.starts_with("3.0") => Ok(Self::V30),
            (Some(version), _) if version.starts_with("3.") => Ok(Self::Later),
            (None, Some(version)) if version.starts_with('2') => Ok(Self::Swagger2),
            (Some(version), _) | (None, Some(version)) => {
                Err(DocumentFault::new(format!("unsupported version `{version}`"), help))
            }
            (None, None) => {
                Err(DocumentFault::new("the document has neither `openapi` nor `swagger` at its top level", help))
            }
        }
    }
}

/// An OpenAPI document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenApiDocument {
    /// The version of the document.
    pub version: Version,
    /// `info.title`; may be empty.
    pub title: String,
    /// `info.description`.
    pub description: Option<String>,
    /// The servers of the API, in the order of the document.
    pub servers: Vec<DocumentServer>,
    /// The operations, in the order of the document.
    pub operations: Vec<DocumentOperation>,
    /// The security schemes by name.
    pub security_schemes: IndexMap<String, SecurityScheme>,
    /// References to other documents, which Apigee cannot follow.
    pub external_references: Vec<String>,
    /// The document converted to OpenAPI 3.0, if it is a Swagger 2.0 document.
    pub converted: Option<String>,
}

/// One operation: a path and a method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentOperation {
    /// The name of the flow: the `operationId`, with invalid characters replaced, or a name made of method and path.
    pub name: String,
    /// The `operationId` of the document.
    pub operation_id: Option<String>,
    /// The method in upper case.
    pub method: String,
    /// The path below the URL of the server, with parameters in braces.
    pub path: String,
    /// The summary, one line.
    pub summary: Option<String>,
    /// The tags.
    pub tags: Vec<String>,
    /// The alternative security requirements: those of the operation, or those of the document. `None` if neither has
    /// any.
    pub security: Option<Vec<Requirement>>,
}

impl OpenApiDocument {
    /// Reads the model from a document or its outline.
    pub(super) fn read(version: Version, tree: &Json, external: Vec<String>) -> Result<Self, Vec<DocumentFault>> {
        let mut faults = Vec::new();
        let info = tree.get("info");
        let servers = tree.get("servers").and_then(Json::as_array).into_iter().flatten();
        let schemes = tree.pointer("/components/securitySchemes").and_then(Json::as_object).into_iter().flatten();
        let operations = operations(tree, &mut faults);
        if !faults.is_empty() {
            let more = faults.len().saturating_sub(MOST_FAULTS);
            faults.truncate(MOST_FAULTS);
            if more > 0 {
                faults.push(DocumentFault::new(
                    format!("the document has {more} more problems of this type"),
                    "fix the reported ones first",
                ));
            }
            return Err(faults);
        }
        Ok(Self {
            version,
            title: info.and_then(|info| info.get("title")).and_then(text).unwrap_or_default(),
            description: info.and_then(|info| info.get("description")).and_then(text),
            servers: servers.filter_map(DocumentServer::read).collect(),
            operations,
            security_schemes: schemes.map(|(name, scheme)| (name.clone(), SecurityScheme::read(scheme))).collect(),
            external_references: external,
            converted: None,
        })
    }
}

/// An operation in the document.
struct FoundOperation<'d> {
    path: &'d str,
    method: &'d str,
    value: &'d Json,
}

impl FoundOperation<'_> {
    fn id(&self) -> Option<&str> {
        self.value.get("operationId").and_then(Json::as_str)
    }

    fn place(&self) -> String {
        format!("`{} {}`", self.method.to_uppercase(), self.path)
    }
}

fn operations(tree: &Json, faults: &mut Vec<DocumentFault>) -> Vec<DocumentOperation> {
    let paths = tree.get("paths").and_then(Json::as_object).into_iter().flatten();
    let mut found = Vec::new();
    for (path, item) in paths.filter(|(path, _)| !path.starts_with("x-")) {
        collect(tree, path, item, &mut found, faults);
    }
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (index, operation) in found.iter().enumerate() {
        let Some(id) = operation.id() else { continue };
        if let Some(former) = first.get(id) {
            let places = format!("{} and {}", found[*former].place(), operation.place());
            let message = format!("the operationId `{id}` is defined more than once: {places}");
            faults.push(DocumentFault::new(message, "give each operation a unique operationId"));
        } else {
            first.insert(id, index);
        }
    }
    let words: Vec<_> = found.iter().map(|found| (found.id(), found.method, found.path)).collect();
    let common = requirements(tree);
    let named = found.iter().zip(names::assign(&words));
    named.map(|(found, name)| operation(found, name, common.as_ref())).collect()
}

/// The operations of a path item: its own, then those of the item that it refers to.
fn collect<'d>(
    tree: &'d Json,
    path: &'d str,
    mut item: &'d Json,
    found: &mut Vec<FoundOperation<'d>>,
    faults: &mut Vec<DocumentFault>,
) {
    let start = found.len();
    for _ in 0..MAX_REFERENCES {
        for (method, value) in item.as_object().into_iter().flatten() {
            let lower = method.to_ascii_lowercase();
            if !METHODS.contains(&lower.as_str()) {
                continue;
            }
            if lower != *method {
                let message = format!("the path `{path}` has `{method}`, which is not a method name in OpenAPI");
                faults.push(DocumentFault::new(message, format!("write `{lower}`")));
            } else if !value.is_object() {
                let message = format!("the operation `{} {path}` is not a mapping", method.to_uppercase());
                faults.push(DocumentFault::new(message, "define the operation, at least its `responses`"));
            } else if !found[start..].iter().any(|own| own.method == method) {
                found.push(FoundOperation { path, method, value });
            }
        }
        let Some(target) = reference::of(item) else { return };
        if !target.starts_with('#') {
            faults.push(DocumentFault::new(
                format!("the path `{path}` refers to `{target}`, which is in another document"),
                "bundle all documents into one, for example with `redocly bundle`",
            ));
            return;
        }
        let Some(next) = reference::find(tree, target) else {
            faults.push(DocumentFault::new(
                format!("the path `{path}` refers to `{target}`, which is not in the document"),
                "correct the reference",
            ));
            return;
        };
        item = next;
    }
    faults.push(DocumentFault::new(
        format!("the references of the path `{path}` form a cycle or are nested too deeply"),
        "define the operations in the path itself",
    ));
}

fn operation(found: &FoundOperation<'_>, name: String, common: Option<&Vec<Requirement>>) -> DocumentOperation {
    let tags = found.value.get("tags").and_then(Json::as_array).into_iter().flatten();
    DocumentOperation {
        name,
        operation_id: found.id().map(str::to_owned),
        method: found.method.to_uppercase(),
        path: found.path.to_owned(),
        summary: found.value.get("summary").and_then(text),
        tags: tags.filter_map(text).collect(),
        security: requirements(found.value).or_else(|| common.cloned()),
    }
}
