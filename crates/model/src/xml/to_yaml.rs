//! Writes an XML element as YAML: the reverse of [`super::from_yaml`], in the shortest form of its table.
//!
//! An element from [`super::read()`] that is written as YAML and converted with `from_yaml` is equal to the original.

use indexmap::IndexMap;

use super::element::{Content, Element};
use super::from_yaml::SPECIAL;
use crate::yaml::{Verbatim, encode};

/// An entry of a spec's `policies`: `{AssignMessage: {…}}`.
pub fn policy(element: &Element) -> Verbatim {
    Verbatim::Mapping(IndexMap::from([(element.name().to_owned(), root(element))]))
}

/// The same as YAML text in block style.
pub fn text(element: &Element) -> Result<String, String> {
    encode(&policy(element))
}

/// The outermost element cannot repeat, so its children may be a list without a key.
fn root(element: &Element) -> Verbatim {
    match body(element) {
        Verbatim::Mapping(mut entries) if entries.len() == 1 && entries.contains_key("$children") => {
            entries.shift_remove("$children").unwrap_or(Verbatim::Mapping(entries))
        }
        body => body,
    }
}

/// The value of an element's name in the mapping.
fn body(element: &Element) -> Verbatim {
    if let ([] | [Content::Text(_)], true) = (element.contents(), element.attributes().is_empty()) {
        return Verbatim::Scalar(element.contents().first().map(scalar).unwrap_or_default());
    }
    let mut entries = IndexMap::new();
    let attributes = element.attributes().iter();
    let attributes = attributes.map(|(name, value)| (name.clone(), Verbatim::Scalar(value.clone())));
    if element.attributes().keys().any(|name| SPECIAL.contains(&name.as_str())) {
        entries.insert("$attributes".to_owned(), Verbatim::Mapping(attributes.collect()));
    } else {
        entries.extend(attributes.map(|(name, value)| (format!("${name}"), value)));
    }
    let groups = groups(element.contents());
    let distinct =
        groups.iter().enumerate().all(|(index, (key, _))| !groups[..index].iter().any(|(other, _)| other == key));
    if distinct {
        entries.extend(groups);
    } else {
        let items = groups.into_iter().map(|(key, value)| match (key.as_str(), value) {
            ("$text", text @ Verbatim::Scalar(_)) => text,
            (_, value) => Verbatim::Mapping(IndexMap::from([(key, value)])),
        });
        entries.insert("$children".to_owned(), Verbatim::Sequence(items.collect()));
    }
    Verbatim::Mapping(entries)
}

fn scalar(content: &Content) -> String {
    match content {
        Content::Text(text) | Content::CData(text) | Content::Comment(text) => text.clone(),
        Content::Element(_) => String::new(),
    }
}

