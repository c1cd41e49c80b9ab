//! Splits a stream into documents.
//!
//! A line that begins with `---` or `...` is always a marker (YAML 1.2.2, production `c-forbidden`), so documents can be split without parsing
//! them. Each document is then parsed alone, without its byte order mark: editors on Windows write one at the start of each file, and `cat`
//! and templates move it into the middle of a stream, where the parser rejects it.

use crate::yaml::Span;

/// Marks the encoding of a text and is not part of it.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// One document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DocumentPart {
    /// The whole document with its markers; the parts cover the text without gaps.
    pub chunk: Span,
    /// The text to parse.
    pub text: Span,
    /// True if it begins with `---`: then it needs no marker when the document before it is removed.
    pub marked: bool,
}

/// The role of a line in the structure of a stream.
enum LineRole {
    Start {
        bare: bool,
    },
    End,
    /// An empty line, a comment or a directive.
    Prefix,
    Content,
}

/// The documents of a text.
pub(super) fn parts(source: &str) -> Vec<DocumentPart> {
    let mut parts = Vec::new();
    let mut part = Open::at(0);
    let mut at = 0;
    for whole in source.split_inclusive('\n') {
        let (start, end) = (at, at + whole.len());
        at = end;
        let line = whole.trim_start_matches(BYTE_ORDER_MARK);
        let content = end - line.len();
        match kind(line, part.marked) {
            LineRole::Start { bare } => {
                if part.marked || part.has_content {
                    parts.push(part.close(start));
                    part = Open::at(start);
                }
                part.marked = true;
                part.prefix(start, content);
                part.has_content = !bare;
            }
            LineRole::End => {
                parts.push(part.close(end));
                part = Open::at(end);
            }
            LineRole::Prefix => part.prefix(start, content),
            LineRole::Content => {
                part.prefix(start, content);
                part.has_content = true;
            }
        }
    }
    if part.start < source.len() {
        parts.push(part.close(source.len()));
    }
    parts
}

/// A document whose end is not known yet.
struct Open {
    start: usize,
    text: usize,
    marked: bool,
    has_content: bool,
}

impl Open {
    fn at(start: usize) -> Self {
        Self { start, text: start, marked: false, has_content: false }
    }

    /// A line before the content, or the first line of the content: the text to parse starts after a byte order mark.
    fn prefix(&mut self, start: usize, content: usize) {
        if !self.has_content && content > start {
            self.text = content;
        }
    }

    fn close(&self, end: usize) -> DocumentPart {
        DocumentPart { chunk: self.start..end, text: self.text..end, marked: self.marked }
    }
}

fn kind(line: &str, marked: bool) -> LineRole {
    let behind = |marker: &str| {
        line.strip_prefix(marker).filter(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']))
    };
    if let Some(rest) = behind("---") {
        let rest = rest.trim();
        return LineRole::Start { bare: rest.is_empty() || rest.starts_with('#') };
    }
    if behind("...").is_some() {
        return LineRole::End;
    }
    let text = line.trim();
    if text.is_empty() || text.starts_with('#') || (!marked && line.starts_with('%')) {
        return LineRole::Prefix;
    }
    LineRole::Content
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[(&str, &str)]) {
        let parts = parts(source);
        let found: Vec<(&str, &str)> =
            parts.iter().map(|part| (&source[part.chunk.clone()], &source[part.text.clone()])).collect();
        assert_eq!(found, expected);
        assert_eq!(parts.iter().map(|part| &source[part.chunk.clone()]).collect::<String>(), source);
    }

    #[test]
    fn markers_tell_documents_apart() {
        check("a: 1\n---\nb: 2\n", &[("a: 1\n", "a: 1\n"), ("---\nb: 2\n", "---\nb: 2\n")]);
        check("# h\n---\na: 1\n", &[("# h\n---\na: 1\n", "# h\n---\na: 1\n")]);
        check("%YAML 1.2\n---\na: 1\n", &[("%YAML 1.2\n---\na: 1\n", "%YAML 1.2\n---\na: 1\n")]);
        check("a: 1\n...\nb: 2\n", &[("a: 1\n...\n", "a: 1\n...\n"), ("b: 2\n", "b: 2\n")]);
        check("--- {a: 1}\n--- {b: 2}", &[("--- {a: 1}\n", "--- {a: 1}\n"), ("--- {b: 2}", "--- {b: 2}")]);
        check("---\r\na: 1\r\n---\r\n", &[("---\r\na: 1\r\n", "---\r\na: 1\r\n"), ("---\r\n", "---\r\n")]);
        check("", &[]);
    }

    #[test]
    fn what_only_looks_like_a_marker_ends_nothing() {
        for source in ["a: |\n  ---\n  ...\n", "a: 1\n---b: 2\n", "a: '--- x'\n", "a: 1 # ---\n"] {
            check(source, &[(source, source)]);
        }
    }

    #[test]
    fn a_document_is_parsed_behind_its_byte_order_mark() {
        check("\u{feff}a: 1\n", &[("\u{feff}a: 1\n", "a: 1\n")]);
        check("\u{feff}---\na: 1\n", &[("\u{feff}---\na: 1\n", "---\na: 1\n")]);
        check("\u{feff}# c\na: 1\n", &[("\u{feff}# c\na: 1\n", "# c\na: 1\n")]);
        check("---\n\u{feff}# c\na: 1\n", &[("---\n\u{feff}# c\na: 1\n", "# c\na: 1\n")]);
        check("--- # c\n\n\u{feff}a: 1\n", &[("--- # c\n\n\u{feff}a: 1\n", "a: 1\n")]);
        check("a: 1\n\u{feff}---\nb: 2\n", &[("a: 1\n", "a: 1\n"), ("\u{feff}---\nb: 2\n", "---\nb: 2\n")]);
        check("a: 1\n\u{feff}b: 2\n", &[("a: 1\n\u{feff}b: 2\n", "a: 1\n\u{feff}b: 2\n")]);
    }
}
