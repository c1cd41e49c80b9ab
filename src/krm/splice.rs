//! Edits to a text: everything that no edit covers is copied.

use std::io::{self, Write};

use super::annotation;
use super::item::Item;
use crate::yaml::{Node, Span};

/// Edits by place. They must not overlap; two at one place are made in the order given.
#[derive(Debug, Default)]
pub(super) struct Splice<'t> {
    edits: Vec<(Span, Text<'t>)>,
}

/// What stands in the place of an edit.
#[derive(Debug)]
enum Text<'t> {
    Plain(String),
    /// YAML documents as the elements of a block list. They are indented while they are written: there may be many.
    List {
        lead: &'static str,
        documents: &'t [String],
        indent: usize,
    },
}

impl Text<'_> {
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
        self.edits.push((span, Text::Plain(text.into())));
    }

    /// Puts YAML documents, each ended by a newline, as elements of a block list behind `lead`.
    pub(super) fn replace_with_list(&mut self, span: Span, lead: &'static str, documents: &'t [String], indent: usize) {
        self.edits.push((span, Text::List { lead, documents, indent }));
    }

    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    pub(super) fn remove(&mut self, span: Span) {
        self.replace(span, String::new());
    }

    pub(super) fn write(mut self, source: &str, out: &mut dyn Write) -> io::Result<()> {
        self.edits.sort_by_key(|(span, _)| span.start);
        let mut copied = 0;
        for (span, text) in &self.edits {
            let start = span.start.max(copied);
            out.write_all(&source.as_bytes()[copied..start])?;
            text.write(out)?;
            copied = span.end.max(start);
        }
        out.write_all(&source.as_bytes()[copied..])
    }
}

/// The column, in characters, of a byte.
pub(super) fn column(source: &str, offset: usize) -> usize {
    let line_start = source[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    source[line_start..offset].chars().count()
}

/// The edit that adds the annotation `local-config: "true"` to a resource without touching anything else of it; `None` if
/// the annotation is there, whatever it says, or if there is no metadata to add it to.
pub(super) fn mark_local(source: &str, item: &Item<'_>) -> Option<(Span, String)> {
    const ENTRY: &str = "config.kubernetes.io/local-config: \"true\"";
    const FLOW_ENTRY: &str = "\"config.kubernetes.io/local-config\": \"true\"";
    if item.header.annotation(annotation::LOCAL_CONFIG).is_some() {
        return None;
    }
    let node = Node::parse(source, item.span.clone()).ok()?;
    let metadata = node.get("metadata")?;
    let is_flow = |node: &Node| source[node.span.clone()].starts_with('{');
    let Some(annotations) = metadata.entry("annotations") else {
        let first = metadata.entries().first()?;
        if is_flow(metadata) {
            return Some((insertion(metadata.span.start + 1), format!("\"annotations\": {{{FLOW_ENTRY}}}, ")));
        }
        let indent = " ".repeat(column(source, first.key_span.start));
        return Some((insertion(first.key_span.start), format!("annotations:\n{indent}  {ENTRY}\n{indent}")));
    };
    match annotations.value.entries().first() {
        None => {
            let value = value_span(source, &annotations.key_span, &annotations.value.span);
            Some((value, format!(": {{{FLOW_ENTRY}}}")))
        }
        Some(_) if is_flow(&annotations.value) => {
            Some((insertion(annotations.value.span.start + 1), format!("{FLOW_ENTRY}, ")))
        }
        Some(first) => {
            let indent = " ".repeat(column(source, first.key_span.start));
            Some((insertion(first.key_span.start), format!("{ENTRY}\n{indent}")))
        }
    }
}

/// From the colon behind a key to the end of its value; a value that is absent has no place of its own.
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
        let document = crate::krm::scan::documents(source).unwrap().remove(0);
        let item = Item { span: document.root, chunk: document.chunk, header: document.header };
        let mut splice = Splice::default();
        if let Some((span, text)) = mark_local(source, &item) {
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
