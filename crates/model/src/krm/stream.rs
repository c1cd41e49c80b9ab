//! A stream of YAML documents: the output of `kustomize build` and the input of a Helm post-renderer.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::ItemChange;
use super::edit::Editor;
use super::items;
use super::resources::Resources;
use super::scan::RootForm;
use super::splice::Splice;
use crate::diag::{Code, Diagnostic};
use crate::yaml::line_and_column;

/// Resources: each document is one resource or a list of them.
#[derive(Debug)]
pub struct Stream<'a> {
    pub(super) resources: Resources<'a>,
}

impl<'a> Stream<'a> {
    pub(super) fn new(mut resources: Resources<'a>) -> Result<Self, Diagnostic> {
        for (index, document) in resources.documents.iter().enumerate() {
            if document.shape == RootForm::Other || !document.root.header.has_identity() {
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

    /// Specs are removed from the output: the next program in a pipe does not know their kinds.
    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        changes: &BTreeMap<usize, ItemChange>,
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
                // The documents before this one are removed: without a marker it would continue the last document that stays.
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
