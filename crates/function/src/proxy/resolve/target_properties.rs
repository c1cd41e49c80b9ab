//! `targets[].properties`.

use super::target_fields::TargetFields;
use crate::spec::ApigeeProxySpec;
use crate::spec::target::Target;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// The properties that stream a body, so that it is never available as a whole.
const STREAMING: [&str; 2] = ["request.streaming.enabled", "response.streaming.enabled"];

/// The properties of a target by name.
pub(super) fn resolve(
    target: &Target,
    spec: &ApigeeProxySpec,
    place: &TargetFields,
    report: &mut Report<'_>,
) -> Vec<(String, String)> {
    let timeouts = target.timeouts.clone().unwrap_or_default();
    let by_word = [("connect.timeout.millis", timeouts.connect), ("io.timeout.millis", timeouts.read)];
    let endpoints = spec.endpoints.iter().map(|endpoint| endpoint.ai.as_ref());
    let has_ai = endpoints.chain([spec.ai.as_ref()]).flatten().any(|ai| ai.on().is_some());
    for (name, value) in &target.properties {
        let at = place.key("properties").key(name.as_str());
        if !name.starts_with(|c: char| c.is_ascii_lowercase())
            || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '.')
            || value.trim().is_empty()
        {
            report.push(
                Diagnostic::error(Code::InvalidValue, format!("`{name}: {value}` is not a valid endpoint property"))
                    .at(&at)
                    .help("write a property that Apigee defines, for example `keepalive.timeout.millis: \"30000\"`"),
            );
        }
        if by_word.iter().any(|(property, given)| property == name && given.is_some()) {
            report.push(
                Diagnostic::error(Code::ConflictingFields, format!("`{name}` is already set by `timeouts`"))
                    .at(&at)
                    .help("remove one of the two"),
            );
        }
        if STREAMING.contains(&name.as_str()) && value == "true" && has_ai {
            streamed(name, &at, report);
        }
    }
    target.properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn streamed(name: &str, at: &FieldPath, report: &mut Report<'_>) {
    report.push(
        Diagnostic::error(Code::ConflictingFields, format!("`{name}` cannot be combined with `ai`")).at(at).help(
            "`ai` reads complete prompts and answers, which do not exist when they are streamed: remove one of the two",
        ),
    );
}
