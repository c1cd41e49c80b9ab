//! A canonical form of XML in which equal meaning is equal text, for files that Apigee or an editor has rewritten.
//!
//! Attributes are sorted. Comments and white space between elements are omitted; a CDATA section becomes its text.
//! White space inside a text is kept: in a payload or a separator it is significant.

use apigee_flux_model::xml::{self, Content, Element};

/// The canonical element of a file; `None` for anything except XML of the form that Apigee reads.
pub fn canonical(bytes: &[u8]) -> Option<Element> {
    let text = std::str::from_utf8(bytes).ok()?;
    xml::read(text).ok().map(|written| canonical_element(&written.element))
}

fn canonical_element(element: &Element) -> Element {
    let mut attributes: Vec<(&String, &String)> = element.attributes().iter().collect();
    attributes.sort();
    let start = Element::new(element.name());
    let start = attributes.into_iter().fold(start, |element, (name, value)| element.attribute(name, value));
    let holds_elements = element.contents().iter().any(|content| matches!(content, Content::Element(_)));
    let (mut result, mut text) = (start, String::new());
    for content in element.contents() {
        match content {
            Content::Comment(_) => {}
            Content::Text(piece) | Content::CData(piece) => text.push_str(piece),
            Content::Element(child) => {
                result = with_text(result, &mut text, true).child(canonical_element(child));
            }
        }
    }
    with_text(result, &mut text, holds_elements)
}

/// Adds the collected text, unless it is layout: white space between elements, or a line break in an otherwise empty
/// element.
fn with_text(element: Element, text: &mut String, between_elements: bool) -> Element {
    let text = std::mem::take(text);
    let blank = text.trim_matches([' ', '\t', '\n', '\r']).is_empty();
    if blank && (between_elements || text.contains('\n')) { element } else { element.text(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::xml::MAX_DEPTH;

    #[track_caller]
    fn check(a: &str, b: &str, same: bool) {
        let (a, b) = (canonical(a.as_bytes()).unwrap(), canonical(b.as_bytes()).unwrap());
        assert_eq!(a == b, same, "{a:?} {b:?}");
    }

    #[test]
    fn layout_is_no_difference() {
        let plain = "<A x=\"1\" y=\"2\"><B/><C>a &lt; b</C></A>";
        for other in [
            "<?xml version=\"1.0\"?>\r\n<A y='2'\r\n   x='1'>\r\n  <B></B>\r\n\t<C><![CDATA[a < b]]></C>\r\n</A>\r\n",
            "<!-- h --><A x=\"1\" y=\"2\"><!-- apigeelint disable=TD002 -->\n<B>\n</B><C>a <!-- so -->&#60; b</C></A>",
            "<A x=\"1\" y=\"2\"><B><!-- nothing --></B><C>a &lt;<![CDATA[ b]]></C></A>",
        ] {
            check(plain, other, true);
        }
    }

    #[test]
    fn what_is_meant_is_a_difference() {
        for (a, b) in [
            ("<A>x</A>", "<A>y</A>"),
            ("<A>x</A>", "<A> x</A>"),
            ("<A> </A>", "<A/>"),
            ("<A><B/><C/></A>", "<A><C/><B/></A>"),
            ("<A x=\"1\"/>", "<A x=\"2\"/>"),
            ("<A x=\"1\"/>", "<A/>"),
            ("<A>x <B/></A>", "<A>x<B/></A>"),
        ] {
            check(a, b, false);
        }
    }

    #[test]
    fn what_is_not_taken_apart_has_no_form() {
        for text in ["", "no xml", "<A>", "<A><?php x?></A>", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"] {
            assert_eq!(canonical(text.as_bytes()), None, "{text}");
        }
        assert_eq!(canonical(b"<A>\xff</A>"), None);
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(canonical(nested(MAX_DEPTH).as_bytes()).is_some());
        for depth in [MAX_DEPTH + 1, 100_000] {
            assert_eq!(canonical(nested(depth).as_bytes()), None);
        }
        let wide = format!("<a>{}</a>", "<b><c/></b>".repeat(MAX_DEPTH));
        assert!(canonical(wide.as_bytes()).is_some());
    }
}
