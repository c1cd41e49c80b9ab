//! The KRM function specification's input and output, and plain streams of resources.
//!
//! Invariant: an item that is not ours is never parsed into values nor printed anew. Its header is read by events, and
//! its bytes are copied from the source.

pub mod annotation;
mod item;
mod list;
mod results;
mod scan;
mod splice;
mod stream;

pub use item::{Header, Id, Item};
pub use list::ResourceList;
pub use stream::Stream;

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::diag::{Code, Diagnostic, Subject};
use crate::yaml::line_and_column;

/// What came in: the two forms that the function takes.
#[derive(Debug)]
pub enum Input<'a> {
    /// A `ResourceList` of an orchestrator.
    List(ResourceList<'a>),
    /// A stream of documents: the output of `kustomize build`, the input of a Helm post-renderer.
    Stream(Stream<'a>),
}

/// One change to what came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The item leaves the output.
    Drop,
    /// The item gets the annotation that keeps it out of the cluster.
    MarkLocal,
}

impl<'a> Input<'a> {
    /// Reads the input. An error says where it is malformed; then nothing of it can be used.
    pub fn read(source: &'a str) -> Result<Self, Diagnostic> {
        let documents = scan::documents(source).map_err(|error| {
            let (line, column) = line_and_column(source, error.offset);
            Diagnostic::error(Code::MalformedYaml, format!("the input is not YAML: {}", error.message))
                .position(line, column)
                .help("correct the YAML")
        })?;
        let is_list = |document: &scan::Document<'_>| {
            document.header.kind == "ResourceList" && document.header.group() == "config.kubernetes.io"
        };
        if documents.iter().any(is_list) {
            Ok(Self::List(ResourceList::new(source, documents)?))
        } else {
            Ok(Self::Stream(Stream::new(source, documents)?))
        }
    }

    /// Tells each item the file that it stands in, given where it starts; its place in the file is counted.
    pub fn name_files<'f>(&mut self, file: impl Fn(usize) -> Option<&'f str>) {
        let items = match self {
            Self::List(list) => list.items_mut(),
            Self::Stream(stream) => stream.items_mut(),
        };
        let mut last = None;
        let mut index = 0;
        for item in items {
            let file = file(item.span.start);
            index = if file == last { index + 1 } else { 0 };
            last = file;
            if let Some(file) = file {
                // The file that was read is known better than what an annotation in it says.
                let place = [annotation::PATH, annotation::INDEX, annotation::LEGACY_PATH, annotation::LEGACY_INDEX];
                item.header.annotations.retain(|(key, _)| !place.contains(&key.as_ref()));
                item.header.annotations.push((annotation::PATH.into(), file.to_owned().into()));
                item.header.annotations.push((annotation::INDEX.into(), index.to_string().into()));
            }
        }
    }

    /// The resources, in their order.
    pub fn items(&self) -> &[Item<'a>] {
        match self {
            Self::List(list) => list.items(),
            Self::Stream(stream) => stream.items(),
        }
    }

    /// The text that the spans of the items count in.
    pub fn source(&self) -> &'a str {
        match self {
            Self::List(list) => list.source(),
            Self::Stream(stream) => stream.source(),
        }
    }

    /// The function's configuration, if the orchestrator gave one.
    pub fn function_config(&self) -> Option<&Item<'a>> {
        match self {
            Self::List(list) => list.function_config(),
            Self::Stream(_) => None,
        }
    }

    /// Writes the input with changes to some items, new items behind the others, and the diagnostics as results.
    /// `new` holds one YAML document for each item.
    pub fn write(
        &self,
        out: &mut dyn Write,
        changes: &BTreeMap<usize, Change>,
        new: &[String],
        diagnostics: &[Diagnostic],
    ) -> io::Result<()> {
        match self {
            Self::List(list) => list.write(out, changes, new, diagnostics),
            Self::Stream(stream) => stream.write(out, changes, new),
        }
    }
}

