//! Reads XML that a user wrote into an [`Element`], with all content that an element can have.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::element::{Content, Element};
use super::parse::{self, ParseError};

/// A document: its root element and the comments outside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Comments before the element.
    pub before: Vec<String>,
    /// The element.
    pub element: Element,
    /// Comments after the element.
    pub after: Vec<String>,
}

/// Reads a document: names with their prefixes, attributes in order, text, CDATA sections and comments. White space between elements is
/// dropped. Processing instructions and document type definitions are rejected.
pub fn read(text: &str) -> Result<Written, ParseError> {
    // The checking parser verifies that it is XML; it also rejects document type definitions.
    parse::parse(text)?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root: Option<Element> = None;
    let (mut before, mut after) = (Vec::new(), Vec::new());
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| fault(text, at, &error.to_string()))?;
        let content = match event {
            Event::Start(start) => {
                open.push(element(&start).map_err(|message| fault(text, at, &message))?);
                continue;
            }
            Event::Empty(start) => Content::Element(element(&start).map_err(|message| fault(text, at, &message))?),
            Event::End(_) => match open.pop() {
                Some(element) => Content::Element(without_blanks(element)),
                None => continue,
            },
            Event::Text(piece) => Content::Text(piece.xml10_content().into_owned()),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|error| fault(text, at, &error.to_string()))?;
                match character {
                    Some(character) => Content::Text(character.to_string()),
                    None => Content::Text(
                        resolve_predefined_entity(&reference.xml10_content())
                            .ok_or_else(|| fault(text, at, "the entity is not predefined in XML"))?
                            .to_owned(),
                    ),
                }
            }
            Event::CData(section) => Content::CData(section.xml10_content().into_owned()),
            Event::Comment(comment) => Content::Comment(comment.xml10_content().into_owned()),
            Event::PI(instruction) => {
                let message = format!(
                    "a processing instruction (<?{} …?>) is not allowed: Apigee does not use it",
                    instruction.target()
                );
                return Err(fault(text, at, &message));
            }
            Event::Decl(_) | Event::DocType(_) => continue,
            Event::Eof => break,
        };
        match (open.last_mut(), content) {
            (Some(parent), content) => add(parent, content),
            (None, Content::Element(element)) => root = Some(element),
            (None, Content::Comment(comment)) => {
                if root.is_none() { &mut before } else { &mut after }.push(comment);
            }
            (None, Content::Text(_) | Content::CData(_)) => {}
        }
    }
    let element = root.ok_or_else(|| fault(text, 0, "the document has no element"))?;
    Ok(Written { before, element, after })
}

fn fault(text: &str, at: u64, message: &str) -> ParseError {
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(text.len());
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    ParseError {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        message: message.to_owned(),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut element = Element::new(start.name().as_ref());
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
        element = element.attribute(attribute.key.as_ref(), value);
    }
    Ok(element)
}

/// Adds a piece. Text that entity references split is joined again.
fn add(parent: &mut Element, content: Content) {
    let contents = parent.contents_mut();
    match (contents.last_mut(), content) {
        (Some(Content::Text(former)), Content::Text(text)) => former.push_str(&text),
        (_, content) => contents.push(content),
    }
}

/// An element without the white space that only indents its children.
fn without_blanks(mut element: Element) -> Element {
    let contents = element.contents_mut();
    let blank = |content: &Content| matches!(content, Content::Text(text) if text.trim_matches([' ', '\t', '\n', '\r']).is_empty());
    let laid_out =
        contents.iter().all(|content| !matches!(content, Content::Text(_) | Content::CData(_)) || blank(content))
            && contents.iter().any(|content| matches!(content, Content::Element(_) | Content::Comment(_)))
            && !contents.iter().any(|content| matches!(content, Content::CData(_)));
    if laid_out {
        contents.retain(|content| !blank(content));
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_with_all_that_it_holds() {
        let text = "<?xml version=\"1.0\"?>\n<!-- a -->\n<p:A xmlns:p='urn:p' z=\"1\" b='&lt;&#10;'>\n  <!--c-->\n  <B> x &amp; y&#x21; </B>\n  \
                    <C><![CDATA[<d>]]></C>\n  <E> </E>\n  <F>1<G/>2</F>\n</p:A>\n<!-- h -->";
        let written = read(text).unwrap();
        assert_eq!((written.before, written.after), (vec![" a ".to_owned()], vec![" h ".to_owned()]));
        let document = written.element.to_document().unwrap();
        assert_eq!(
            document.lines().skip(1).collect::<Vec<_>>(),
            [
                "<p:A xmlns:p=\"urn:p\" z=\"1\" b=\"&lt;&#10;\">",
                "  <!--c-->",
                "  <B> x &amp; y! </B>",
                "  <C><![CDATA[<d>]]></C>",
                "  <E> </E>",
                "  <F>1<G/>2</F>",
                "</p:A>"
            ]
        );
    }

    #[test]
    fn what_an_element_cannot_hold_is_refused() {
        assert!(read("<!DOCTYPE a><a/>").unwrap_err().to_string().contains("document type"));
        assert_eq!(
            read("<a>\n  <?php x?></a>").unwrap_err().to_string(),
            "line 2, column 3: a processing instruction (<?php …?>) is not allowed: Apigee does not use it"
        );
        assert!(read("<a>").is_err());
    }
}
