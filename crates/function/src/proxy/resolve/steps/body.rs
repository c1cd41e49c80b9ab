//! Bodies that steps write.

use super::super::super::credential;
use super::Direction;
use crate::spec::step::Body;
use apigee_flux_analysis::policy::message_parts::Payload;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// The body's text and type.
pub(super) fn payload(body: &Body, at: &FieldPath, report: &mut Report<'_>) -> Payload {
    let (text, default) = match (&body.json, &body.text) {
        (Some(json), None) => (escaped(json).to_string(), "application/json"),
        (None, Some(text)) => (text.clone(), "text/plain"),
        (json, _) => {
            let found = if json.is_some() { "both" } else { "none" };
            report.push(
                Diagnostic::error(
                    Code::ConflictingFields,
                    format!("a body needs either `json` or `text`, found {found}"),
                )
                .at(at)
                .help("`json` is any value, written as YAML; `text` is the body exactly as it is sent"),
            );
            (String::new(), "text/plain")
        }
    };
    credential::check_text(&text, at, report);
    let content_type = body.content_type.clone().unwrap_or_else(|| default.to_owned());
    if content_type.is_empty() || content_type.chars().any(char::is_control) {
        report.error(
            Code::InvalidValue,
            at.key("contentType"),
            format!("{content_type:?} is not a media type; write for example `application/json`"),
        );
    }
    Payload { content_type, text }
}

/// The value with the variables in its texts escaped, so that their values stay inside the JSON strings.
fn escaped(json: &serde_json::Value) -> serde_json::Value {
    match json {
        serde_json::Value::String(text) => escape_variables(text).into(),
        serde_json::Value::Array(items) => items.iter().map(escaped).collect(),
        serde_json::Value::Object(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), escaped(value))).collect()
        }
        other => other.clone(),
    }
}

/// Replaces `{a.b}` by `{escapeJSON(a.b)}`; all other text in braces stays: functions, and text that is not a variable.
pub(super) fn escape_variables(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        rest = after;
        let inner = after.split_once('}').map(|(inner, _)| inner).filter(|inner| is_variable(inner));
        match inner {
            Some(inner) => {
                out.push_str("{escapeJSON(");
                out.push_str(inner);
                out.push_str(")}");
                rest = &after[inner.len() + 1..];
            }
            None => out.push('{'),
        }
    }
    out.push_str(rest);
    out
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))
}

/// The condition that a message has a body.
pub(super) fn has_body(source: &str) -> String {
    format!("({source}.content != null) and ({source}.content != \"\")")
}

/// The message of the flow, or the variable that a step names.
pub(super) fn source(from: Option<&str>, direction: Direction) -> String {
    from.unwrap_or(direction.message()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_escaped_and_nothing_else() {
        for (text, expected) in [
            ("{request.header.host}", "{escapeJSON(request.header.host)}"),
            ("a {b} c {d-e.f}", "a {escapeJSON(b)} c {escapeJSON(d-e.f)}"),
            ("{upper(a)} {} {1} {a b} {", "{upper(a)} {} {1} {a b} {"),
        ] {
            assert_eq!(escape_variables(text), expected);
        }
    }
}
