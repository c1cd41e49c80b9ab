//! Diagnostics as the `results` of the KRM functions specification.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::diag::Diagnostic;
use crate::diag::plain::plain;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FunctionResult {
    message: String,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_ref: Option<ResourceRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<FieldRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<FileRef>,
    tags: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceRef {
    api_version: String,
    kind: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldRef {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed_value: Option<String>,
}

#[derive(Debug, Serialize)]
struct FileRef {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

/// The results, errors first. kpt prints only the message, the resource and the field path, so the message also contains the file and the
/// code.
pub(super) fn results(diagnostics: &[Diagnostic]) -> Vec<FunctionResult> {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by(|a, b| Diagnostic::report_order(a, b));
    sorted.into_iter().map(result).collect()
}

/// Orchestrators print the texts of a result unescaped.
fn result(diagnostic: &Diagnostic) -> FunctionResult {
    let subject = diagnostic.subject.as_ref();
    let file = subject.and_then(|subject| subject.file.as_deref());
    let place = file.map(|file| format!("{file}: ")).unwrap_or_default();
    // The specification allows a field only together with a resourceRef, which requires a name.
    let named = subject.filter(|subject| !subject.name.is_empty());
    FunctionResult {
        message: plain(format_args!("{place}{} [{}]", diagnostic.text(), diagnostic.code)),
        severity: diagnostic.severity.as_str(),
        resource_ref: named.map(|subject| ResourceRef {
            api_version: plain(&subject.api_version),
            kind: plain(&subject.kind),
            name: plain(&subject.name),
            namespace: subject.namespace.as_ref().map(plain),
        }),
        field: named.filter(|_| !diagnostic.field.is_root()).map(|_| FieldRef {
            path: plain(&diagnostic.field),
            proposed_value: diagnostic.proposed.as_ref().map(plain),
        }),
        file: file.map(|path| FileRef { path: plain(path), index: subject.and_then(|subject| subject.index) }),
        tags: BTreeMap::from([("code", diagnostic.code.to_string())]),
    }
}
