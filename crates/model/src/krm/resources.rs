//! The resources of an input, with caches of their parsed trees.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::Value as Json;

use super::edit::replace_aliases;
use super::item::{Item, ItemPlace};
use super::items;
use super::scan::{RootForm, ScannedDocument};
use super::splice::{Splice, column, is_alias};
use crate::diag::Subject;
use crate::yaml::{AliasBudget, BudgetMark, Entry, YamlError, YamlNode};

/// What is parsed once. A value that a thread needs while another one makes it is not made twice: it is charged to the budget once.
#[derive(Debug)]
struct Cache<T>(Mutex<CacheState<T>>);

#[derive(Debug)]
struct CacheState<T> {
    made: BTreeMap<usize, Arc<T>>,
    /// The keys in the order in which they were added.
    order: Vec<usize>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self(Mutex::new(CacheState { made: BTreeMap::new(), order: Vec::new() }))
    }
}

impl<T> Cache<T> {
    /// The value of a key, which is made if it is not known. Errors are not kept.
    fn get(&self, key: usize, make: impl FnOnce() -> Result<T, YamlError>) -> Result<Arc<T>, YamlError> {
        // A panic of `make` adds nothing.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(value) = state.made.get(&key) {
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(make()?);
        state.made.insert(key, Arc::clone(&value));
        state.order.push(key);
        Ok(value)
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).order.len()
    }

    /// Forgets all but the first values.
    fn shorten(&self, len: usize) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = len.min(state.order.len());
        for key in state.order.split_off(kept) {
            state.made.remove(&key);
        }
    }
}

/// What had been read of an input at one moment.
#[derive(Debug)]
pub struct Mark {
    budget: BudgetMark,
    caches: [usize; 3],
}

/// The documents of an input and the resources in them.
#[derive(Debug)]
pub(super) struct Resources<'a> {
    pub(super) source: &'a str,
    pub(super) documents: Vec<ScannedDocument<'a>>,
    pub(super) items: Vec<Item<'a>>,
    budget: AliasBudget,
    /// The parsed trees, by the start of the item. Many specs may refer to one resource.
    nodes: Cache<YamlNode>,
    /// The trees of whole documents, for items that use anchors of other items.
    trees: Cache<YamlNode>,
    /// The items as JSON, for queries.
    jsons: Cache<Json>,
    /// The items by the subject of a diagnostic.
    subjects: OnceLock<BTreeMap<Subject, usize>>,
    /// The items by kind and name: thousands of specs may each refer to one of thousands of resources.
    names: OnceLock<BTreeMap<String, BTreeMap<String, Vec<usize>>>>,
}

impl<'a> Resources<'a> {
    pub(super) fn new(source: &'a str, mut documents: Vec<ScannedDocument<'a>>) -> Result<Self, YamlError> {
        let budget = AliasBudget::new(source.len());
        documents.retain(|document| document.shape != RootForm::Empty);
        for document in &mut documents {
            items::resolve_headers(source, document, &budget)?;
        }
        Ok(Self {
            source,
            documents,
            items: Vec::new(),
            budget,
            nodes: Cache::default(),
            trees: Cache::default(),
            jsons: Cache::default(),
            subjects: OnceLock::new(),
            names: OnceLock::new(),
        })
    }

    pub(super) fn budget(&self) -> &AliasBudget {
        &self.budget
    }

    pub(super) fn mark(&self) -> Mark {
        let caches = [self.nodes.len(), self.trees.len(), self.jsons.len()];
        Mark { budget: self.budget.mark(), caches }
    }

    pub(super) fn rewind(&self, mark: &Mark) {
        let [nodes, trees, jsons] = mark.caches;
        self.nodes.shorten(nodes);
        self.trees.shorten(trees);
        self.jsons.shorten(jsons);
        self.budget.rewind(&mark.budget);
    }

