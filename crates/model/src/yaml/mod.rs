//! YAML: the only place that knows the parser and the serializer.
//!
//! Reading keeps what was written: a scalar's source text (`1.20`, `on`, `0777`) and where each part stands. Writing
//! quotes whatever a YAML 1.1 reader would turn into another type.

mod budget;
pub mod decode;
mod encode;
mod node;
mod verbatim;
pub mod word_or;

pub use budget::{Budget, MAX_DEPTH};
pub use encode::{encode, encode_flow, encode_json};
pub use node::{Entry, Node, ScalarStyle, Value, is_integer, is_number};
pub use verbatim::Verbatim;

use std::ops::Range;

/// A place in a source text, in bytes.
pub type Span = Range<usize>;

/// Text that is not YAML, with the place where it stops being so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// What is wrong: one line.
    pub message: String,
    /// The byte where it is wrong.
    pub offset: usize,
    /// What to do instead, if the text may be YAML but exceeds a limit of [`Budget`].
    pub too_large: Option<&'static str>,
}

/// Where the line of a byte starts, as YAML counts lines: a carriage return alone ends one too (YAML 1.2.2, production `b-break`).
pub fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind(['\n', '\r']).map_or(0, |end| end + 1)
}

/// Line and column (in characters), both from 1, of a byte in a text. A byte order mark is no column.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let column = before[line_start..].trim_start_matches('\u{feff}').chars().count() + 1;
    (before.matches('\n').count() + 1, column)
}
