//! A stream of YAML documents: what `kustomize build` prints and what a Helm post-renderer reads.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::Change;
use super::edit::Editor;
use super::items;
use super::resources::Resources;
use super::scan::Shape;
use super::splice::Splice;
use crate::diag::{Code, Diagnostic};
use crate::yaml::line_and_column;

/// Resources, one in each document, or several in a list.
#[derive(Debug)]
pub struct Stream<'a> {
    pub(super) resources: Resources<'a>,
}

impl<'a> Stream<'a> {
    pub(super) fn new(mut resources: Resources<'a>) -> Result<Self, Diagnostic> {
        for (index, document) in resources.documents.iter().enumerate() {
            if document.shape == Shape::Other || !document.root.header.has_identity() {
                let (line, column) = line_and_column(resources.source, document.root.span.start);
                return Err(Diagnostic::error(
                    Code::MissingIdentity,
                    "a document of the input is not a Kubernetes resource: `apiVersion` or `kind` is missing",
                )
                .position(line, column)
                .help("send a ResourceList, or the documents that `kustomize build` prints"));
            }
            let first = resources.items.len();
            items::add(&document.root, index, &[], &mut resources.items);
            if let [item] = &mut resources.items[first..]
                && item.span == document.root.span
            {
                item.chunk = document.chunk.clone();
            }
        }
        Ok(Self { resources })
    }

    /// Our kinds are consumed here: nothing behind a pipe would know what to do with them.
    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        changes: &BTreeMap<usize, Change>,
        new: &[String],
    ) -> io::Result<()> {
        let source = self.resources.source;
        let mut splice = Splice::default();
        let mut editor = Editor::new(&self.resources, changes, true);
        let mut is_first = true;
        let mut is_behind_gap = false;
        for document in &self.resources.documents {
            editor.dropped.clear();
            if editor.element(&document.root, &mut splice)? {
                // Without the documents before it, this one would go on with the one before them.
                if is_behind_gap && !is_first && !document.marked {
                    splice.insert(document.chunk.start, "---\n");
                }
                editor.resolve_aliases(document, &mut splice)?;
                (is_first, is_behind_gap) = (false, false);
            } else {
                splice.remove(document.chunk.clone());
                is_behind_gap = true;
            }
        }
        splice.write(source, out)?;
        if !new.is_empty() && !source.is_empty() && !source.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        for document in new {
            out.write_all(b"---\n")?;
            out.write_all(document.as_bytes())?;
        }
        Ok(())
    }
}
