//! Parses XML that a user wrote, to check it.

use roxmltree::ParsingOptions;
pub use roxmltree::{Document, Node};

use crate::encoding::other_encoding;

use super::limits::{self, MAX_NODES};

/// A syntax error in an XML text, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
    /// What is wrong: one line.
    pub message: String,
}

/// Parses a document. A document type definition is rejected: Apigee does not need one, and its entities could refer to files of this
/// machine or expand without bound.
pub fn parse(text: &str) -> Result<Document<'_>, ParseError> {
    limits::check(text)?;
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| {
        let at = error.pos();
        let message = match &error {
            roxmltree::Error::DtdDetected => "a document type definition (<!DOCTYPE …>) is not allowed".to_owned(),
            roxmltree::Error::NodesLimitReached => format!("the document has more than {MAX_NODES} nodes"),
            roxmltree::Error::NoRootNode => "the document has no element".to_owned(),
            other => other.to_string().trim_end_matches(&format!(" at {at}")).to_owned(),
        };
        ParseError { line: at.row, column: at.col, message }
    })
}

/// The child elements with a name.
pub fn children_named<'a, 'i>(node: Node<'a, 'i>, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The first child element with a name.
pub fn child_named<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    children_named(node, name).next()
}

/// Parses a file's bytes, which must be UTF-8.
pub fn parse_bytes(bytes: &[u8]) -> Result<Document<'_>, ParseError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let column = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        ParseError {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(String::from_utf8_lossy(column).chars().count() + 1).unwrap_or(u32::MAX),
            message: not_utf8(bytes),
        }
    })?;
    parse(text)
}

/// The message for a file that is not UTF-8: its encoding, if its first bytes show it, and how to convert it. Apigee's own parser may
/// support other encodings; this program does not, because it changes the root file and reports places.
fn not_utf8(bytes: &[u8]) -> String {
    let declaration = String::from_utf8_lossy(bytes.get(..bytes.len().min(200)).unwrap_or_default()).into_owned();
    let declared = declaration
        .split_once("?>")
        .and_then(|(declaration, _)| declaration.strip_prefix("<?xml")?.split_once("encoding"))
        .and_then(|(_, rest)| rest.trim_start_matches([' ', '=']).split(['"', '\'']).nth(1).map(str::to_owned))
        .filter(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)));
    // The bytes take precedence over the XML declaration.
    let shown = other_encoding(bytes).map(|(name, iconv)| (name.to_owned(), iconv.to_owned()));
    let declared = declared.filter(|name| !name.eq_ignore_ascii_case("utf-8")).map(|name| (name.clone(), name));
    match shown.or(declared) {
        Some((name, iconv)) => format!(
            "the file is {name}, not UTF-8; convert it with `iconv -f {iconv} -t UTF-8` and write `encoding=\"UTF-8\"` in its XML declaration"
        ),
        None => "the file is not UTF-8; save it as UTF-8".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &[u8]) -> String {
        parse_bytes(text).unwrap_err().to_string()
    }

    #[test]
    fn an_error_says_where_and_what() {
        assert_eq!(message(b"<A>\n  <B></A>"), "line 2, column 6: expected 'B' tag, not 'A'");
        assert_eq!(message(b""), "line 1, column 1: the document has no element");
        assert_eq!(message(b"<A>\n caf\xe9</A>"), "line 2, column 5: the file is not UTF-8; save it as UTF-8");
    }

    #[test]
    fn a_document_type_definition_is_refused() {
        let text = b"<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>\n<a>&x;</a>";
        assert!(message(text).contains("a document type definition (<!DOCTYPE …>) is not allowed"));
    }

    #[test]
    fn another_encoding_is_named_with_the_command_that_converts_it() {
        let latin = message(b"<?xml version=\"1.0\" encoding='ISO-8859-1'?>\n<A>caf\xe9</A>");
        assert_eq!(
            latin,
            "line 2, column 7: the file is ISO-8859-1, not UTF-8; convert it with `iconv -f ISO-8859-1 -t UTF-8` and write \
             `encoding=\"UTF-8\"` in its XML declaration"
        );
        assert!(message(b"\xff\xfe<\0A\0/\0>\0").contains("the file is UTF-16, not UTF-8"));
        // The bytes take precedence: the declaration of this file is wrong, but the file is readable.
        assert!(parse_bytes(b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><A>plain</A>").is_ok());
    }

    #[test]
    fn a_byte_order_mark_is_no_fault() {
        assert!(parse_bytes(b"\xEF\xBB\xBF<A/>").is_ok());
    }
}
