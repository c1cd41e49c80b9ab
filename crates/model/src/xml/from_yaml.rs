//! XML written as YAML: the notation of `spec.policies`, which can express any policy one to one.
//!
//! | YAML | XML |
//! |---|---|
//! | `Name: text`, `Name: 1.20`, `Name:` | `<Name>text</Name>`, `<Name>1.20</Name>`, `<Name/>`: text is kept as written |
//! | `Name: {$ref: a, $default: b}` | `<Name ref="a" default="b"/>` |
//! | `Name: {$ref: a, $text: b}` | `<Name ref="a">b</Name>` |
//! | `Name: {A: 1, B: 2}` | `<Name><A>1</A><B>2</B></Name>`, in the order written |
//! | `Name: {A: [1, {$x: y}]}` | `<Name><A>1</A><A x="y"/></Name>`: a list repeats the element |
//! | `Name: {$attr: x, $children: [{A: 1}, {B: 2}, {A: 3}]}` | `<Name attr="x"><A>1</A><B>2</B><A>3</A></Name>` |
//!
//! A list repeats an element. Where siblings with different names alternate, `$children` contains them in order: each entry is a mapping of
//! elements or a piece of text. The body of the outermost element may be that list itself, because the outermost element cannot repeat:
//!
//! ```yaml
//! AssignMessage:
//!   - Remove: {Headers: {Header: {$name: a}}}
//!   - Set: {Headers: {Header: {$name: b, $text: "1"}}}
//!   - Remove: {Headers: {Header: {$name: c}}}
//! ```
//!
//! `$cdata` is a CDATA section and `$comment` a comment; a list adds several. An attribute whose name is one of these words is written in
//! `$attributes: {text: x}`; any other attribute may be too. XML that this notation cannot express is written as a string of XML.
//! [`super::to_yaml`] is the reverse conversion.

use crate::diag::{Code, Diagnostic, FieldPath, Report};
use crate::yaml::Verbatim;

use super::element::{Content, Element, forbidden_character, is_name};
use super::limits::MAX_ATTRIBUTES;

/// The words after `$` that are not attributes.
pub(super) const SPECIAL: &[&str] = &["attributes", "cdata", "children", "comment", "text"];

/// The element with this name and a body in YAML; `None` if an error was reported.
pub fn element(name: &str, body: &Verbatim, at: &FieldPath, report: &mut Report<'_>) -> Option<Element> {
    let mut reader = ElementReader { report, sound: true };
    reader.name(name, at);
    let element = Element::new(name);
    let element = match body {
        Verbatim::Sequence(items) => reader.children(element, items, at),
        Verbatim::Scalar(_) | Verbatim::Mapping(_) => reader.body(element, body, at),
    };
    reader.sound.then_some(element)
}

struct ElementReader<'r, 's> {
    report: &'r mut Report<'s>,
    sound: bool,
}

impl ElementReader<'_, '_> {
    fn fault(&mut self, diagnostic: Diagnostic, at: &FieldPath) {
        self.sound = false;
        self.report.push(diagnostic.at(at));
    }

    fn name(&mut self, name: &str, at: &FieldPath) {
        if !is_name(name) {
            let error = Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a valid XML name"));
            self.fault(
                error.help(
                    "an element or attribute starts with a letter or `_` and contains letters, digits, `_`, `-` and `.`",
                ),
                at,
            );
        }
    }

    fn text(&mut self, value: &Verbatim, what: &str, at: &FieldPath) -> String {
        match value {
            Verbatim::Scalar(text) => {
                if let Some(character) = forbidden_character(text) {
                    let code = u32::from(character);
                    let error = Diagnostic::error(
                        Code::InvalidValue,
                        format!("the character U+{code:04X} is not allowed in XML, not even escaped"),
                    );
                    self.fault(error.help("remove it"), at);
                }
                text.clone()
            }
            Verbatim::Sequence(_) | Verbatim::Mapping(_) => {
                let found = if matches!(value, Verbatim::Sequence(_)) { "list" } else { "mapping" };
                self.fault(Diagnostic::error(Code::WrongType, format!("{what} must be text, found a {found}")), at);
                String::new()
            }
        }
    }

    /// Adds the attributes and children of a scalar or a mapping.
    fn body(&mut self, element: Element, body: &Verbatim, at: &FieldPath) -> Element {
        match body {
            Verbatim::Scalar(_) => {
                let text = self.text(body, "the element", at);
                element.text(text)
            }
            Verbatim::Mapping(entries)
                if entries.keys().filter(|key| key.starts_with('$')).count() > MAX_ATTRIBUTES =>
            {
                let message = format!("the element has more than {MAX_ATTRIBUTES} attributes");
                self.fault(Diagnostic::error(Code::InvalidValue, message), at);
                element
            }
            Verbatim::Mapping(entries) => entries
                .iter()
                .fold(element, |element, (key, value)| self.entry(element, key, value, &at.key(key.as_str()))),
            Verbatim::Sequence(_) => {
                let error = Diagnostic::error(Code::WrongType, "a list cannot be directly inside a list");
                self.fault(error.help("write `{$children: […]}` for siblings with different names"), at);
                element
            }
        }
    }

