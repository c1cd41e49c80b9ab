//! YAML: the only module that uses the parser and the serializer.
//!
//! Reading keeps the source text of scalars (`1.20`, `on`, `0777`) and the place of each part. Writing quotes strings that a YAML 1.1 reader
//! would convert to another type.

mod budget;
pub mod decode;
mod encode;
mod node;
mod verbatim;
pub mod word_or;

pub(crate) use budget::BudgetMark;
pub use budget::{AliasBudget, MAX_DEPTH};
pub use encode::{encode, encode_flow, encode_json};
pub use node::{Entry, ScalarStyle, Value, YamlNode, is_integer, is_number};
pub use verbatim::Verbatim;

use std::ops::Range;

/// A range of bytes in a source text.
pub type Span = Range<usize>;

/// A syntax error in a YAML text, or an exceeded limit, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// What is wrong: one line.
    pub message: String,
    /// The byte offset of the error.
    pub offset: usize,
    /// How to fix it, if the text exceeds a limit of [`AliasBudget`].
    pub too_large: Option<&'static str>,
}

/// The start of the line of a byte. As in YAML, a carriage return alone also ends a line (YAML 1.2.2, production `b-break`).
pub fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind(['\n', '\r']).map_or(0, |end| end + 1)
}

/// Line and column (in characters), both from 1, of a byte in a text. A byte order mark is not counted as a column.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}