    /// The item that a diagnostic is about.
    pub(super) fn item_of(&self, subject: &Subject) -> Option<&Item<'a>> {
        let subjects = self.subjects.get_or_init(|| {
            // If several items have the same subject, the first one is used.
            self.items.iter().enumerate().rev().map(|(index, item)| (Subject::from(&item.header), index)).collect()
        });
        self.items.get(*subjects.get(subject)?)
    }

    pub(super) fn named<'r>(&'r self, kind: &str, name: &str) -> impl Iterator<Item = &'r Item<'a>> {
        let names = self.names.get_or_init(|| {
            let mut names: BTreeMap<String, BTreeMap<String, Vec<usize>>> = BTreeMap::new();
            for (index, item) in self.items.iter().enumerate() {
                let of_kind = names.entry(item.header.kind.to_string()).or_default();
                for name in item.header.names().chain(item.header.name_without_hash()) {
                    let found = of_kind.entry(name.to_owned()).or_default();
                    if found.last() != Some(&index) {
                        found.push(index);
                    }
                }
            }
            names
        });
        let found = names.get(kind).and_then(|of_kind| of_kind.get(name)).map(Vec::as_slice).unwrap_or_default();
        found.iter().filter_map(|index| self.items.get(*index))
    }

    /// The tree of an item, with the aliases in it resolved.
    pub(super) fn node(&self, item: &Item<'_>) -> Result<Arc<YamlNode>, YamlError> {
        self.nodes.get(item.span.start, || {
            if self.uses_others(item) {
                self.in_document(item)
            } else {
                YamlNode::parse_within(self.source, item.span.clone(), &self.budget)
            }
        })
    }

    /// An item as JSON.
    pub(super) fn json(&self, item: &Item<'_>) -> Result<Arc<Json>, YamlError> {
        self.jsons.get(item.span.start, || Ok(self.node(item)?.to_json()))
    }

    /// True if an alias in an item refers to an anchor outside of the item.
    fn uses_others(&self, item: &Item<'_>) -> bool {
        let document = self.documents.get(item.document);
        document
            .is_some_and(|document| document.aliases_in(&item.chunk).any(|(_, anchor)| !item.chunk.contains(&anchor)))
    }

    fn in_document(&self, item: &Item<'_>) -> Result<YamlNode, YamlError> {
        let lost = || YamlError {
            message: "the resource is not found in its document".to_owned(),
            offset: item.span.start,
            too_large: None,
        };
        let tree = self.tree(item.document)?.ok_or_else(lost)?;
        let node = match &item.place {
            ItemPlace::FunctionConfig => tree.get("functionConfig"),
            ItemPlace::Items(path) => {
                path.iter().try_fold(&*tree, |node, index| node.get("items")?.elements().get(*index))
            }
        };
        node.cloned().ok_or_else(lost)
    }

    fn tree(&self, document: usize) -> Result<Option<Arc<YamlNode>>, YamlError> {
        let Some(text) = self.documents.get(document).map(|document| document.text.clone()) else { return Ok(None) };
        self.trees.get(document, || YamlNode::parse_within(self.source, text, &self.budget)).map(Some)
    }

    /// The text of an item as a separate document: without indentation, and with those aliases replaced whose anchors are outside of the item.
    pub(super) fn standalone(&self, item: &Item<'_>) -> std::io::Result<String> {
        let Some(document) = self.documents.get(item.document) else { return Ok(String::new()) };
        let lost = document
            .aliases_in(&item.span)
            .filter(|(_, anchor)| !item.span.contains(anchor))
            .map(|(alias, _)| (alias.start, alias.clone()))
            .collect();
        let mut splice = Splice::default();
        replace_aliases(self.source, &document.text, &lost, &mut splice)?;
        let mut text = Vec::new();
        splice.write_span(self.source, item.span.clone(), &mut text)?;
        let text = String::from_utf8(text).map_err(std::io::Error::other)?;
        Ok(to_margin(&text, column(self.source, item.span.start)))
    }

    /// The managed items whose metadata is shared, by an anchor, with an unmanaged resource.
    pub(super) fn shared_metadata(&self) -> Vec<usize> {
        let mut borrowed: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for document in &self.documents {
            for (alias, anchor) in document.aliases_in(&document.text) {
                let lender = self.item_at(anchor).filter(|(_, item)| item.header.is_managed());
                let is_managed = |item: &Item<'_>| item.header.is_managed() || item.header.is_output();
                if let Some((index, _)) = lender
                    && !self.item_at(alias.start).is_some_and(|(_, item)| is_managed(item))
                {
                    borrowed.entry(index).or_default().push(anchor);
                }
            }
        }
        borrowed
            .retain(|index, anchors| self.items.get(*index).is_some_and(|item| self.has_metadata_at(item, anchors)));
        borrowed.into_keys().collect()
    }

    /// The item that contains a byte.
    fn item_at(&self, at: usize) -> Option<(usize, &Item<'a>)> {
        let index = self.items.partition_point(|item| item.chunk.end <= at);
        self.items.get(index).filter(|item| item.chunk.contains(&at)).map(|item| (index, item))
    }

    /// True if one of the anchors is on the item, its metadata or its annotations.
    fn has_metadata_at(&self, item: &Item<'_>, anchors: &[usize]) -> bool {
        let Ok(node) = self.node(item) else { return false };
        let whole = item.chunk.start..=node.span.start;
        let metadata = node.entry("metadata").filter(|entry| !is_alias(self.source, &entry.value));
        let annotations = metadata.and_then(|metadata| metadata.value.entry("annotations"));
        let inner = || [metadata, annotations].into_iter().flatten();
        let is_before = |entry: &Entry, anchor: usize| (entry.key_span.end..=entry.value.span.start).contains(&anchor);
        anchors.iter().any(|anchor| whole.contains(anchor) || inner().any(|entry| is_before(entry, *anchor)))
    }
}

/// Removes up to `indent` spaces of indentation from all lines after the first one.
fn to_margin(text: &str, indent: usize) -> String {
    if indent == 0 {
        return text.to_owned();
    }
    let mut moved = String::with_capacity(text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        moved.push_str(if number == 0 { line } else { &line[blanks.min(indent)..] });
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_moved_to_the_margin() {
        assert_eq!(to_margin("a:\n    b: |\n      x\n\n  # c\n  d: 1\n", 2), "a:\n  b: |\n    x\n\n# c\nd: 1\n");
    }
}
