//! Findings as plain text and as commands for GitHub Actions.

use super::{LocatedDiagnostic, counts};
use apigee_flux_model::diag::Severity;
use apigee_flux_model::diag::human::plural;
use apigee_flux_model::diag::plain::{Plain, PlainText, plain};
use apigee_flux_model::diag::snippet::{Colour, message, render};

/// Plain text.
pub(super) fn text(found: &[LocatedDiagnostic], colour: Colour) -> PlainText {
    let mut text = PlainText::new();
    for found in found {
        text.append(&render(&found.diagnostic, found.place.as_ref(), colour));
        text.end();
    }
    let counts = counts(found);
    let count = |severity| counts.get(&severity).copied().unwrap_or_default();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    text.line(format_args!("{}, {}", plural(errors, "error"), plural(warnings, "warning")));
    text
}

/// Workflow commands ("Workflow commands for GitHub Actions"): one line each, in GitHub's own escaping.
pub(super) fn github(found: &[LocatedDiagnostic]) -> PlainText {
    let mut text = PlainText::new();
    for LocatedDiagnostic { diagnostic, place } in found {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let mut properties = Vec::new();
        if let Some(place) = place {
            properties.push(format!("file={}", property(&plain(&place.file))));
            if let Some((line, column)) = place.position {
                properties.push(format!("line={line},col={column}"));
            }
        }
        properties.push(format!("title={}", property(diagnostic.code.as_str())));
        let help = diagnostic.help.as_ref().map(|help| format!("\n{}", Plain(help))).unwrap_or_default();
        let message = escaped(&format!("{}{help}", Plain(message(diagnostic, place.as_ref()))));
        text.command(command, properties.join(","), message);
    }
    text
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::diag::snippet::SourcePlace;
    use apigee_flux_model::diag::{Code, Diagnostic};

    #[test]
    fn what_steers_github_is_escaped() {
        let place =
            SourcePlace { file: "a,b:c/50%.xml".to_owned(), position: Some((3, 4)), line: None, in_bundle: false };
        let diagnostic = Diagnostic::warning(Code::InvalidRate, "100% wrong: x, y").help("do");
        assert_eq!(
            github(&[LocatedDiagnostic { diagnostic, place: Some(place) }]).as_str(),
            "::warning file=a%2Cb%3Ac/50%25.xml,line=3,col=4,title=AF070::100%25 wrong: x, y%0Ado\n"
        );
    }
}
