//! An XML element, and its only serialization.

use std::fmt::{Display, Write as _};

use indexmap::IndexMap;
use quick_xml::escape::{escape, partial_escape};

/// The first line of every file, as in Apigee's own export.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

/// An element with its attributes and children in the order they were added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    name: String,
    attributes: IndexMap<String, String>,
    children: Vec<Content>,
}

/// One child of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An element.
    Element(Element),
    /// Text, unescaped.
    Text(String),
    /// A comment.
    Comment(String),
    /// Text in a CDATA section.
    CData(String),
}

/// Why an element cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("<{element}>: {message}")]
pub struct WriteError {
    /// The element with the error.
    pub element: String,
    /// What is wrong with it.
    pub message: String,
}

impl Element {
    /// An element without attributes and children.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), attributes: IndexMap::new(), children: Vec::new() }
    }

    /// An element that contains only text.
    pub fn leaf(name: impl Into<String>, text: impl Display) -> Self {
        Self::new(name).text(text)
    }

    /// The element's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The attributes in their order.
    pub fn attributes(&self) -> &IndexMap<String, String> {
        &self.attributes
    }

    /// The children in their order.
    pub fn contents(&self) -> &[Content] {
        &self.children
    }

    /// The children, to change them.
    pub(super) fn contents_mut(&mut self) -> &mut Vec<Content> {
        &mut self.children
    }

    /// The child elements with a name.
    pub fn children_named<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Element> {
        self.children.iter().filter_map(move |content| match content {
            Content::Element(element) if element.name == name => Some(element),
            Content::Element(_) | Content::Text(_) | Content::Comment(_) | Content::CData(_) => None,
        })
    }

    /// Sets an attribute: a new one is added at the end, an existing one keeps its position.
    #[must_use]
    pub fn attribute(mut self, name: impl Into<String>, value: impl Display) -> Self {
        self.attributes.insert(name.into(), value.to_string());
        self
    }

    /// Adds a child of any kind.
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.children.push(content);
        self
    }

    /// Adds a child element.
    #[must_use]
    pub fn child(self, child: Element) -> Self {
        self.content(Content::Element(child))
    }

    /// Adds child elements; an [`Option`] adds at most one.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children.into_iter().map(Content::Element));
        self
    }

    /// Adds text; empty text adds nothing.
    #[must_use]
    pub fn text(self, text: impl Display) -> Self {
        let text = text.to_string();
        if text.is_empty() { self } else { self.content(Content::Text(text)) }
    }

    /// Adds a comment that disables a rule of apigeelint here, for a choice that the author of a spec made on purpose.
    #[must_use]
    pub fn lint_directive(self, rule: &str) -> Self {
        self.content(Content::Comment(format!(" apigeelint disable={rule} ")))
    }

    /// The element as a whole file: XML declaration, two spaces per level, `\n` as line ending.
    ///
    /// An element that contains text is written on one line with all of its content, so that no white space is added to the text.
    pub fn to_document(&self) -> Result<String, WriteError> {
        let mut text = DECLARATION.to_owned();
        self.write(&mut text, Some(0))?;
        text.push('\n');
        Ok(text)
    }

    fn fault(&self, message: impl Into<String>) -> WriteError {
        WriteError { element: self.name.clone(), message: message.into() }
    }

    /// `indent` is `None` inside an element that contains text.
    fn write(&self, out: &mut String, indent: Option<usize>) -> Result<(), WriteError> {
        self.check()?;
        out.push('<');
        out.push_str(&self.name);
        for (name, value) in &self.attributes {
            // An XML parser turns an unescaped newline or tab in an attribute into a space.
            let value = escape(value.as_str())
                .replace('\n', "&#10;")
                .replace('\r', "&#13;")
                .replace('\t', "&#9;")
                .replace("&apos;", "'");
            // Writing to a String cannot fail.
            let _ = write!(out, " {name}=\"{value}\"");
        }
        if self.children.is_empty() {
            out.push_str("/>");
            return Ok(());
        }
        out.push('>');
        let mixed = self.children.iter().any(|content| matches!(content, Content::Text(_) | Content::CData(_)));
        let inner = indent.filter(|_| !mixed).map(|indent| indent + 2);
        for content in &self.children {
            new_line(out, inner);
            match content {
                Content::Element(element) => element.write(out, inner)?,
                Content::Comment(comment) => {
                    let _ = write!(out, "<!--{comment}-->");
                }
                // A CDATA section cannot contain `]]>` or preserve a carriage return; escaped text can.
                Content::CData(text) if !text.contains("]]>") && !text.contains('\r') => {
                    let _ = write!(out, "<![CDATA[{text}]]>");
                }
                Content::Text(text) | Content::CData(text) => {
                    out.push_str(&partial_escape(text.as_str()).replace('\r', "&#13;"));
                }
            }
        }
        new_line(out, indent.filter(|_| !mixed));
        let _ = write!(out, "</{}>", self.name);
        Ok(())
    }

    fn check(&self) -> Result<(), WriteError> {
        let names = std::iter::once(&self.name).chain(self.attributes.keys());
        if let Some(name) = names.into_iter().find(|name| !is_name(name)) {
            return Err(self.fault(format!("`{name}` is not a valid XML name")));
        }
        let texts = self.children.iter().filter_map(|content| match content {
            Content::Text(text) | Content::CData(text) | Content::Comment(text) => Some(text),
            Content::Element(_) => None,
        });
        if let Some(character) = texts.chain(self.attributes.values()).find_map(|text| forbidden_character(text)) {
            return Err(self.fault(format!("the character U+{:04X} is not allowed in XML", u32::from(character))));
        }
        let bad_comment = |content: &Content| {
            matches!(content, Content::Comment(text)
                if text.contains("--") || text.ends_with('-') || text.contains('\r'))
        };
        if self.children.iter().any(bad_comment) {
            return Err(self.fault("a comment must not contain `--` or end in `-`"));
        }
        Ok(())
    }
}

