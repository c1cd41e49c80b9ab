//! The reference page of diagnostics.

use std::fmt::Write as _;

use super::GENERATED;
use apigee_flux_model::diag::Code;

/// Every code with its description.
pub fn codes() -> String {
    let mut page = format!(
        "{GENERATED}\n# Diagnostics\n\nEach finding is one line: the file, the resource, the field, what is wrong, what is allowed and how to fix it, \
         with its code in brackets.\nIf any finding is an error, no output is written.\n"
    );
    for code in Code::ALL {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {code} {code:?}\n\n{}\n", code.doc());
    }
    page
}
