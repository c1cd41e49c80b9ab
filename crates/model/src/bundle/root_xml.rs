//! Changes the `<Description>` of a bundle's root XML file as text: every other byte stays as the user wrote it.

use roxmltree::{Document, Node};

use crate::bundle::{BundleKind, BundlePath, FileKind, Files};

/// Finds the bundle's root XML file: the only `*.xml` at the top level whose root element is
/// [`BundleKind::root_element`]. A bundle without any `*.xml` at its top level has none, which Apigee accepts.
pub fn find(kind: BundleKind, files: &Files) -> Result<Option<&BundlePath>, String> {
    let is_root = |bytes: &[u8]| {
        std::str::from_utf8(bytes).is_ok_and(|text| {
            Document::parse(text).is_ok_and(|document| document.root_element().tag_name().name() == kind.root_element())
        })
    };
    let mut candidates = files
        .iter()
        .filter(|(path, bytes)| FileKind::of(path) == FileKind::Root && is_root(bytes))
        .map(|(path, _)| path);
    let Some(first) = candidates.next() else {
        if !files.iter().any(|(path, _)| FileKind::of(path) == FileKind::Root) {
            return Ok(None);
        }
        return Err(format!(
            "the bundle has no root file: expected one well-formed `*.xml` in UTF-8 at its top level with the root \
             element <{}>",
            kind.root_element()
        ));
    };
    match candidates.next() {
        None => Ok(Some(first)),
        Some(second) => Err(format!(
            "`{first}` and `{second}` both have the root element <{}>; keep one of them at the top level of the bundle",
            kind.root_element()
        )),
    }
}

/// The text of the root XML's `<Description>`; empty if it has none.
pub fn description(xml: &str) -> Result<String, String> {
    let document = Document::parse(xml).map_err(|error| error.to_string())?;
    Ok(description_node(&document).map(text_of).unwrap_or_default())
}

/// The XML with another description.
pub fn with_description(xml: &str, text: &str) -> Result<String, String> {
    let document = Document::parse(xml).map_err(|error| error.to_string())?;
    let text = escape(text);
    let edit = match description_node(&document) {
        Some(node) => replace_content(xml, node, &text),
        None => insert_description(xml, document.root_element(), &text),
    };
    let (range, new) = edit.ok_or("its end tag is not at the expected position")?;
    let mut result = xml.to_owned();
    result.replace_range(range, &new);
    Ok(result)
}

type Edit = Option<(std::ops::Range<usize>, String)>;

fn description_node<'a, 'input>(document: &'a Document<'input>) -> Option<Node<'a, 'input>> {
    document.root_element().children().find(|node| node.tag_name().name() == "Description")
}

/// All text directly inside, including CDATA sections.
fn text_of(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|child| child.text()).collect()
}

/// Replaces the content between an element's tags.
fn replace_content(xml: &str, node: Node<'_, '_>, text: &str) -> Edit {
    let range = node.range();
    let source = xml.get(range.clone())?;
    if let Some(open) = self_closed(node, source) {
        let name = qualified_name(source);
        return Some((range, format!("{open}>{text}</{name}>")));
    }
    let close = range.start + source.rfind("</")?;
    let start = node.first_child().map_or(close, |child| child.range().start);
    Some((start..close, text.to_owned()))
}

/// Adds a description as the root's first child.
fn insert_description(xml: &str, root: Node<'_, '_>, text: &str) -> Edit {
    let element = format!("<Description>{text}</Description>");
    let range = root.range();
    let source = xml.get(range.clone())?;
    if let Some(open) = self_closed(root, source) {
        let name = qualified_name(source);
        return Some((range, format!("{open}>{element}</{name}>")));
    }
    let close = range.start + source.rfind("</")?;
    let at = root.first_child().map_or(close, |child| child.range().start);
    // Indented like its siblings.
    let indent = root.first_child().filter(Node::is_text).and_then(|child| xml.get(child.range())).unwrap_or_default();
    let indent = if indent.trim().is_empty() { indent } else { "" };
    Some((at..at, format!("{indent}{element}")))
}

/// For `<a b="c"/>` everything before the slash.
fn self_closed<'a>(node: Node<'_, '_>, source: &'a str) -> Option<&'a str> {
    let open = source.strip_suffix("/>")?;
    // `<a><b/>` cannot be a complete well-formed element, so an element that ends with `/>` has no child.
    (!node.has_children()).then_some(open)
}

