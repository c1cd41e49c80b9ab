//! The reference page of policies.

use std::fmt::Write as _;

use super::{GENERATED, cell};
use apigee_flux_analysis::policy::{Class, POLICIES};

/// Every policy with its prefix, class and description.
pub fn policies() -> String {
    let mut page = format!(
        "{GENERATED}\n# Policies\n\nThe names of generated policies start with the prefix. One extensible policy makes the whole proxy extensible: an extensible proxy \
         costs more, and base environments do not allow it.\n\n| root element | prefix | class | description |\n|---|---|---|---|\n"
    );
    for policy in POLICIES {
        let class = match policy.class {
            Class::Standard => "standard",
            Class::Extensible => "extensible",
            Class::Unstated => "not stated by Google",
        };
        let _ = writeln!(page, "| {} | {} | {class} | {} |", policy.element, policy.prefix, cell(policy.doc));
    }
    page
}
