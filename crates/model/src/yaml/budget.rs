//! What one input may grow to while it is read.

use std::cell::Cell;

use super::Span;

/// A document may be nested so deep, which bounds the recursion of every walk over a tree.
pub const MAX_DEPTH: usize = 100;

/// Aliases may add so many nodes to any input. Beyond that the nodes are limited by the bytes that were written.
const FREE_NODES: usize = 100_000;

/// The same for a document inside an input, of which there may be many.
const FREE_NODES_OF_DOCUMENT: usize = 10_000;

/// More nodes than any input has, whatever its size: a node takes about 100 bytes of memory.
const MAX_NODES: usize = 4_000_000;

/// Aliases may repeat so many bytes of text, and as many again as were written.
const FREE_TEXT: usize = 1 << 20;

/// The nodes and the text that the aliases of one input may expand to. Every document of the input draws on the same budget, so that
/// many small documents cannot do what one large one may not.
#[derive(Debug)]
pub struct Budget {
    nodes: Limit,
    text: Limit,
}

#[derive(Debug)]
struct Limit {
    most: usize,
    left: Cell<usize>,
}

impl Limit {
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

impl Budget {
    /// The budget of an input of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self::with_free(FREE_NODES, bytes)
    }

    /// The budget of one document inside an input, as one of OpenAPI.
    pub(super) fn of_document(bytes: usize) -> Self {
        Self::with_free(FREE_NODES_OF_DOCUMENT, bytes)
    }

    fn with_free(free: usize, bytes: usize) -> Self {
        let nodes = free.saturating_add(bytes).min(MAX_NODES);
        Self { nodes: Limit::new(nodes), text: Limit::new(FREE_TEXT.saturating_add(bytes)) }
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

/// The size of a text without what stands outside a span.
pub(super) fn length(span: &Span) -> usize {
    span.end.saturating_sub(span.start)
}
