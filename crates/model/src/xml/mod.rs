//! XML: the only module that uses the parser and knows the escaping rules.
//!
//! Generated XML is built as an [`Element`], which has one serialization. XML that a user wrote is parsed to check it, and its bytes are
//! kept: nothing here prints a parsed document.

mod element;
pub mod from_yaml;
mod limits;
mod parse;
mod read;
pub mod to_yaml;

pub use element::{Content, Element, WriteError, forbidden_character, is_name};
pub use limits::MAX_DEPTH;
pub use parse::{Document, Node, ParseError, child_named, children_named, parse, parse_bytes};
pub use read::{Written, read};
