//! XML: the only place that knows its parser and its escaping rules.
//!
//! What we make is an [`Element`] and is written one way only. What a user wrote is parsed to be checked and leaves as
//! the bytes it came: nothing here prints a parsed document.

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
