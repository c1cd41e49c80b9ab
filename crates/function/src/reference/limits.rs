//! The page of what Apigee takes.

use std::fmt::Write as _;

use super::{GENERATED, cell};
use apigee_flux_model::limits::{COUNTS, TEXTS, Unit};

/// Every rule with its source.
pub fn limits() -> String {
    let mut page = format!(
        "{GENERATED}\n# What Apigee takes\n\nNames, lengths, characters and counts, as Google documents them. What is outside is an error of the \
         check, and the sandbox answers it with 400.\n\n| what | length | allowed | source |\n|---|---|---|---|\n"
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
    page.push_str("\n| what | most | source |\n|---|---|---|\n");
    for rule in COUNTS {
        let planned = if rule.is_enforced { "" } else { " (Apigee plans to refuse more)" };
        let _ = writeln!(page, "| {} | {} {}{planned} | <{}> |", cell(rule.of), rule.max, cell(rule.what), rule.source);
    }
    page
}