fn new_line(out: &mut String, indent: Option<usize>) {
    if let Some(indent) = indent {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent));
    }
}

/// The first character of a text that XML 1.0 does not allow, even if escaped.
pub fn forbidden_character(text: &str) -> Option<char> {
    text.chars().find(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..))
}

/// True for a valid name of an element or an attribute. Of the characters that XML allows, only letters, digits and `_ - . :` are accepted.
pub fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':'))
        && !text.ends_with(':')
        && text.matches(':').count() <= 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;
    use proptest::prelude::*;

    #[test]
    fn a_file_looks_as_apigee_writes_it() {
        let element = Element::new("A")
            .attribute("name", "x")
            .child(Element::new("Empty"))
            .lint_directive("TD002")
            .child(Element::new("B").child(Element::leaf("C", "1 < 2 && \"q\"")));
        assert_eq!(
            element.to_document().unwrap(),
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<A name=\"x\">\n  <Empty/>\n  \
             <!-- apigeelint disable=TD002 -->\n  <B>\n    <C>1 &lt; 2 &amp;&amp; \"q\"</C>\n  </B>\n</A>\n"
        );
    }

    #[test]
    fn text_between_elements_gains_no_space() {
        let element = Element::new("A")
            .text("a ")
            .child(Element::new("B").child(Element::new("C")))
            .content(Content::CData("<x>".into()));
        assert!(element.to_document().unwrap().ends_with("<A>a <B><C/></B><![CDATA[<x>]]></A>\n"));
    }

    #[test]
    fn what_xml_cannot_hold_is_refused() {
        let control = Element::leaf("A", "a\u{1}b").to_document().unwrap_err();
        assert_eq!(control.to_string(), "<A>: the character U+0001 is not allowed in XML");
        assert!(Element::new("a b").to_document().is_err());
        assert!(Element::new("A").attribute("1x", "").to_document().is_err());
        let comment = Element::new("A").content(Content::Comment("a--b".into()));
        assert!(comment.to_document().is_err());
    }

    /// Any text; half of the samples have the characters with a meaning in XML.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[<>&'\"\\]\\-! \t\r\n{}a\u{0}-\u{8}\u{85}\u{2028}\u{FFFE}\u{1F600}]{0,24}"]
    }

    proptest! {
        #[test]
        fn every_text_survives_or_is_refused(in_attribute in text(), in_text in text(), in_section in text()) {
            let element = Element::new("A")
                .attribute("a", &in_attribute)
                .child(Element::leaf("T", &in_text))
                .child(Element::new("S").content(Content::CData(in_section.clone())));
            let allowed = [&in_attribute, &in_text, &in_section].iter().all(|text| forbidden_character(text).is_none());
            match element.to_document() {
                Err(_) => prop_assert!(!allowed),
                Ok(document) => {
                    prop_assert!(allowed);
                    let document = parse(&document).unwrap();
                    let read = |name: &str| {
                        let node = document.descendants().find(|node| node.has_tag_name(name)).unwrap();
                        node.children().filter_map(|child| child.text()).collect::<String>()
                    };
                    prop_assert_eq!(document.root_element().attribute("a"), Some(in_attribute.as_str()));
                    prop_assert_eq!(read("T"), in_text);
                    prop_assert_eq!(read("S"), in_section);
                }
            }
        }
    }
}