impl From<&Header<'_>> for Subject {
    fn from(header: &Header<'_>) -> Self {
        Self {
            api_version: header.api_version.clone().into_owned(),
            kind: header.kind.clone().into_owned(),
            namespace: header.namespace.as_ref().map(|namespace| namespace.clone().into_owned()),
            name: header.name.clone().into_owned(),
            file: header.file().map(str::to_owned),
            index: header.index(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(source: &str, changes: &[(usize, Change)], new: &[&str]) -> String {
        let changes = changes.iter().cloned().collect();
        let input = Input::read(source).unwrap();
        let new: Vec<String> = new.iter().map(|text| (*text).to_owned()).collect();
        let mut out = Vec::new();
        input.write(&mut out, &changes, &new, &[]).unwrap();
        let text = String::from_utf8(out).unwrap();
        Input::read(&text).unwrap();
        text
    }

    const LIST: &str = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- # first\n  apiVersion: v1\n  kind: ConfigMap # c\n  metadata: {name: 'a', annotations: {internal.config.kubernetes.io/path: 'a.yaml'}}\n# between\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata:\n    name: b\n    namespace: team\nfunctionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: fc}\n";

    #[test]
    fn what_does_not_change_leaves_as_the_same_bytes() {
        for source in [
            LIST,
            "kind: ResourceList\napiVersion: config.kubernetes.io/v1\nitems:\n  - {apiVersion: v1, kind: A, metadata: {name: x}}\n",
            "{\"apiVersion\": \"config.kubernetes.io/v1\", \"kind\": \"ResourceList\", \"items\": []}",
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\n",
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n",
            "# head\n---\napiVersion: v1\nkind: A\n---\n# only a comment\n---\napiVersion: v1\nkind: B\n",
        ] {
            assert_eq!(written(source, &[], &[]), source);
        }
    }

    #[test]
    fn headers_are_read() {
        let input = Input::read(LIST).unwrap();
        let labels: Vec<String> = input.items().iter().map(|item| Subject::from(&item.header).label()).collect();
        assert_eq!(labels, ["ConfigMap/a", "Deployment/team/b"]);
        assert_eq!(input.items()[0].header.file(), Some("a.yaml"));
        assert_eq!(input.function_config().unwrap().header.name, "fc");
    }

    #[test]
    fn items_are_dropped_and_added() {
        let text = written(LIST, &[(0, Change::Drop)], &["kind: New\napiVersion: v1\ntext: |\n  x\n\n  y\n"]);
        assert_eq!(
            text,
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata:\n    name: b\n    namespace: team\n- kind: New\n  apiVersion: v1\n  text: |\n    x\n\n    y\nfunctionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: fc}\n"
        );
        let all = written(LIST, &[(0, Change::Drop), (1, Change::Drop)], &[]);
        assert!(all.contains("items: []\nfunctionConfig:"), "{all}");
    }

    #[test]
    fn an_empty_list_takes_its_first_item() {
        let new = ["a: 1\n"];
        for head in ["items: []\n", "items:\n", "items: []", ""] {
            let source = format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n{head}");
            let text = written(&source, &[], &new);
            assert_eq!(text.trim_end(), "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- a: 1");
        }
        let json = "{\"apiVersion\": \"config.kubernetes.io/v1\", \"kind\": \"ResourceList\", \"items\": []}";
        assert_eq!(
            written(json, &[], &new),
            "{\"apiVersion\": \"config.kubernetes.io/v1\", \"kind\": \"ResourceList\", \"items\": [{\"a\":1}]}"
        );
    }

    #[test]
    fn results_replace_older_results() {
        let diagnostics = [Diagnostic::warning(Code::NothingToExpand, "nothing")];
        for source in [LIST, "{\"kind\": \"ResourceList\", \"apiVersion\": \"config.kubernetes.io/v1\"}"] {
            let mut first = Vec::new();
            Input::read(source).unwrap().write(&mut first, &BTreeMap::new(), &[], &diagnostics).unwrap();
            let first = String::from_utf8(first).unwrap();
            let mut second = Vec::new();
            Input::read(&first).unwrap().write(&mut second, &BTreeMap::new(), &[], &diagnostics).unwrap();
            assert_eq!(String::from_utf8(second).unwrap(), first);
            assert!(first.contains("nothing [AF009]"));
        }
    }

    #[test]
    fn a_document_of_a_stream_is_replaced() {
        let source = "apiVersion: v1\nkind: A\n---\napiVersion: apigeeflux.dev/v1alpha1\nkind: B\n---\napiVersion: v1\nkind: C # c";
        assert_eq!(
            written(source, &[(1, Change::Drop)], &["apiVersion: v1\nkind: N\n"]),
            "apiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: C # c\n---\napiVersion: v1\nkind: N\n"
        );
    }

    #[test]
    fn wrong_input_is_named() {
        for (source, code) in [
            ("a: [", Code::MalformedYaml),
            ("a: b\n c: d", Code::MalformedYaml),
            ("hello", Code::MissingIdentity),
            ("kind: X\n", Code::MissingIdentity),
            ("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: {}\n", Code::NotAResourceList),
            (
                "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n---\napiVersion: v1\nkind: A\n",
                Code::NotAResourceList,
            ),
        ] {
            assert_eq!(Input::read(source).unwrap_err().code, code, "{source}");
        }
    }
}
