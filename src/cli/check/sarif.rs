//! Findings as SARIF 2.1.0.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::LocatedDiagnostic;
use apigee_flux_model::diag::plain::{PlainText, plain};
use apigee_flux_model::diag::snippet::{SourcePlace, message};
use apigee_flux_model::diag::{Code, Severity};

/// One run with the rules of its findings.
pub(super) fn sarif(found: &[LocatedDiagnostic]) -> anyhow::Result<PlainText> {
    let codes: Vec<Code> =
        found.iter().map(|found| found.diagnostic.code).collect::<BTreeSet<_>>().into_iter().collect();
    let rules: Vec<Value> =
        codes.iter().map(|code| json!({"id": code.as_str(), "fullDescription": {"text": code.doc()}})).collect();
    let results: Vec<Value> = found
        .iter()
        .map(|LocatedDiagnostic { diagnostic, place }| {
            let level = match diagnostic.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "note",
            };
            let help = diagnostic.help.as_ref().map(|help| format!("; {help}")).unwrap_or_default();
            let mut result = json!({
                "ruleId": diagnostic.code.as_str(),
                "ruleIndex": codes.iter().position(|code| *code == diagnostic.code),
                "level": level,
                "message": {"text": plain(format_args!("{}{help}", message(diagnostic, place.as_ref())))},
            });
            if let Some(place) = place {
                result["locations"] = json!([{"physicalLocation": location(place)}]);
            }
            result
        })
        .collect();
    let report = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "apigee-flux", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    Ok(PlainText::of_json(&serde_json::to_string_pretty(&report)?))
}

fn location(place: &SourcePlace) -> Value {
    let mut location = json!({"artifactLocation": {"uri": uri(&place.file)}});
    if let Some((line, column)) = place.position {
        location["region"] = json!({"startLine": line, "startColumn": column});
    }
    location
}

/// A path as a relative or absolute URI (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri() {
        assert_eq!(uri("a b/ü:1.xml"), "a%20b/%C3%BC%3A1.xml");
    }
}
