//! The documentation that is generated from the types: JSON schemas for editors, and the reference pages.
//!
//! Nothing here is written manually: the text of a field is its doc comment, the text of a code or of a policy is its
//! description. `tests/cases/reference.rs` checks that the pages in the repository are up to date.

mod codes;
mod kind;
mod limits;
mod order;
mod policies;
mod schema;

pub use codes::codes;
pub use kind::kind;
pub use limits::limits;
pub use order::order;
pub use policies::policies;
pub use schema::schema;

use crate::spec::KINDS;

/// Every page of the reference: file name and text.
pub fn pages() -> Vec<(String, String)> {
    let kinds = KINDS.iter().map(|known| (format!("{}.md", known.name), kind(known)));
    let more = [("diagnostics.md", codes()), ("limits.md", limits()), ("policies.md", policies())];
    kinds.chain(more.map(|(name, page)| (name.to_owned(), page))).collect()
}

/// The comment at the top of each page.
const GENERATED: &str = "<!-- Generated from the source by `UPDATE=1 cargo test -p apigee-flux-function --test cases reference`; change the doc comments there. -->\n";

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
