//! What the types say about themselves: JSON schemas for editors, and the pages of the reference.
//!
//! Nothing here is written by hand: a field's text is its doc comment, a code's is its paragraph, a policy's is its line.
//! `tests/cases/reference.rs` holds the pages in the repository to what this makes.

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

/// The remark at the top of each page.
const GENERATED: &str = "<!-- Made from the source by `UPDATE=1 cargo test -p apigee-flux-function --test cases reference`; change the doc comments there. -->\n";

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
