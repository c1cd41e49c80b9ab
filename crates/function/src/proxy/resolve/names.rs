//! Names that become files, attributes and headers.

use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::limits::texts;

/// True for letters, digits and the characters `more`, starting with a letter or digit.
fn is_name(text: &str, more: &str, longest: usize) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= longest
        && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

/// Checks the name of a proxy or a shared flow: it is a file name, a part of a URL and a label of logs. `given` says
/// whether the spec sets it.
pub(in crate::proxy) fn check_resource(kind: BundleKind, name: &str, given: bool, report: &mut Report<'_>) {
    if texts::BUNDLE.check(name).is_ok() && name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return;
    }
    let at = if given { FieldPath::of(&["spec", "name"]) } else { FieldPath::of(&["metadata", "name"]) };
    let message = format!("`{name}` is not a name that Apigee accepts for a {}", kind.noun());
    report.push(
        Diagnostic::error(Code::InvalidValue, message)
            .at(at)
            .help("use up to 255 letters, digits, `.`, `_` and `-`, starting with a letter or digit"),
    );
}

/// Checks the name of an endpoint or a target.
pub(super) fn check_file_name(what: &str, name: &str, at: &FieldPath, report: &mut Report<'_>) {
    if !is_name(name, "._-", 255) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a valid name for {} {what}", article(what)))
                .at(at)
                .help("use up to 255 letters, digits, `.`, `_` and `-`, starting with a letter or digit"),
        );
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// Checks the name of a policy, or of an operation, which becomes part of a policy's name.
pub(super) fn check_policy(what: &str, name: &str, at: &FieldPath, report: &mut Report<'_>) {
    if !is_name(name, " ._-", 255) || name.ends_with(' ') {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a valid name for {} {what}", article(what)))
                .at(at)
                .help("use up to 255 letters, digits, spaces, `.`, `_` and `-`, starting with a letter or digit"),
        );
    }
}

/// Checks the name of a header (RFC 9110, token).
pub(super) fn check_header(name: &str, at: &FieldPath, report: &mut Report<'_>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(allowed) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a valid header name"))
                .at(at)
                .help("use letters, digits and `-`"),
        );
    }
}

/// Checks the value of a header.
pub(super) fn check_header_value(name: &str, value: &str, at: &FieldPath, report: &mut Report<'_>) {
    check_header(name, at, report);
    if value.contains(['\r', '\n']) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("the value of the header `{name}` has more than one line"))
                .at(at)
                .help("a line break would start another header: write it on one line"),
        );
    }
}

/// Checks the name of a query parameter or a flow variable, which must be usable in templates and `ref` attributes.
pub(super) fn check_variable(what: &str, name: &str, at: &FieldPath, report: &mut Report<'_>) {
    if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || "{}\"'<>&=".contains(c)) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a valid name for a {what}"))
                .at(at)
                .help("write only the name, without braces, quotes or spaces"),
        );
    }
}

/// Checks the name of a key value map.
pub(super) fn check_map(name: &str, at: &FieldPath, report: &mut Report<'_>) {
    if !is_name(name, "._-", 255) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a valid name for a key value map"))
                .at(at)
                .help("use up to 255 letters, digits, `.`, `_` and `-`, starting with a letter or digit"),
        );
    }
}

/// Checks the key of an entry of a key value map.
pub(super) fn check_map_key(key: &str, at: &FieldPath, report: &mut Report<'_>) {
    if key.trim() != key || key.is_empty() || key.contains(|c: char| c.is_control() || "{}".contains(c)) {
        report.push(
            Diagnostic::error(
                Code::InvalidValue,
                format!("`{key}` is not a valid key for an entry of a key value map"),
            )
            .at(at)
            .help("write only the key, without braces and without leading or trailing spaces"),
        );
    }
}
