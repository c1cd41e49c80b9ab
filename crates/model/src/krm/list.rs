//! A `ResourceList`, which is changed in place.

use std::collections::BTreeMap;
use std::io::{self, Write};

use granit_parser::StructureStyle;

use super::ItemChange;
use super::edit::Editor;
use super::item::{Item, ItemPlace};
use super::items;
use super::resources::Resources;
use super::results::results;
use super::scan::{RootForm, RootKey, ScannedDocument, ScannedList};
use super::splice::{Splice, column, value_span};
use crate::diag::{Code, Diagnostic};
use crate::yaml::{YamlNode, encode, encode_json, line_and_column};

/// The fields of a ResourceList.
const KEYS: [&str; 6] = ["apiVersion", "kind", "metadata", "items", "functionConfig", "results"];

/// The list that an orchestrator sends to a function (KRM functions specification v1).
#[derive(Debug)]
pub struct ResourceList<'a> {
    pub(super) resources: Resources<'a>,
    function_config: Option<Item<'a>>,
}

impl<'a> ResourceList<'a> {
    pub(super) fn new(mut resources: Resources<'a>) -> Result<Self, Diagnostic> {
        let source = resources.source;
        let wrong = |message: String, at: Option<usize>| {
            let diagnostic = Diagnostic::error(Code::NotAResourceList, message)
                .help("send one document with `kind: ResourceList` and a list of resources in `items`");
            Err(match at.map(|at| line_and_column(source, at)) {
                Some((line, column)) => diagnostic.position(line, column),
                None => diagnostic,
            })
        };
        let [document] = resources.documents.as_slice() else {
            return wrong("the input contains a ResourceList and other documents".to_owned(), None);
        };
        let mut seen: Vec<&str> = Vec::new();
        for key in &document.keys {
            let name = key.key.as_ref();
            if seen.contains(&name) {
                return wrong(
                    format!("`{name}` of the ResourceList is defined more than once"),
                    Some(key.key_span.start),
                );
            }
            seen.push(name);
            if let Some(meant) = KEYS.iter().find(|known| name != **known && name.eq_ignore_ascii_case(known)) {
                return wrong(
                    format!("the ResourceList has no field `{name}`; did you mean `{meant}`?"),
                    Some(key.key_span.start),
                );
            }
            if name == "items" && document.root.items.is_none() && !key.null {
                return wrong("`items` of the ResourceList is not a list".to_owned(), Some(key.key_span.start));
            }
        }
        if !seen.contains(&"items") && document.root.is_indirect {
            return wrong(
                "`items` of the ResourceList must be in the ResourceList itself, not behind an alias or a merge key"
                    .to_owned(),
                Some(document.root.span.start),
            );
        }
        let function_config = document.keys.iter().find_map(|key| {
            let config = key.config.as_ref()?;
            let (span, header) = (config.span.clone(), config.header.clone());
            Some(Item { chunk: span.clone(), span, header, document: 0, place: ItemPlace::FunctionConfig })
        });
        items::add_elements(&document.root, 0, &[], &mut resources.items);
        Ok(Self { resources, function_config })
    }

    pub(super) fn function_config(&self) -> Option<&Item<'a>> {
        self.function_config.as_ref()
    }

    /// The only document.
    fn document(&self) -> io::Result<&ScannedDocument<'a>> {
        self.resources.documents.first().ok_or_else(|| io::Error::other("the ResourceList has no document"))
    }

    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        changes: &BTreeMap<usize, ItemChange>,
        new: &[String],
        diagnostics: &[Diagnostic],
    ) -> io::Result<()> {
        let document = self.document()?;
        let root = RootEditor { source: self.resources.source, document };
        let mut splice = Splice::default();
        let key = document.keys.iter().find(|key| key.key == "items");
        match (key, &document.root.items) {
            (Some(_), Some(items)) if !items.list.is_empty() => {
                let mut editor = Editor::new(&self.resources, changes, false);
                let stays = editor.list(items, &mut splice)?;
                root.add_to(&mut splice, items, &stays, new)?;
                if stays.contains(&true) {
                    editor.resolve_aliases(document, &mut splice)?;
                }
            }
            (Some(key), _) => root.first_items(&mut splice, key, new)?,
            (None, _) if new.is_empty() => {}
            (None, _) if root.is_flow() => root.append_key(&mut splice, "items", "", &json_list(new)?),
            (None, _) => {
                root.append_key(&mut splice, "items", "", "");
                splice.replace_with_list(document.root.span.end..document.root.span.end, "", new, 0);
            }
        }
        root.write_results(&mut splice, diagnostics)?;
        splice.write(self.resources.source, out)
    }
}