/// The children with their keys; adjacent children with the same key form a list.
fn groups(contents: &[Content]) -> Vec<(String, Verbatim)> {
    let mut groups: Vec<(String, Verbatim)> = Vec::new();
    for content in contents {
        let (key, value) = match content {
            Content::Element(element) => (element.name().to_owned(), body(element)),
            Content::Text(text) => ("$text".to_owned(), Verbatim::Scalar(text.clone())),
            Content::CData(text) => ("$cdata".to_owned(), Verbatim::Scalar(text.clone())),
            Content::Comment(text) => ("$comment".to_owned(), Verbatim::Scalar(text.clone())),
        };
        match groups.last_mut() {
            Some((last, Verbatim::Sequence(items))) if *last == key => items.push(value),
            Some((last, former)) if *last == key => {
                let first = std::mem::replace(former, Verbatim::Sequence(Vec::new()));
                *former = Verbatim::Sequence(vec![first, value]);
            }
            _ => groups.push((key, value)),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{FieldPath, Report, Subject};
    use crate::xml::{from_yaml, read};
    use crate::yaml::{YamlNode, decode};
    use proptest::prelude::*;

    /// The element that a YAML text describes.
    fn back(yaml: &str) -> Element {
        let node = YamlNode::parse(yaml, 0..yaml.len()).unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        let Verbatim::Mapping(policy) = decode::decode(&node).unwrap() else { panic!("{yaml}") };
        let (name, body) = policy.first().unwrap();
        let subject = Subject::default();
        let mut report = Report::new(&subject);
        let element = from_yaml::element(name, body, &FieldPath::root(), &mut report);
        element.unwrap_or_else(|| panic!("{yaml}\n{:?}", report.into_diagnostics()))
    }

    #[test]
    fn the_shortest_form_is_taken() {
        for (xml, yaml) in [
            ("<R/>", "R: \"\"\n"),
            ("<R>1.20</R>", "R: \"1.20\"\n"),
            ("<R> on</R>", "R: \" on\"\n"),
            ("<R><V ref=\"a\">b</V><O/></R>", "R:\n  V:\n    $ref: a\n    $text: b\n  O: \"\"\n"),
            ("<R><A>x</A><A z=\"v\"/><B>w</B></R>", "R:\n  A:\n  - x\n  - $z: v\n  B: w\n"),
            ("<R><A>x</A><B>v</B><A>z</A></R>", "R:\n- A: x\n- B: v\n- A: z\n"),
            ("<R n=\"m\"><A/><B/><A/></R>", "R:\n  $n: m\n  $children:\n  - A: \"\"\n  - B: \"\"\n  - A: \"\"\n"),
            ("<R>a<B/>c</R>", "R:\n- a\n- B: \"\"\n- c\n"),
            ("<R><!--a--><!--b--><A/></R>", "R:\n  $comment:\n  - a\n  - b\n  A: \"\"\n"),
            ("<R><![CDATA[<x>]]></R>", "R:\n  $cdata: <x>\n"),
            ("<R text=\"a\" b=\"c\"/>", "R:\n  $attributes:\n    text: a\n    b: c\n"),
        ] {
            let element = read(xml).unwrap().element;
            assert_eq!(text(&element).unwrap(), yaml, "{xml}");
            assert_eq!(back(yaml), element, "{xml}");
        }
    }

    /// Text that XML allows, often text that YAML or XML would read differently if it were not quoted or escaped.
    fn allowed() -> impl Strategy<Value = String> + Clone {
        prop_oneof![
            "[a-z]{1,6}",
            "[<>&'\"\\]\\-!#:{}|~ \t\r\na0\u{85}\u{2028}\u{1F600}]{1,12}",
            proptest::sample::select(vec![
                "1.20", "on", "0777", "  x", "null", "~", "- a", "a: b", "x\n", "\n x\n\n", "# c"
            ])
            .prop_map(str::to_owned),
            any::<String>().prop_map(|text| text
                .chars()
                .filter(|c| super::super::forbidden_character(&c.to_string()).is_none())
                .collect()),
        ]
    }

    fn any_element() -> impl Strategy<Value = Element> {
        let name = prop_oneof!["[A-C]", "[a-z]{1,3}:[A-Z]", Just("text".to_owned()), Just("children".to_owned())];
        let attributes = proptest::collection::vec((name.clone(), allowed()), 0..3);
        let leaf =
            (name.clone(), attributes.clone(), proptest::option::of(allowed())).prop_map(|(name, attributes, text)| {
                let element =
                    attributes.into_iter().fold(Element::new(name), |e, (name, value)| e.attribute(name, value));
                element.text(text.unwrap_or_default())
            });
        leaf.prop_recursive(4, 24, 5, move |inner| {
            let content = prop_oneof![
                4 => inner.prop_map(Content::Element),
                1 => allowed().prop_map(|text| Content::CData(text.replace("]]>", "").replace('\r', ""))),
                1 => allowed().prop_map(|text| Content::Comment(text.replace(['-', '\r'], ""))),
                // The reader drops text that is only white space between elements.
                1 => allowed().prop_filter("no text", |text| !text.trim().is_empty()).prop_map(Content::Text),
            ];
            (name.clone(), attributes.clone(), proptest::collection::vec(content, 0..6)).prop_map(
                |(name, attributes, contents)| {
                    let element =
                        attributes.into_iter().fold(Element::new(name), |e, (name, value)| e.attribute(name, value));
                    contents.into_iter().fold(element, |element, content| match (element.contents().last(), &content) {
                        // A parser cannot distinguish two adjacent texts.
                        (Some(Content::Text(_)), Content::Text(_)) => element,
                        _ => element.content(content),
                    })
                },
            )
        })
    }

    proptest! {
        #[test]
        fn every_element_comes_back_equal(element in any_element()) {
            let yaml = text(&element).unwrap();
            let found = back(&yaml);
            prop_assert_eq!(&found, &element, "{}", yaml);
            // Equality of maps ignores the order of attributes.
            prop_assert_eq!(found.to_document().unwrap(), element.to_document().unwrap());
        }
    }

    proptest! {
        #[test]
        fn every_document_that_is_written_is_read_equal(element in any_element()) {
            let document = element.to_document().unwrap();
            // XML with an undeclared namespace prefix is invalid.
            prop_assume!(!document.contains(':') || crate::xml::parse(&document).is_ok());
            let read = read(&document).unwrap().element;
            prop_assert_eq!(read.to_document().unwrap(), document);
        }
    }
}
