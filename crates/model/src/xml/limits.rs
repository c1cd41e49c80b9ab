//! Limits that are checked before a document is parsed: the parser compares each attribute of an element with all others, and functions
//! that walk the tree recurse once per level.

use super::parse::ParseError;

/// The maximum depth of nesting, more than in any file of a bundle.
pub const MAX_DEPTH: usize = 200;

/// The maximum number of attributes of an element, more than in any file of a bundle.
pub(super) const MAX_ATTRIBUTES: usize = 500;

/// The maximum number of nodes, more than in legitimate files of a bundle within Apigee's size limit.
pub(super) const MAX_NODES: u32 = 1_000_000;

/// Looks for elements that are too deep or have too many attributes. Syntax errors are left to the parser.
pub(super) fn check(text: &str) -> Result<(), ParseError> {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let at = text.len() - rest.len() + start;
        let tag = &rest[start..];
        let skipped = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("</", ">"), ("<!", ">")];
        if let Some((open, close)) = skipped.into_iter().find(|(open, _)| tag.starts_with(open)) {
            let Some(end) = tag[open.len()..].find(close) else { return Ok(()) };
            if open == "</" {
                depth = depth.saturating_sub(1);
            }
            rest = &tag[open.len() + end + close.len()..];
            continue;
        }
        let Some(Tag { length, attributes, is_empty }) = Tag::read(tag) else { return Ok(()) };
        if attributes > MAX_ATTRIBUTES {
            return Err(fault(text, at, format!("an element has more than {MAX_ATTRIBUTES} attributes")));
        }
        if depth >= MAX_DEPTH {
            return Err(fault(text, at, format!("elements are nested more than {MAX_DEPTH} levels deep")));
        }
        depth += usize::from(!is_empty);
        rest = &tag[length..];
    }
    Ok(())
}

/// The start of an element.
struct Tag {
    length: usize,
    attributes: usize,
    is_empty: bool,
}

impl Tag {
    fn read(text: &str) -> Option<Self> {
        let (mut attributes, mut quote) = (0, None);
        for (at, byte) in text.bytes().enumerate() {
            match (quote, byte) {
                (Some(open), _) => quote = quote.filter(|_| open != byte),
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => attributes += 1,
                (None, b'>') => return Some(Self { length: at + 1, attributes, is_empty: text[..at].ends_with('/') }),
                (None, _) => {}
            }
        }
        None
    }
}

/// The line and column are computed only for an error.
fn fault(text: &str, at: usize, message: String) -> ParseError {
    let before = text.get(..at).unwrap_or(text);
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    ParseError { line: number(before.matches('\n').count() + 1), column: number(column), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> String {
        format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth))
    }

    #[test]
    fn depth_and_attributes_are_limited() {
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert!(check(&nested(100_000)).unwrap_err().message.contains("200 levels"));
        let attributes = |count: usize| {
            format!("<a>\n <b{}/></a>", (0..count).map(|n| format!(" x{n}='=>'")).collect::<Vec<_>>().concat())
        };
        assert_eq!(check(&attributes(MAX_ATTRIBUTES)), Ok(()));
        let refused = check(&attributes(100_000)).unwrap_err();
        assert_eq!((refused.line, refused.column), (2, 2));
    }

    #[test]
    fn what_is_no_element_does_not_count() {
        let wide = "<b x='/>'><!-- <a> --><![CDATA[<a>]]><?x <a>?></b><c y=\"<\"/>".repeat(1000);
        assert_eq!(check(&format!("<?xml version='1.0'?><a>{wide}</a>")), Ok(()));
        for broken in ["", "<", "<a", "<a x='", "<!--", "</", "<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", "<a></a></a></a>"] {
            assert_eq!(check(broken), Ok(()), "{broken}");
        }
    }
}
