//! Limits how much one input may grow while it is read.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::Span;

/// The maximum depth of nesting of a document, which bounds the recursion of every walk over a tree.
pub const MAX_DEPTH: usize = 100;

/// The number of nodes that aliases may add to any input. Further nodes are limited by the number of bytes of the input.
const FREE_NODES: usize = 100_000;

/// The same for a document inside an input, which may contain many.
const FREE_NODES_OF_DOCUMENT: usize = 10_000;

/// The maximum number of nodes of an input of any size: a node takes about 100 bytes of memory.
const MAX_NODES: usize = 4_000_000;

/// The number of bytes of text that aliases may repeat, in addition to the number of bytes of the input.
const FREE_TEXT: usize = 1 << 20;

/// The nodes and the text that the aliases of one input may expand to. All documents of the input share the budget, so that many small
/// documents cannot exceed what one large document may use.
#[derive(Debug)]
pub struct AliasBudget {
    nodes: AliasLimit,
    text: AliasLimit,
    /// Whether more was wanted than is left.
    exceeded: AtomicBool,
}

/// What is left of a budget at one moment.
#[derive(Debug)]
pub(crate) struct BudgetMark {
    nodes: usize,
    text: usize,
    exceeded: bool,
}

#[derive(Debug)]
struct AliasLimit {
    most: usize,
    left: AtomicUsize,
}

impl AliasLimit {
    fn new(most: usize) -> Self {
        Self { most, left: AtomicUsize::new(most) }
    }

    fn take(&self, amount: usize) -> bool {
        self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount)).is_ok()
    }
}

impl AliasBudget {
    /// The budget of an input of this many bytes.
    pub fn new(bytes: usize) -> Self {
        Self::with_free(FREE_NODES, bytes)
    }

    /// The budget of one document inside an input, such as an OpenAPI document.
    pub(super) fn of_document(bytes: usize) -> Self {
        Self::with_free(FREE_NODES_OF_DOCUMENT, bytes)
    }

    fn with_free(free: usize, bytes: usize) -> Self {
        let nodes = free.saturating_add(bytes).min(MAX_NODES);
        let text = FREE_TEXT.saturating_add(bytes);
        Self { nodes: AliasLimit::new(nodes), text: AliasLimit::new(text), exceeded: AtomicBool::new(false) }
    }

    /// Whether more was wanted than is left.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    pub(crate) fn mark(&self) -> BudgetMark {
        let left = |limit: &AliasLimit| limit.left.load(Ordering::Relaxed);
        BudgetMark { nodes: left(&self.nodes), text: left(&self.text), exceeded: self.is_exceeded() }
    }

    /// Gives back what was taken since the mark.
    pub(crate) fn rewind(&self, mark: &BudgetMark) {
        self.nodes.left.store(mark.nodes, Ordering::Relaxed);
        self.text.left.store(mark.text, Ordering::Relaxed);
        self.exceeded.store(mark.exceeded, Ordering::Relaxed);
    }

    /// Takes nodes; the error names the limit.
    pub(super) fn nodes(&self, amount: usize) -> Result<(), String> {
        if self.nodes.take(amount) {
            return Ok(());
        }
        self.exceeded.store(true, Ordering::Relaxed);
        Err(format!("the input expands to more than {} YAML nodes", self.nodes.most))
    }

    /// Takes bytes of text that are repeated; the error names the limit.
    pub fn text(&self, amount: usize) -> Result<(), String> {
        if self.text.take(amount) {
            return Ok(());
        }
        self.exceeded.store(true, Ordering::Relaxed);
        Err(format!("aliases and values repeat more than {} bytes of text", self.text.most))
    }
}

/// The length of a span in bytes.
pub(super) fn length(span: &Span) -> usize {
    span.end.saturating_sub(span.start)
}
