//! Diagnostics as text for stderr: one line each, errors first, a count at the end.

use std::fmt::Write as _;

use super::plain::PlainText;
use super::{Diagnostic, Severity};

/// Finds the line and column of a diagnostic. The caller implements it, because it has the text.
pub type Locate<'a> = &'a dyn Fn(&Diagnostic) -> Option<(usize, usize)>;

/// One line, with active characters not yet escaped: `error[AF010]: proxy.yaml:4:3: ApigeeProxy/orders spec.baspath: unknown field …`.
fn line(diagnostic: &Diagnostic, locate: Locate<'_>) -> String {
    let mut text = format!("{}[{}]: ", diagnostic.severity.as_str(), diagnostic.code);
    let position = diagnostic.position.or_else(|| locate(diagnostic));
    if let Some(subject) = &diagnostic.subject {
        if let Some(file) = &subject.file {
            text.push_str(file);
            if let Some((line, column)) = position {
                let _ = write!(text, ":{line}:{column}");
            }
            text.push_str(": ");
        }
        let label = subject.label();
        if !label.is_empty() {
            text.push_str(&label);
            text.push_str(if diagnostic.field.is_root() { ": " } else { " " });
        }
    } else if let Some((line, column)) = position {
        let _ = write!(text, "line {line}, column {column}: ");
    }
    if !diagnostic.field.is_root() {
        let _ = write!(text, "{}: ", diagnostic.field);
    }
    text.push_str(&diagnostic.text());
    text
}

/// All lines in the order of a report, and the counts if there is an error. Empty if there are no findings.
pub fn report(diagnostics: &[Diagnostic], locate: Locate<'_>) -> PlainText {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by(|a, b| Diagnostic::report_order(a, b));
    let mut text = PlainText::new();
    for diagnostic in &sorted {
        text.line(line(diagnostic, locate));
    }
    let count = |severity| sorted.iter().filter(|d| d.severity == severity).count();
    let errors = count(Severity::Error);
    if errors > 0 {
        let warnings = count(Severity::Warning);
        let (errors, warnings) = (plural(errors, "error"), plural(warnings, "warning"));
        text.line(format_args!("{errors}, {warnings}; nothing was changed"));
    }
    text
}

/// A number and its noun.
pub fn plural(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
