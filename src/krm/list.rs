//! A `ResourceList`, changed in place.

use std::collections::BTreeMap;
use std::io::{self, Write};

use granit_parser::StructureStyle;

use super::Change;
use super::item::Item;
use super::results::results;
use super::scan::{Document, RootKey, Shape};
use super::splice::{Splice, column, mark_local, value_span};
use crate::diag::{Code, Diagnostic};
use crate::yaml::{Node, encode, encode_json};

/// The list that an orchestrator sends to a function (KRM functions specification v1).
#[derive(Debug)]
pub struct ResourceList<'a> {
    source: &'a str,
    document: Document<'a>,
    function_config: Option<Item<'a>>,
}

impl<'a> ResourceList<'a> {
    pub(super) fn new(source: &'a str, documents: Vec<Document<'a>>) -> Result<Self, Diagnostic> {
        let wrong = |message: &str| {
            Err(Diagnostic::error(Code::NotAResourceList, message)
                .help("send one document with `kind: ResourceList` and a list of resources in `items`"))
        };
        let mut documents = documents.into_iter().filter(|document| document.shape != Shape::Empty);
        let (Some(document), None) = (documents.next(), documents.next()) else {
            return wrong("the input holds a ResourceList and other documents beside it");
        };
        if let Some(items) = document.keys.iter().find(|key| key.key == "items")
            && items.sequence.is_none()
            && !items.null
        {
            return wrong("`items` of the ResourceList is not a list");
        }
        let function_config = document.keys.iter().find_map(|key| {
            let header = key.header.clone()?;
            Some(Item { span: key.value.clone(), chunk: key.value.clone(), header })
        });
        Ok(Self { source, document, function_config })
    }

    pub(super) fn items(&self) -> &[Item<'a>] {
        &self.document.items
    }

    pub(super) fn items_mut(&mut self) -> &mut [Item<'a>] {
        &mut self.document.items
    }