    /// Adds the entry of one key of a mapping to the element.
    fn entry(&mut self, element: Element, key: &str, value: &Verbatim, at: &FieldPath) -> Element {
        let Some(special) = key.strip_prefix('$') else {
            self.name(key, at);
            return match value {
                Verbatim::Sequence(items) => items.iter().enumerate().fold(element, |element, (index, item)| {
                    let child = self.body(Element::new(key), item, &at.index(index));
                    element.child(child)
                }),
                Verbatim::Scalar(_) | Verbatim::Mapping(_) => {
                    let child = self.body(Element::new(key), value, at);
                    element.child(child)
                }
            };
        };
        match special {
            "cdata" | "comment" | "text" => match value {
                Verbatim::Sequence(items) => items.iter().enumerate().fold(element, |element, (index, item)| {
                    let content = self.piece(special, item, &at.index(index));
                    element.content(content)
                }),
                Verbatim::Scalar(_) | Verbatim::Mapping(_) => match self.piece(special, value, at) {
                    Content::Text(text) => element.text(text),
                    content => element.content(content),
                },
            },
            "attributes" => match value {
                Verbatim::Mapping(entries) if entries.len() > MAX_ATTRIBUTES => {
                    let message = format!("the element has more than {MAX_ATTRIBUTES} attributes");
                    self.fault(Diagnostic::error(Code::InvalidValue, message), at);
                    element
                }
                Verbatim::Mapping(entries) => entries.iter().fold(element, |element, (name, value)| {
                    let at = at.key(name.as_str());
                    self.name(name, &at);
                    let text = self.text(value, "an attribute", &at);
                    element.attribute(name, text)
                }),
                Verbatim::Scalar(_) | Verbatim::Sequence(_) => {
                    let error = Diagnostic::error(Code::WrongType, "`$attributes` must be a mapping");
                    self.fault(error.help("write `{$attributes: {name: value}}`, or `$name: value`"), at);
                    element
                }
            },
            "children" => match value {
                Verbatim::Sequence(items) => self.children(element, items, at),
                Verbatim::Scalar(_) | Verbatim::Mapping(_) => {
                    let error = Diagnostic::error(Code::WrongType, "`$children` must be a list");
                    self.fault(error.help("write elements that need no fixed order next to the attributes"), at);
                    element
                }
            },
            attribute => {
                self.name(attribute, at);
                let text = self.text(value, "an attribute", at);
                element.attribute(attribute, text)
            }
        }
    }

    /// The text, CDATA section or comment of a special key.
    fn piece(&mut self, special: &str, value: &Verbatim, at: &FieldPath) -> Content {
        let text = self.text(value, &format!("`${special}`"), at);
        match special {
            "cdata" => Content::CData(text),
            "comment" => {
                if text.contains("--") || text.ends_with('-') || text.contains('\r') {
                    let error = Diagnostic::error(Code::InvalidValue, "a comment must not contain `--` or end in `-`");
                    self.fault(error, at);
                }
                Content::Comment(text)
            }
            _ => Content::Text(text),
        }
    }