/// The source text and the document of the list.
struct RootEditor<'e, 'a> {
    source: &'a str,
    document: &'e ScannedDocument<'a>,
}

impl<'a> RootEditor<'_, 'a> {
    fn is_flow(&self) -> bool {
        self.document.shape == RootForm::Flow
    }

    /// Adds new items after those that stay.
    fn add_to<'t>(
        &self,
        splice: &mut Splice<'t>,
        items: &ScannedList<'a>,
        stays: &[bool],
        new: &'t [String],
    ) -> io::Result<()> {
        let last = items.list.iter().zip(stays).filter(|(_, stays)| **stays).map(|(element, _)| element).next_back();
        match (items.style, last) {
            (StructureStyle::Flow, None) => splice.replace(items.value.clone(), json_list(new)?),
            (StructureStyle::Flow, Some(last)) => {
                for document in new {
                    splice.insert(last.span.end, format!(", {}", json(document)?));
                }
            }
            (StructureStyle::Block, None) if new.is_empty() => splice.replace(items.key.end..items.value.end, ": []\n"),
            (StructureStyle::Block, None) => {
                let indent = column(self.source, items.value.start);
                splice.replace_with_list(items.key.end..items.value.end, ":\n", new, indent);
            }
            (StructureStyle::Block, Some(_)) if new.is_empty() => {}
            (StructureStyle::Block, Some(_)) => {
                let indent = column(self.source, items.value.start);
                let end = items.value.end;
                let lead = if self.source[..end].ends_with('\n') { "" } else { "\n" };
                splice.replace_with_list(end..end, lead, new, indent);
            }
        }
        Ok(())
    }

    /// Writes the first items into `items` that is empty and not yet a block list.
    fn first_items<'t>(&self, splice: &mut Splice<'t>, key: &RootKey<'a>, new: &'t [String]) -> io::Result<()> {
        if new.is_empty() {
            return Ok(());
        }
        if self.is_flow() {
            splice.replace(key.value.clone(), json_list(new)?);
        } else {
            let mut span = value_span(self.source, &key.key_span, &key.value);
            // The list ends its last line with a newline.
            span.end +=
                ["\r\n", "\n"].into_iter().find(|end| self.source[span.end..].starts_with(end)).map_or(0, str::len);
            splice.replace_with_list(span, ":\n", new, 0);
        }
        Ok(())
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
        let end = self.document.root.span.end;
        if self.is_flow() {
            splice.insert(end - 1, format!(", \"{key}\": {json}"));
            return;
        }
        let indent = self.document.keys.first().map_or(0, |first| column(self.source, first.key_span.start));
        let newline = if self.source[..end].ends_with('\n') { "" } else { "\n" };
        splice.insert(end, format!("{newline}{}", indented(&format!("{key}:\n{block}"), indent)));
    }
}

/// Indents every line; empty lines stay empty.
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
    let node = YamlNode::parse(document, 0..document.len()).map_err(io::Error::other)?;
    encode_json(&node.to_json()).map_err(io::Error::other)
}

fn json_list(documents: &[String]) -> io::Result<String> {
    let texts = documents.iter().map(|document| json(document)).collect::<io::Result<Vec<_>>>()?;
    Ok(format!("[{}]", texts.join(", ")))
}