    pub(super) fn source(&self) -> &'a str {
        self.source
    }

    pub(super) fn function_config(&self) -> Option<&Item<'a>> {
        self.function_config.as_ref()
    }

    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        changes: &BTreeMap<usize, Change>,
        new: &[String],
        diagnostics: &[Diagnostic],
    ) -> io::Result<()> {
        let mut splice = Splice::default();
        let items = self.document.keys.iter().find(|key| key.key == "items");
        match items.map(|key| (key, key.sequence)) {
            Some((key, Some(StructureStyle::Flow))) if !self.items().is_empty() || self.is_flow() => {
                splice.replace(key.value.clone(), self.flow_items(changes, new)?);
            }
            Some((key, Some(StructureStyle::Block))) => self.block_items(&mut splice, key, changes, new),
            Some((key, _)) => self.first_items(&mut splice, key, new)?,
            None if new.is_empty() => {}
            None if self.is_flow() => self.append_key(&mut splice, "items", "", &json_list(new)?),
            None => {
                self.append_key(&mut splice, "items", "", "");
                splice.replace_with_list(self.document.root.end..self.document.root.end, "", new, 0);
            }
        }
        self.write_results(&mut splice, diagnostics)?;
        splice.write(self.source, out)
    }

    fn is_flow(&self) -> bool {
        self.document.shape == Shape::Flow
    }

    fn block_items<'t>(
        &self,
        splice: &mut Splice<'t>,
        key: &RootKey<'a>,
        changes: &BTreeMap<usize, Change>,
        new: &'t [String],
    ) {
        let dropped = changes.values().filter(|change| **change == Change::Drop).count();
        if new.is_empty() && dropped == self.items().len() {
            splice.replace(key.key_span.end..key.value.end, ": []\n");
            return;
        }
        for (index, change) in changes {
            let Some(item) = self.items().get(*index) else { continue };
            match change {
                Change::Drop => splice.remove(item.chunk.clone()),
                Change::MarkLocal => {
                    if let Some((span, text)) = mark_local(self.source, item) {
                        splice.replace(span, text);
                    }
                }
            }
        }
        if !new.is_empty() {
            let indent = column(self.source, key.value.start);
            let end = key.value.end;
            let lead = if self.source[..end].ends_with('\n') { "" } else { "\n" };
            splice.replace_with_list(end..end, lead, new, indent);
        }
    }

    /// `items` is empty and not yet a block list.
    fn first_items<'t>(&self, splice: &mut Splice<'t>, key: &RootKey<'a>, new: &'t [String]) -> io::Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        if self.is_flow() {
            splice.replace(key.value.clone(), json_list(new)?);
        } else {
            let mut span = value_span(self.source, &key.key_span, &key.value);
            // The list ends its last line itself.
            if self.source[span.end..].starts_with('\n') {
                span.end += 1;
            }
            splice.replace_with_list(span, ":\n", new, 0);
        }
        Ok(())
    }

    fn flow_items(&self, changes: &BTreeMap<usize, Change>, new: &[String]) -> io::Result<String> {
        let mut texts = Vec::new();
        for (index, item) in self.items().iter().enumerate() {
            let change = changes.get(&index);
            if change == Some(&Change::Drop) {
                continue;
            }
            let mut text = self.source[item.span.clone()].to_owned();
            if change == Some(&Change::MarkLocal)
                && let Some((span, addition)) = mark_local(self.source, item)
            {
                text.replace_range(span.start - item.span.start..span.end - item.span.start, &addition);
            }
            texts.push(text);
        }
        for document in new {
            texts.push(json(document)?);
        }
        Ok(format!("[{}]", texts.join(", ")))
    }

    fn write_results(&self, splice: &mut Splice<'_>, diagnostics: &[Diagnostic]) -> io::Result<()> {
        let old = self.document.keys.iter().find(|key| key.key == "results");
        let list = results(diagnostics);
        if self.is_flow() {
            let text = encode_json(&list).map_err(io::Error::other)?;
            match old {
                Some(key) => splice.replace(key.value.clone(), text),
                None if list.is_empty() => {}
                None => self.append_key(splice, "results", "", &text),
            }
            return Ok(());
        }
        if let Some(key) = old {
            splice.remove(key.key_span.start..key.value.end);
        }
        if !list.is_empty() {
            self.append_key(splice, "results", &encode(&list).map_err(io::Error::other)?, "");
        }
        Ok(())
    }

    /// Adds a key at the end of the list's mapping, as a block or as JSON.
    fn append_key(&self, splice: &mut Splice<'_>, key: &str, block: &str, json: &str) {
        let end = self.document.root.end;
        if self.is_flow() {
            splice.insert(end - 1, format!(", \"{key}\": {json}"));
            return;
        }
        let indent = self.document.keys.first().map_or(0, |first| column(self.source, first.key_span.start));
        let newline = if self.source[..end].ends_with('\n') { "" } else { "\n" };
        splice.insert(end, format!("{newline}{}", indented(&format!("{key}:\n{block}"), indent)));
    }
}

/// Moves every line to the right; empty lines stay empty.
fn indented(text: &str, indent: usize) -> String {
    if indent == 0 {
        return text.to_owned();
    }
    let prefix = " ".repeat(indent);
    let mut moved = String::with_capacity(text.len() * 5 / 4);
    for line in text.split_inclusive('\n') {
        if line != "\n" {
            moved.push_str(&prefix);
        }
        moved.push_str(line);
    }
    moved
}

fn json(document: &str) -> io::Result<String> {
    let node = Node::parse(document, 0..document.len()).map_err(io::Error::other)?;
    encode_json(&node.to_json()).map_err(io::Error::other)
}

fn json_list(documents: &[String]) -> io::Result<String> {
    let texts = documents.iter().map(|document| json(document)).collect::<io::Result<Vec<_>>>()?;
    Ok(format!("[{}]", texts.join(", ")))
}
