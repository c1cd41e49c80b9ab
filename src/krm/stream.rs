//! A stream of YAML documents: what `kustomize build` prints and what a Helm post-renderer reads.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::Change;
use super::item::Item;
use super::scan::{Document, Shape};
use super::splice::Splice;
use crate::diag::{Code, Diagnostic};
use crate::yaml::line_and_column;

/// Resources, one in each document.
#[derive(Debug)]
pub struct Stream<'a> {
    source: &'a str,
    items: Vec<Item<'a>>,
}

impl<'a> Stream<'a> {
    pub(super) fn new(source: &'a str, documents: Vec<Document<'a>>) -> Result<Self, Diagnostic> {
        let mut items = Vec::new();
        for document in documents {
            if document.shape == Shape::Empty {
                continue;
            }
            if document.shape == Shape::Other
                || document.header.api_version.is_empty()
                || document.header.kind.is_empty()
            {
                let (line, column) = line_and_column(source, document.root.start);
                return Err(Diagnostic::error(
                    Code::MissingIdentity,
                    "a document of the input is no Kubernetes resource: it lacks `apiVersion` or `kind`",
                )
                .position(line, column)
                .help("send a ResourceList, or the documents that `kustomize build` prints"));
            }
            items.push(Item { span: document.root, chunk: document.chunk, header: document.header });
        }
        Ok(Self { source, items })
    }

    pub(super) fn items(&self) -> &[Item<'a>] {
        &self.items
    }

    pub(super) fn items_mut(&mut self) -> &mut [Item<'a>] {
        &mut self.items
    }

    pub(super) fn source(&self) -> &'a str {
        self.source
    }

    /// Our kinds are consumed here: nothing behind a pipe would know what to do with them.
    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        changes: &BTreeMap<usize, Change>,
        new: &[String],
    ) -> io::Result<()> {
        let mut splice = Splice::default();
        for index in changes.keys() {
            if let Some(item) = self.items.get(*index) {
                splice.remove(item.chunk.clone());
            }
        }
        splice.write(self.source, out)?;
        if !new.is_empty() && !self.source.is_empty() && !self.source.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        for document in new {
            out.write_all(b"---\n")?;
            out.write_all(document.as_bytes())?;
        }
        Ok(())
    }
}