/// The element's name as written, including its prefix.
fn qualified_name(source: &str) -> &str {
    let name = source.trim_start_matches('<');
    name.split(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).next().unwrap_or(name)
}

/// The text as character data. A character that XML 1.0 cannot represent becomes U+FFFD.
fn escape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => result.push_str("&amp;"),
            '<' => result.push_str("&lt;"),
            '>' => result.push_str("&gt;"),
            // An unescaped one would be read as a line feed.
            '\r' => result.push_str("&#13;"),
            '\t' | '\n' => result.push(c),
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => result.push('\u{fffd}'),
            _ => result.push(c),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(before: &str, after: &str) {
        let changed = with_description(before, "new & <b>").unwrap();
        assert_eq!(changed, after);
        assert_eq!(description(&changed).unwrap(), "new & <b>");
    }

    #[test]
    fn only_the_description_changes() {
        const NEW: &str = "<Description>new &amp; &lt;b&gt;</Description>";
        check("<APIProxy><Description>old</Description></APIProxy>", &format!("<APIProxy>{NEW}</APIProxy>"));
        check("<APIProxy><Description/></APIProxy>", &format!("<APIProxy>{NEW}</APIProxy>"));
        check(
            "<APIProxy><Description></Description ></APIProxy>",
            &format!("<APIProxy>{}</APIProxy>", NEW.replace("n>", "n >").replacen("n >", "n>", 1)),
        );
        check("<APIProxy name=\"a\"/>", &format!("<APIProxy name=\"a\">{NEW}</APIProxy>"));
        check("<APIProxy></APIProxy>", &format!("<APIProxy>{NEW}</APIProxy>"));
        check(
            "<?xml version=\"1.0\"?>\n<!-- < -->\n<APIProxy\n  name='a>b'>\n  <DisplayName/>\n</APIProxy>\n",
            &format!(
                "<?xml version=\"1.0\"?>\n<!-- < -->\n<APIProxy\n  name='a>b'>\n  {NEW}\n  <DisplayName/>\n</APIProxy>\n"
            ),
        );
        check(
            "\u{feff}<APIProxy>\r\n<Description a=\"1\"><![CDATA[</Description>]]> x<!-- y --></Description>\r\n</APIProxy>",
            &format!("\u{feff}<APIProxy>\r\n{}\r\n</APIProxy>", NEW.replacen("n>", "n a=\"1\">", 1)),
        );
        check(
            "<x:APIProxy xmlns:x=\"u\"><x:Description/></x:APIProxy>",
            &format!("<x:APIProxy xmlns:x=\"u\">{}</x:APIProxy>", NEW.replace("Desc", "x:Desc")),
        );
    }

    #[test]
    fn the_description_is_read_with_entities_and_sections() {
        let xml = "<APIProxy><Description>a &amp; &#x62;<![CDATA[<c>]]></Description></APIProxy>";
        assert_eq!(description(xml).unwrap(), "a & b<c>");
        assert_eq!(description("<APIProxy><X><Description>no</Description></X></APIProxy>").unwrap(), "");
        assert!(description("<APIProxy>").is_err());
    }

    #[test]
    fn the_root_file_is_the_one_with_the_root_element() {
        let files = |list: &[(&str, &str)]| -> Files {
            list.iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec())).collect()
        };
        let one = files(&[
            ("a.xml", "<Other/>"),
            ("b.xml", "<APIProxy/>"),
            ("policies/c.xml", "<APIProxy/>"),
            ("d.xml", "<"),
        ]);
        assert_eq!(find(BundleKind::Proxy, &one).unwrap().unwrap().as_str(), "b.xml");
        assert!(find(BundleKind::SharedFlow, &one).unwrap_err().contains("<SharedFlowBundle>"));
        let two = files(&[("a.xml", "<APIProxy/>"), ("b.xml", "<APIProxy/>")]);
        assert!(find(BundleKind::Proxy, &two).unwrap_err().contains("`a.xml` and `b.xml`"));
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "\\PC*|[ -~\\t\\n\\r<>&\\]]*", before in "[ -;=?-~]*") {
            let before = before.replace('&', "&amp;");
            let xml = format!("<APIProxy>\n  <Description>{before}</Description>\n</APIProxy>");
            let changed = with_description(&xml, &text).unwrap();
            prop_assert_eq!(description(&changed).unwrap(), text);
        }
    }
}
