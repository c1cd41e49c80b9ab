//! Limits how much one input may grow while it is read.

use std::cell::Cell;

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
}

#[derive(Debug)]
struct AliasLimit {
    most: usize,
    left: Cell<usize>,
}

impl AliasLimit {
    fn new(most: usize) -> Self {
        Self { most, left: Cell::new(most) }
    }

    fn take(&self, amount: usize) -> bool {
        match self.left.get().checked_sub(amount) {
            Some(left) => {
                self.left.set(left);
                true
            }
            None => false,
        }
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
        Self { nodes: AliasLimit::new(nodes), text: AliasLimit::new(FREE_TEXT.saturating_add(bytes)) }
    }

    /// Takes nodes; the error names the limit.
    pub(super) fn nodes(&self, amount: usize) -> Result<(), String> {
        if self.nodes.take(amount) {
            return Ok(());
        }
        Err(format!("the input expands to more than {} YAML nodes", self.nodes.most))
    }

    /// Takes bytes of text that are repeated; the error names the limit.
    pub fn text(&self, amount: usize) -> Result<(), String> {
        if self.text.take(amount) {
            return Ok(());
        }
        Err(format!("aliases and values repeat more than {} bytes of text", self.text.most))
    }
}

/// The length of a span in bytes.
pub(super) fn length(span: &Span) -> usize {
    span.end.saturating_sub(span.start)
}
