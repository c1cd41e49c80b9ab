//! Edits a text: everything outside the edits is copied.

use std::io::{self, Write};

use super::annotation;
use super::item::Item;
use crate::yaml::{Entry, ScalarStyle, Span, Value, YamlNode, encode_flow, line_start};

/// Edits by place. They must not overlap; edits at the same place are applied in the given order.
#[derive(Debug, Default)]
pub(super) struct Splice<'t> {
    edits: Vec<(Span, EditText<'t>)>,
}

/// The replacement text of an edit.
#[derive(Debug)]
enum EditText<'t> {
    Plain(String),
    /// YAML documents as the elements of a block list. They are indented while they are written, because there may be many.
    List {
        lead: &'static str,
        documents: &'t [String],
        indent: usize,
    },
}

impl EditText<'_> {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Plain(text) => out.write_all(text.as_bytes()),
            Self::List { lead, documents, indent } => {
                out.write_all(lead.as_bytes())?;
                let dash = format!("{}- ", " ".repeat(*indent));
                let rest = " ".repeat(*indent + 2);
                for document in *documents {
                    for (number, line) in document.split_inclusive('\n').enumerate() {
                        if number == 0 {
                            out.write_all(dash.as_bytes())?;
                        } else if line != "\n" {
                            out.write_all(rest.as_bytes())?;
                        }
                        out.write_all(line.as_bytes())?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl<'t> Splice<'t> {
    pub(super) fn replace(&mut self, span: Span, text: impl Into<String>) {
        self.edits.push((span, EditText::Plain(text.into())));
    }

    /// Replaces a span with `lead` and a block list of YAML documents, each of which ends with a newline.
    pub(super) fn replace_with_list(&mut self, span: Span, lead: &'static str, documents: &'t [String], indent: usize) {
        self.edits.push((span, EditText::List { lead, documents, indent }));
    }

    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    pub(super) fn remove(&mut self, span: Span) {
        self.replace(span, String::new());
    }

    /// How many edits there are.
    pub(super) fn len(&self) -> usize {
        self.edits.len()
    }

    /// Removes all edits but the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        self.edits.truncate(len);
    }

    pub(super) fn write(self, source: &str, out: &mut dyn Write) -> io::Result<()> {
        self.write_span(source, 0..source.len(), out)
    }

    /// Writes a part of the source that contains all edits.
    pub(super) fn write_span(mut self, source: &str, part: Span, out: &mut dyn Write) -> io::Result<()> {
        self.edits.sort_by_key(|(span, _)| span.start);
        let mut copied = part.start;
        for (span, text) in &self.edits {
            let start = span.start.max(copied);
            out.write_all(&source.as_bytes()[copied..start])?;
            text.write(out)?;
            copied = span.end.max(start);
        }
        out.write_all(&source.as_bytes()[copied..part.end])
    }
}

/// The column, in characters, of a byte; a byte order mark is not counted.
pub(super) fn column(source: &str, offset: usize) -> usize {
    source[line_start(source, offset)..offset].trim_start_matches('\u{feff}').chars().count()
}

/// True for a value that is written as an alias.
pub(super) fn is_alias(source: &str, node: &YamlNode) -> bool {
    source[node.span.clone()].starts_with('*')
}

/// The edit that adds the annotation `local-config: "true"` to a resource and changes nothing else; `None` if the annotation exists with any
/// value, or if there is no metadata to add it to.
pub(super) fn mark_local(source: &str, item: &Item<'_>, node: &YamlNode) -> Option<(Span, String)> {
    const ENTRY: &str = "config.kubernetes.io/local-config: \"true\"";
    const FLOW_ENTRY: &str = "\"config.kubernetes.io/local-config\": \"true\"";
    if item.header.annotation(annotation::LOCAL_CONFIG).is_some() {
        return None;
    }
    let is_flow = |node: &YamlNode| source[node.span.clone()].starts_with('{');
    let metadata = node.entry("metadata")?;
    // The value of an alias or a merge key is shared with other resources: this resource gets its own copy.
    if is_alias(source, node) {
        return Some((node.span.clone(), encode_flow(&with_local(node, &["metadata", "annotations"]))));
    }
    if is_alias(source, &metadata.value) {
        return Some((metadata.value.span.clone(), encode_flow(&with_local(&metadata.value, &["annotations"]))));
    }
    if !item.span.contains(&metadata.key_span.start) {
        let own = encode_flow(&with_local(&metadata.value, &["annotations"]));
        return Some(entry(source, node, "metadata", &own));
    }
    let metadata = &metadata.value;
    let Some(annotations) = metadata.entry("annotations") else {
        let first = metadata.entries().first()?;
        if is_flow(metadata) {
            return Some((insertion(metadata.span.start + 1), format!("\"annotations\": {{{FLOW_ENTRY}}}, ")));
        }
        // All entries of the metadata may come from a merge key.
        let at = if metadata.span.contains(&first.key_span.start) { first.key_span.start } else { metadata.span.start };
        let indent = " ".repeat(column(source, at));
        return Some((insertion(at), format!("annotations:\n{indent}  {ENTRY}\n{indent}")));
    };
    if is_alias(source, &annotations.value) {
        return Some((annotations.value.span.clone(), encode_flow(&with_local(&annotations.value, &[]))));
    }
    if !metadata.span.contains(&annotations.key_span.start) {
        return Some(entry(source, metadata, "annotations", &encode_flow(&with_local(&annotations.value, &[]))));
    }
    match annotations.value.entries().first() {
        None => {
            let value = value_span(source, &annotations.key_span, &annotations.value.span);
            Some((value, format!(": {{{FLOW_ENTRY}}}")))
        }
        Some(_) if is_flow(&annotations.value) => {
            Some((insertion(annotations.value.span.start + 1), format!("{FLOW_ENTRY}, ")))
        }
        Some(first) => {
            let whole = &annotations.value.span;
            let at = if whole.contains(&first.key_span.start) { first.key_span.start } else { whole.start };
            let indent = " ".repeat(column(source, at));
            Some((insertion(at), format!("{ENTRY}\n{indent}")))
        }
    }
}

/// The edit that adds an entry at the start of a mapping.
fn entry(source: &str, mapping: &YamlNode, key: &str, value: &str) -> (Span, String) {
    let start = mapping.span.start;
    if source[mapping.span.clone()].starts_with('{') {
        return (insertion(start + 1), format!("\"{key}\": {value}, "));
    }
    (insertion(start), format!("{key}: {value}\n{}", " ".repeat(column(source, start))))
}

/// A copy of a mapping with the annotation added at the end of a path.
fn with_local(node: &YamlNode, way: &[&str]) -> YamlNode {
    let mut entries = node.entries().to_vec();
    let at = node.span.clone();
    let (key, value) = match way {
        [] => {
            let text = Value::Scalar("true".to_owned(), ScalarStyle::Quoted);
            (annotation::LOCAL_CONFIG, YamlNode { span: at.clone(), value: text })
        }
        [key, rest @ ..] => {
            let empty = YamlNode { span: at.clone(), value: Value::Mapping(Vec::new()) };
            (*key, with_local(node.get(key).unwrap_or(&empty), rest))
        }
    };
    match entries.iter_mut().find(|entry| entry.key == key) {
        Some(entry) => entry.value = value,
        None => entries.push(Entry { key: key.to_owned(), key_span: at.clone(), value }),
    }
    YamlNode { span: at, value: Value::Mapping(entries) }
}

/// From the colon after a key to the end of its value; an absent value has no span of its own.
pub(super) fn value_span(source: &str, key: &Span, value: &Span) -> Span {
    let colon = source[key.end..].find(':').map_or(key.end, |colon| key.end + colon + 1);
    key.end..value.end.max(colon)
}

fn insertion(at: usize) -> Span {
    at..at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(source: &str) -> String {
        let mut items = Vec::new();
        crate::krm::items::add(&crate::krm::scan::documents(source).unwrap()[0].root, 0, &[], &mut items);
        let node = YamlNode::parse(source, items[0].span.clone()).unwrap();
        let mut splice = Splice::default();
        if let Some((span, text)) = mark_local(source, &items[0], &node) {
            splice.replace(span, text);
        }
        let mut out = Vec::new();
        splice.write(source, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_annotation_is_added_in_every_form_of_metadata() {
        assert_eq!(
            marked("kind: A # c\nmetadata:\n  name: x # keep\n"),
            "kind: A # c\nmetadata:\n  annotations:\n    config.kubernetes.io/local-config: \"true\"\n  name: x # keep\n"
        );
        assert_eq!(
            marked("metadata:\n  name: x\n  annotations: # c\n    a: b\n"),
            "metadata:\n  name: x\n  annotations: # c\n    config.kubernetes.io/local-config: \"true\"\n    a: b\n"
        );
        assert_eq!(
            marked("metadata: {name: x}\n"),
            "metadata: {\"annotations\": {\"config.kubernetes.io/local-config\": \"true\"}, name: x}\n"
        );
        assert_eq!(
            marked("metadata: {name: x, annotations: {a: b}}\n"),
            "metadata: {name: x, annotations: {\"config.kubernetes.io/local-config\": \"true\", a: b}}\n"
        );
        for empty in [" {}", "", " null"] {
            assert_eq!(
                marked(&format!("metadata:\n  name: x\n  annotations:{empty}\nspec: 1\n")),
                "metadata:\n  name: x\n  annotations: {\"config.kubernetes.io/local-config\": \"true\"}\nspec: 1\n"
            );
        }
    }

    #[test]
    fn a_resource_that_says_it_already_is_left_alone() {
        let source = "metadata:\n  name: x\n  annotations:\n    config.kubernetes.io/local-config: \"false\"\n";
        assert_eq!(marked(source), source);
    }
}