    /// Adds children in the order of a list.
    fn children(&mut self, element: Element, items: &[Verbatim], at: &FieldPath) -> Element {
        items.iter().enumerate().fold(element, |element, (index, item)| self.body(element, item, &at.index(index)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Subject;
    use crate::yaml::{YamlNode, decode};

    fn read(yaml: &str) -> Result<String, Vec<String>> {
        let node = YamlNode::parse(yaml, 0..yaml.len()).unwrap();
        let body: Verbatim = decode::decode(&node).unwrap();
        let subject = Subject::default();
        let mut report = Report::new(&subject);
        let element = element("R", &body, &FieldPath::of(&["policies", "R"]), &mut report);
        match element {
            Some(element) => {
                let text = element.to_document().unwrap();
                Ok(text.lines().skip(1).map(str::trim).collect())
            }
            None => Err(report.into_diagnostics().iter().map(|d| format!("{}: {}", d.field, d.text())).collect()),
        }
    }

    #[test]
    fn the_table_of_the_documentation_holds() {
        for (yaml, xml) in [
            ("{N: text, V: 1.20, O: 0777, E: }", "<R><N>text</N><V>1.20</V><O>0777</O><E/></R>"),
            ("{N: {$ref: a, $default: b}}", "<R><N ref=\"a\" default=\"b\"/></R>"),
            ("{N: {$ref: a, $text: on}}", "<R><N ref=\"a\">on</N></R>"),
            ("{A: [1, {$x: y}], B: []}", "<R><A>1</A><A x=\"y\"/></R>"),
            (
                "{N: {$attr: x, $children: [{A: 1}, {B: 2}, {A: 3}]}}",
                "<R><N attr=\"x\"><A>1</A><B>2</B><A>3</A></N></R>",
            ),
            ("[{A: 1}, {B: 2, C: 3}, {A: 4}]", "<R><A>1</A><B>2</B><C>3</C><A>4</A></R>"),
            ("{P: {$children: [a, {B: }, c]}}", "<R><P>a<B/>c</P></R>"),
            ("{P: {$cdata: <x>}, $comment: note}", "<R><P><![CDATA[<x>]]></P><!--note--></R>"),
            (
                "{P: {$comment: [a, b], $attributes: {text: x, y: z}}}",
                "<R><P text=\"x\" y=\"z\"><!--a--><!--b--></P></R>",
            ),
            ("text", "<R>text</R>"),
        ] {
            assert_eq!(read(yaml).as_deref(), Ok(xml), "{yaml}");
        }
    }

    #[test]
    fn every_fault_is_found_at_its_place() {
        let errors = read("{$a: [1], B: [[1]], 1x: y, C: {$children: no}, D: \"\\x01\", $comment: a--b}").unwrap_err();
        assert_eq!(
            errors,
            [
                "policies.R.$a: an attribute must be text, found a list",
                "policies.R.B[0]: a list cannot be directly inside a list; write `{$children: […]}` for siblings with \
                 different names",
                "policies.R.1x: `1x` is not a valid XML name; an element or attribute starts with a letter or `_` and \
                 contains letters, digits, `_`, `-` and `.`",
                "policies.R.C.$children: `$children` must be a list; write elements that need no fixed order next to \
                 the attributes",
                "policies.R.D: the character U+0001 is not allowed in XML, not even escaped; remove it",
                "policies.R.$comment: a comment must not contain `--` or end in `-`",
            ]
        );
    }

    use proptest::prelude::*;

    /// A body of a few levels, with any text.
    fn body() -> impl Strategy<Value = Verbatim> {
        let text = prop_oneof![any::<String>(), "[<>&'\" \t\n\r\u{0}-\u{3}]{0,6}"];
        text.clone().prop_map(Verbatim::Scalar).prop_recursive(3, 12, 3, move |inner| {
            let key = prop_oneof!["[A-C]", "\\$[a-c]", "[A-C]"];
            let attribute = text.clone().prop_map(Verbatim::Scalar);
            proptest::collection::vec((key, inner, attribute), 0..4).prop_map(|entries| {
                Verbatim::Mapping(
                    entries
                        .into_iter()
                        .map(|(key, value, attribute)| {
                            let value = if key.starts_with('$') { attribute } else { value };
                            (key, value)
                        })
                        .collect(),
                )
            })
        })
    }

    fn scalars<'v>(body: &'v Verbatim, found: &mut Vec<&'v str>) {
        match body {
            Verbatim::Scalar(text) => found.push(text),
            Verbatim::Sequence(items) => items.iter().for_each(|item| scalars(item, found)),
            Verbatim::Mapping(entries) => entries.values().for_each(|value| scalars(value, found)),
        }
    }

    /// True if the element and the body have the same content.
    fn same(node: crate::xml::Node<'_, '_>, body: &Verbatim) -> bool {
        match body {
            Verbatim::Scalar(text) => node.text().unwrap_or_default() == text && node.children().count() <= 1,
            Verbatim::Sequence(_) => false,
            Verbatim::Mapping(entries) => {
                let mut children = node.children().filter(crate::xml::Node::is_element);
                entries.iter().all(|(key, value)| match (key.strip_prefix('$'), value) {
                    (Some(name), Verbatim::Scalar(text)) => node.attribute(name) == Some(text),
                    (Some(_), _) => false,
                    (None, value) => {
                        children.next().is_some_and(|child| child.has_tag_name(key.as_str()) && same(child, value))
                    }
                }) && children.next().is_none()
            }
        }
    }

    proptest! {
        #[test]
        fn a_body_survives_or_is_refused(body in body()) {
            let subject = Subject::default();
            let mut report = Report::new(&subject);
            let element = element("R", &body, &FieldPath::root(), &mut report);
            let mut texts = Vec::new();
            scalars(&body, &mut texts);
            let allowed = texts.iter().all(|text| forbidden_character(text).is_none());
            prop_assert_eq!(element.is_some(), allowed);
            if let Some(element) = element {
                let text = element.to_document().unwrap();
                let document = crate::xml::parse(&text).unwrap();
                prop_assert!(same(document.root_element(), &body), "{}", text);
            }
        }
    }
}
