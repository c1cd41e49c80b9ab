//! A place in a bundle. Its line and column are computed only when it is shown.

use std::fmt;

use crate::bundle::BundlePath;
use crate::xml::Node;

/// An offset in a file.
#[derive(Clone, Copy)]
pub struct BundlePlace<'d> {
    /// The file.
    pub path: &'d BundlePath,
    text: &'d str,
    offset: usize,
}

impl<'d> BundlePlace<'d> {
    /// The start of an element or a text.
    pub fn of(path: &'d BundlePath, node: Node<'d, 'd>) -> Self {
        Self { path, text: node.document().input_text(), offset: node.range().start }
    }

    /// The byte offset in the file, from 0.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Line and column, both from 1; the column counts characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        crate::yaml::line_and_column(self.text, self.offset)
    }

    /// The place where the text of an element starts, after leading white space; the element's own place if it has no text.
    pub(super) fn of_text(path: &'d BundlePath, node: Node<'d, 'd>) -> Self {
        let Some(child) = node.children().find(Node::is_text) else { return Self::of(path, node) };
        let place = Self::of(path, child);
        let raw = place.text.get(place.offset..).unwrap_or_default();
        let raw = raw.strip_prefix("<![CDATA[").unwrap_or(raw);
        let blank = raw.len() - raw.trim_start().len();
        let start = place.text.len() - raw.len() + blank;
        Self { offset: start, ..place }
    }

    /// The place of byte `offset` of `text`, which starts here and may be written with entities.
    pub(super) fn inside(&self, text: &str, offset: usize) -> Self {
        let raw = self.text.get(self.offset..).unwrap_or_default();
        let mut read = 0;
        let mut at = 0;
        while read < offset {
            let (Some(rest), Some(character)) = (raw.get(at..), text.get(read..).and_then(|rest| rest.chars().next()))
            else {
                break;
            };
            // An entity is one character of the text.
            at += match rest.strip_prefix('&').and_then(|entity| entity.find(';')) {
                Some(end) => end + 2,
                None => rest.chars().next().map_or(1, char::len_utf8),
            };
            read += character.len_utf8();
        }
        Self { offset: self.offset + at, ..*self }
    }
}

impl fmt::Debug for BundlePlace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_and_column();
        write!(f, "{}:{line}:{column}", self.path)
    }
}
