//! `bundle`: checks that it is not combined with other fields and has exactly one source.

use crate::spec::BundleSource;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// Reports the fields `beside`, which cannot be combined with `bundle`, and a `bundle` with no source or several
/// sources.
pub(in crate::proxy) fn check_bundle_source(source: &BundleSource, beside: &[&str], report: &mut Report<'_>) {
    for field in beside {
        report.push(
            Diagnostic::error(Code::ConflictingFields, format!("`{field}` cannot be combined with `bundle`"))
                .at(FieldPath::of(&["spec", field]))
                .help("a `bundle` is deployed unchanged: remove the field or the bundle"),
        );
    }
    let given = source.given();
    if given.len() != 1 {
        let found = if given.is_empty() { "none".to_owned() } else { given.join(", ") };
        report.push(
            Diagnostic::error(Code::ConflictingFields, format!("`bundle` needs exactly one source, found {found}"))
                .at(FieldPath::of(&["spec", "bundle"]))
                .help("write one of `configMapRef`, `files` and `path`"),
        );
    }
}
