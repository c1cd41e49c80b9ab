//! Changes resources inside lists in place.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use granit_parser::StructureStyle;

use super::ItemChange;
use super::items::is_open;
use super::resources::Resources;
use super::scan::{ScannedDocument, ScannedElement, ScannedList};
use super::splice::{Splice, mark_local};
use crate::yaml::{AliasBudget, Span, YamlNode, encode_flow};

/// Applies the changes to the elements of lists, in the order of [`super::items::add`].
pub(super) struct Editor<'e, 'a> {
    pub(super) resources: &'e Resources<'a>,
    pub(super) changes: &'e BTreeMap<usize, ItemChange>,
    /// Whether a resource that would be marked is removed instead.
    pub(super) removes: bool,
    /// The index of the next item.
    pub(super) next: usize,
    /// The spans that were removed.
    pub(super) dropped: Vec<Span>,
    /// Where resources were marked.
    marked: BTreeSet<usize>,
}

impl<'e, 'a> Editor<'e, 'a> {
    pub(super) fn new(resources: &'e Resources<'a>, changes: &'e BTreeMap<usize, ItemChange>, removes: bool) -> Self {
        Self { resources, changes, removes, next: 0, dropped: Vec::new(), marked: BTreeSet::new() }
    }

    /// Changes a list; returns which elements stay. If none stays, nothing is changed, because the whole list is removed.
    pub(super) fn list(&mut self, elements: &ScannedList<'_>, splice: &mut Splice<'_>) -> io::Result<Vec<bool>> {
        let (edits, dropped) = (splice.len(), self.dropped.len());
        let stays: Vec<bool> =
            elements.list.iter().map(|element| self.element(element, splice)).collect::<io::Result<_>>()?;
        let Some(first) = stays.iter().position(|stays| *stays) else {
            splice.truncate(edits);
            self.dropped.truncate(dropped);
            return Ok(stays);
        };
        let gone = elements.list.iter().zip(&stays).enumerate().filter(|(_, (_, stays))| !**stays);
        for (index, (element, _)) in gone {
            match elements.style {
                StructureStyle::Block => self.drop(element.chunk.clone(), splice),
                // The text before an element contains the comma that it needs.
                StructureStyle::Flow if index > first => self.drop(element.chunk.clone(), splice),
                StructureStyle::Flow => {}
            }
        }
        if let (StructureStyle::Flow, Some(element), true) = (elements.style, elements.list.get(first), first > 0) {
            self.drop(elements.value.start + 1..element.span.start, splice);
        }
        Ok(stays)
    }

    fn drop(&mut self, span: Span, splice: &mut Splice<'_>) {
        self.dropped.push(span.clone());
        splice.remove(span);
    }

    /// Changes a resource, or the resources of a list; returns false if nothing stays.
    pub(super) fn element(&mut self, element: &ScannedElement<'_>, splice: &mut Splice<'_>) -> io::Result<bool> {
        if is_open(element)
            && let Some(items) = &element.items
        {
            return Ok(self.list(items, splice)?.contains(&true));
        }
        let index = self.next;
        self.next += 1;
        match self.changes.get(&index) {
            None => Ok(true),
            Some(ItemChange::MarkLocal) if !self.removes => {
                if let Some(item) = self.resources.items.get(index) {
                    let node = self.resources.node(item).map_err(io::Error::other)?;
                    // Metadata that two resources share by an anchor is marked once.
                    if let Some((span, text)) = mark_local(self.resources.source, item, &node)
                        && self.marked.insert(span.start)
                    {
                        splice.replace(span, text);
                    }
                }
                Ok(true)
            }
            Some(_) => Ok(false),
        }
    }

    /// Text that stays may refer to an anchor in removed text: such an alias is replaced by the value of its anchor.
    pub(super) fn resolve_aliases(&self, document: &ScannedDocument<'_>, splice: &mut Splice<'_>) -> io::Result<()> {
        if self.dropped.is_empty() {
            return Ok(());
        }
        let mut dropped: Vec<&Span> = self.dropped.iter().collect();
        dropped.sort_by_key(|span| span.start);
        let is_dropped = |at: usize| {
            let before = dropped.partition_point(|span| span.start <= at);
            before.checked_sub(1).and_then(|last| dropped.get(last)).is_some_and(|span| span.contains(&at))
        };
        let lost = document
            .aliases_in(&document.text)
            .filter(|(alias, anchor)| is_dropped(*anchor) && !is_dropped(alias.start))
            .map(|(alias, _)| (alias.start, alias.clone()))
            .collect();
        replace_aliases(self.resources.source, &document.text, &lost, splice)
    }
}

/// Replaces aliases, given by their start, with the values of their anchors.
pub(super) fn replace_aliases(
    source: &str,
    text: &Span,
    aliases: &BTreeMap<usize, Span>,
    splice: &mut Splice<'_>,
) -> io::Result<()> {
    if aliases.is_empty() {
        return Ok(());
    }
    let wanted: BTreeSet<usize> = aliases.keys().copied().collect();
    // The input has its own budget; this one limits the output.
    let budget = AliasBudget::new(text.end - text.start);
    let (_, found) = YamlNode::parse_with_aliases(source, text.clone(), &budget, &wanted).map_err(io::Error::other)?;
    for (at, node) in found {
        if let Some(span) = aliases.get(&at) {
            splice.replace(span.clone(), encode_flow(&node));
        }
    }
    Ok(())
}
