//! The page of diagnostics.

use std::fmt::Write as _;

use super::GENERATED;
use apigee_flux_model::diag::Code;

/// Every code with its paragraph.
pub fn codes() -> String {
    let mut page = format!(
        "{GENERATED}\n# Diagnostics\n\nEach finding names the file, the resource, the field, what is wrong, what is allowed and the way out, on one \
         line; its code stands in brackets.\nWith one error among the findings nothing is written.\n"
    );
    for code in Code::ALL {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {code} {code:?}\n\n{}\n", code.doc());
    }
    page
}
