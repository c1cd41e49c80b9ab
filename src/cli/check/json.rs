//! Findings as JSON.

use serde::Serialize;

use super::LocatedDiagnostic;
use apigee_flux_model::diag::plain::{PlainText, plain};
use apigee_flux_model::diag::snippet::message;

/// One finding. Unknown fields are omitted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonFinding<'f> {
    code: &'static str,
    severity: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'f str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

/// A list of objects.
pub(super) fn json(found: &[LocatedDiagnostic]) -> anyhow::Result<PlainText> {
    let findings: Vec<JsonFinding<'_>> = found
        .iter()
        .map(|LocatedDiagnostic { diagnostic, place }| {
            let position = place.as_ref().and_then(|place| place.position);
            JsonFinding {
                code: diagnostic.code.as_str(),
                severity: diagnostic.severity.as_str(),
                message: plain(message(diagnostic, place.as_ref())),
                help: diagnostic.help.as_ref().map(plain),
                file: place.as_ref().map(|place| place.file.as_str()),
                line: position.map(|(line, _)| line),
                column: position.map(|(_, column)| column),
                resource: diagnostic
                    .subject
                    .as_ref()
                    .map(|subject| plain(subject.label()))
                    .filter(|label| !label.is_empty()),
                field: (!diagnostic.field.is_root()).then(|| plain(&diagnostic.field)),
            }
        })
        .collect();
    Ok(PlainText::of_json(&serde_json::to_string_pretty(&findings)?))
}
