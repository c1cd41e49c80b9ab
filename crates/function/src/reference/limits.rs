//! The reference page of Apigee's limits.

use std::fmt::Write as _;

use super::{GENERATED, cell};
use apigee_flux_model::limits::{COUNTS, TEXTS, Unit};

/// Every rule with its source.
pub fn limits() -> String {
    let mut page = format!(
        "{GENERATED}\n# Limits of Apigee\n\nNames, lengths, characters and counts, as documented by Google. A value outside of them is an error of the \
         check, and the sandbox responds with 400.\n\n| value | length | allowed | source |\n|---|---|---|---|\n"
    );
    for rule in TEXTS {
        let unit = match rule.unit {
            Unit::Characters => "characters",
            Unit::Bytes => "bytes",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| {} | {} to {} {unit} | {} | <{}> |",
            cell(rule.of),
            rule.min,
            rule.max,
            cell(rule.form),
            rule.source
        );
    }
    page.push_str("\n| object | maximum | source |\n|---|---|---|\n");
    for rule in COUNTS {
        let planned = if rule.is_enforced { "" } else { " (not enforced by Apigee yet)" };
        let _ = writeln!(page, "| {} | {} {}{planned} | <{}> |", cell(rule.of), rule.max, cell(rule.what), rule.source);
    }
    page
}
