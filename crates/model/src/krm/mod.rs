//! The input and output of the KRM function specification, and plain streams of resources.
//!
//! Invariant: an unmanaged item is never parsed into values or serialized again. Its header is read from parser events, and its bytes are
//! copied from the source. The only exception is an alias whose anchor is removed with a spec: it is replaced by the anchor's value.

pub mod annotation;
mod documents;
mod edit;
mod item;
mod items;
mod list;
mod resources;
mod results;
mod scan;
mod splice;
mod stream;

pub use item::{GROUP, Header, Id, Item};
pub use list::ResourceList;
pub use stream::Stream;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

pub use resources::Mark;
use resources::Resources;

use crate::diag::{Code, Diagnostic, Subject};
use crate::yaml::{AliasBudget, YamlError, YamlNode, line_and_column};

/// The input, in one of the two forms that the function accepts.
#[derive(Debug)]
pub enum Input<'a> {
    /// A `ResourceList` of an orchestrator.
    List(ResourceList<'a>),
    /// A stream of documents: the output of `kustomize build`, the input of a Helm post-renderer.
    Stream(Stream<'a>),
}

/// A change to an item of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemChange {
    /// The item is removed from the output.
    Drop,
    /// The item gets the annotation that keeps it out of the cluster.
    MarkLocal,
}

impl<'a> Input<'a> {
    /// Reads the input. If any part is malformed, the whole input is rejected with the place of the error.
    pub fn read(source: &'a str) -> Result<Self, Diagnostic> {
        let documents = scan::documents(source).map_err(|error| unreadable(source, &error))?;
        let is_list = |document: &scan::ScannedDocument<'_>| {
            let header = &document.root.header;
            header.kind == "ResourceList" && header.group() == "config.kubernetes.io"
        };
        let resources = Resources::new(source, documents).map_err(|error| unreadable(source, &error))?;
        if resources.documents.iter().any(is_list) {
            Ok(Self::List(ResourceList::new(resources)?))
        } else {
            Ok(Self::Stream(Stream::new(resources)?))
        }
    }

    fn resources(&self) -> &Resources<'a> {
        match self {
            Self::List(list) => &list.resources,
            Self::Stream(stream) => &stream.resources,
        }
    }

    /// Sets the file of each item, given the start of the item, and its index in the file.
    pub fn name_files<'f>(&mut self, file: impl Fn(usize) -> Option<&'f str>) {
        let items = match self {
            Self::List(list) => &mut list.resources.items,
            Self::Stream(stream) => &mut stream.resources.items,
        };
        let mut last = None;
        let mut index = 0;
        for item in items {
            let file = file(item.span.start);
            index = if file == last { index + 1 } else { 0 };
            last = file;
            if let Some(file) = file {
                // The file that was read takes precedence over annotations in it.
                let place = [annotation::PATH, annotation::INDEX, annotation::LEGACY_PATH, annotation::LEGACY_INDEX];
                item.header.annotations.retain(|(key, _)| !place.contains(&key.as_ref()));
                item.header.annotations.push((annotation::PATH.into(), file.to_owned().into()));
                item.header.annotations.push((annotation::INDEX.into(), index.to_string().into()));
            }
        }
    }

    /// The resources in order, including those inside lists.
    pub fn items(&self) -> &[Item<'a>] {
        &self.resources().items
    }

    /// The text that the spans of the items refer to.
    pub fn source(&self) -> &'a str {
        self.resources().source
    }

    /// The budget for the expansion of aliases and values of this input.
    pub fn budget(&self) -> &AliasBudget {
        self.resources().budget()
    }

    /// Whether the input wanted to grow beyond its budget.
    pub fn is_budget_exceeded(&self) -> bool {
        self.budget().is_exceeded()
    }

    /// What has been read so far.
    pub fn mark(&self) -> Mark {
        self.resources().mark()
    }

    /// Forgets what was read after the mark, and gives back what it took of the budget.
    pub fn rewind(&self, mark: &Mark) {
        self.resources().rewind(mark);
    }

    /// The tree of an item or of the functionConfig, with aliases resolved. It is parsed once and cached.
    pub fn node(&self, item: &Item<'_>) -> Result<Arc<YamlNode>, YamlError> {
        self.resources().node(item)
    }

    /// An item as JSON, for queries. It is converted once and cached.
    pub fn json(&self, item: &Item<'_>) -> Result<Arc<serde_json::Value>, YamlError> {
        self.resources().json(item)
    }

    /// The resources of a kind with a name, in order: the current name, a name before kustomize changed it, or the name without kustomize's
    /// hash.
    pub fn named<'i>(&'i self, kind: &str, name: &str) -> impl Iterator<Item = &'i Item<'a>> {
        self.resources().named(kind, name)
    }

    /// The item that a diagnostic is about.
    pub fn item_of(&self, subject: &Subject) -> Option<&Item<'a>> {
        self.resources().item_of(subject)
    }

    /// The text of an item as a separate document, wherever it is in the input.
    pub fn standalone(&self, item: &Item<'_>) -> io::Result<String> {
        self.resources().standalone(item)
    }

    /// The items that cannot be marked: they share their metadata, by an anchor, with an unmanaged resource.
    pub fn shared_metadata(&self) -> Vec<usize> {
        if matches!(self, Self::List(_)) { self.resources().shared_metadata() } else { Vec::new() }
    }

    /// The function's configuration, if the orchestrator passed one.
    pub fn function_config(&self) -> Option<&Item<'a>> {
        match self {
            Self::List(list) => list.function_config(),
            Self::Stream(_) => None,
        }
    }

    /// Writes the input with changes to some items, new items after the existing ones, and the diagnostics as results.
    /// `new` contains one YAML document per item.
    pub fn write(
        &self,
        out: &mut dyn Write,
        changes: &BTreeMap<usize, ItemChange>,
        new: &[String],
        diagnostics: &[Diagnostic],
    ) -> io::Result<()> {
        match self {
            Self::List(list) => list.write(out, changes, new, diagnostics),
            Self::Stream(stream) => stream.write(out, changes, new),
        }
    }
}

/// The diagnostic for an input that cannot be parsed.
fn unreadable(source: &str, error: &YamlError) -> Diagnostic {
    let (line, column) = line_and_column(source, error.offset);
    if let Some(help) = error.too_large {
        return Diagnostic::error(Code::InputTooLarge, error.message.clone()).position(line, column).help(help);
    }
    let malformed =
        |message: &str| Diagnostic::error(Code::MalformedYaml, format!("the input is not valid YAML: {message}"));
    // The parser reports a conflict marker only at a following line.
    let marker = source.lines().take(line).enumerate().filter(|(_, line)| is_conflict_marker(line)).last();
    if let Some((number, text)) = marker.filter(|(number, _)| number + CONFLICT_REACH >= line) {
        let message = format!("`{}` is a merge conflict marker", text.trim_end());
        return malformed(&message).position(number + 1, 1).help("resolve the conflict and remove its markers");
    }
    malformed(&error.message).position(line, column).help(help(source, error))
}

/// A syntax error at most this number of lines after a merge conflict marker is attributed to the marker.
const CONFLICT_REACH: usize = 2;

/// True for a line that Git writes where two versions of a file could not be merged.
fn is_conflict_marker(line: &str) -> bool {
    let line = line.trim_end();
    line == "=======" || ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|marker| line.starts_with(marker))
}

/// How to fix mistakes that tools make when they write files.
fn help(source: &str, error: &YamlError) -> &'static str {
    let at = error.offset.min(source.len());
    let line_start = source.get(..at).unwrap_or_default().rfind('\n').map_or(0, |newline| newline + 1);
    let line = source.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let before = source.get(..line_start).unwrap_or_default().lines().next_back().unwrap_or_default();
    if line.starts_with('\u{feff}') {
        "remove the byte order mark (the bytes EF BB BF) at the start of this line, or put `---` before it if a new file begins here"
    } else if line.starts_with('{') && before.trim_end().ends_with('}') {
        "put `---` between documents, also between JSON documents"
    } else {
        "correct the YAML"
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

    fn written(source: &str, changes: &[(usize, ItemChange)], new: &[&str]) -> String {
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
        let text = written(LIST, &[(0, ItemChange::Drop)], &["kind: New\napiVersion: v1\ntext: |\n  x\n\n  y\n"]);
        assert_eq!(
            text,
            "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: apps/v1\n  kind: Deployment\n  metadata:\n    name: b\n    namespace: team\n- kind: New\n  apiVersion: v1\n  text: |\n    x\n\n    y\nfunctionConfig:\n  apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: fc}\n"
        );
        let all = written(LIST, &[(0, ItemChange::Drop), (1, ItemChange::Drop)], &[]);
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
            written(source, &[(1, ItemChange::Drop)], &["apiVersion: v1\nkind: N\n"]),
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
            ("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nItems: []\n", Code::NotAResourceList),
            (
                "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nresults: []\nresults: []\n",
                Code::NotAResourceList,
            ),
            (
                "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nfunctionConfig: {}\nfunctionConfig: {}\n",
                Code::NotAResourceList,
            ),
            ("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\nitems: []\n", Code::MalformedYaml),
            ("apiVersion: v1\nkind: A\nkind: ApigeeProxy\n", Code::MalformedYaml),
            (
                "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n---\napiVersion: v1\nkind: A\n",
                Code::NotAResourceList,
            ),
        ] {
            assert_eq!(Input::read(source).unwrap_err().code, code, "{source}");
        }
    }

    const OURS: &str = "{apiVersion: apigeeflux.dev/v1alpha1, kind: ApigeeProxy, metadata: {name: p}}";
    const OTHER: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}";

    fn labels(source: &str) -> Vec<String> {
        Input::read(source).unwrap().items().iter().map(|item| Subject::from(&item.header).label()).collect()
    }

    /// Drops the managed items.
    fn without_ours(source: &str) -> String {
        let input = Input::read(source).unwrap();
        let ours = input.items().iter().enumerate().filter(|(_, item)| item.header.is_managed());
        let changes: Vec<(usize, ItemChange)> = ours.map(|(index, _)| (index, ItemChange::Drop)).collect();
        written(source, &changes, &[])
    }

    #[test]
    fn lists_are_opened_at_any_depth() {
        let list = |items: &str| format!("apiVersion: v1\nkind: List\nitems: [{items}]\n");
        let flow = |items: &str| format!("{{apiVersion: v1, kind: FooList, items: [{items}]}}");
        for source in [
            list(&format!("{OURS}, {OTHER}")),
            list(&flow(&format!("{OURS}, {OTHER}"))),
            format!("{}---\n{}", list(OURS), list(OTHER)),
            format!(
                "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {}\n",
                flow(&format!("{OURS}, {OTHER}"))
            ),
            format!("items:\n- {OURS}\n- {OTHER}\nkind: List\napiVersion: v1\n"),
        ] {
            assert_eq!(labels(&source), ["ApigeeProxy/p", "ConfigMap/c"], "{source}");
        }
    }

    #[test]
    fn what_only_looks_like_a_list_is_one_resource() {
        for source in [
            "apiVersion: a/v1\nkind: PrefixList\nmetadata: {name: l}\nspec: {items: [1]}\n",
            "apiVersion: a/v1\nkind: ShoppingList\nmetadata: {name: l}\nitems: [milk, {apiVersion: v1}]\n",
            "apiVersion: v1\nkind: List\nitems: []\n",
            "apiVersion: a/v1\nkind: Thing\nitems: [{apiVersion: v1, kind: A}]\n",
        ] {
            assert_eq!(labels(source).len(), 1, "{source}");
        }
    }

    #[test]
    fn what_stays_in_a_list_keeps_its_bytes() {
        let block = |items: &[&str]| {
            let items: String =
                items.iter().map(|item| format!("  - # one\n    {item} # c\n")).collect::<Vec<_>>().concat();
            format!("apiVersion: v1\nkind: List\nitems:\n{items}metadata: {{}}\n")
        };
        let flow = |items: &[&str]| {
            format!("{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [{}]}}\n", items.join(", "))
        };
        for list in [&block as &dyn Fn(&[&str]) -> String, &flow] {
            for (items, left) in [
                (&[OURS, OTHER] as &[&str], &[OTHER] as &[&str]),
                (&[OTHER, OURS], &[OTHER]),
                (&[OURS, OURS, OTHER, OURS, OTHER], &[OTHER, OTHER]),
                (&[OTHER, OURS, OTHER], &[OTHER, OTHER]),
            ] {
                assert_eq!(without_ours(&list(items)), list(left));
            }
            assert_eq!(without_ours(&list(&[OURS, OURS])), "");
            assert_eq!(without_ours(&list(&[flow(&[OURS]).trim(), OTHER])), list(&[OTHER]));
        }
    }

    #[test]
    fn an_alias_outlives_the_spec_that_holds_its_anchor() {
        let source = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: apigeeflux.dev/v1alpha1\n  kind: ApigeeProxy\n  metadata: {name: p, labels: &l {on: 012}}\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: c, labels: *l}   # kept\n";
        assert_eq!(
            without_ours(source),
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: c, labels: {\"on\": 012}}   # kept\n"
        );
    }

    #[test]
    fn a_header_may_come_by_an_alias_or_a_merge_key() {
        let base = "x: &x {apiVersion: apigeeflux.dev/v1alpha1, kind: ApigeeProxy, metadata: &m {name: p}}";
        for item in ["*x", "{<<: *x}", "{apiVersion: apigeeflux.dev/v1alpha1, kind: ApigeeProxy, metadata: *m}"] {
            let source = format!("apiVersion: v1\nkind: List\n{base}\nitems: [{item}]\n");
            assert_eq!(labels(&source), ["ApigeeProxy/p"], "{item}");
            let input = Input::read(&source).unwrap();
            assert!(input.node(&input.items()[0]).unwrap().get("metadata").is_some());
        }
        let source = format!("apiVersion: v1\nkind: List\n{base}\ny: &y [*x]\nitems: *y\n");
        assert_eq!(Input::read(&source).unwrap_err().code, Code::MalformedYaml);
    }

    #[test]
    fn a_resource_that_lives_by_aliases_is_marked_in_its_own_text() {
        let head = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: &m {name: c, annotations: &a {x: y}}}\n- ";
        let mark = "config.kubernetes.io/local-config";
        for item in [
            "{apiVersion: apigeeflux.dev/v1alpha1, kind: ApigeeProxy, metadata: *m}\n",
            "apiVersion: apigeeflux.dev/v1alpha1\n  kind: ApigeeProxy\n  metadata:\n    <<: *m\n    name: p\n",
            "apiVersion: apigeeflux.dev/v1alpha1\n  kind: ApigeeProxy\n  metadata: {name: p, annotations: *a}\n",
            "apiVersion: apigeeflux.dev/v1alpha1\n  kind: ApigeeProxy\n  metadata:\n    annotations:\n      <<: *a\n    name: p\n",
        ] {
            let text = written(&format!("{head}{item}"), &[(1, ItemChange::MarkLocal)], &[]);
            assert!(text.starts_with(head), "{text}");
            let input = Input::read(&text).unwrap();
            assert_eq!(input.items()[1].header.annotation(mark), Some("true"), "{text}");
            let node = input.node(&input.items()[1]).unwrap();
            assert_eq!(
                node.get("metadata").and_then(|m| m.get("annotations")?.get("x")?.as_str()),
                Some("y"),
                "{text}"
            );
        }
    }

    #[test]
    fn metadata_that_another_resource_borrows_is_noticed() {
        let list = |kind: &str| {
            format!(
                "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- {{apiVersion: apigeeflux.dev/v1alpha1, kind: ApigeeProxy, metadata: &m {{name: p, labels: &l {{a: b}}}}}}\n- {kind}\n"
            )
        };
        for (item, shared) in [
            ("{apiVersion: v1, kind: ConfigMap, metadata: *m}", true),
            ("{apiVersion: v1, kind: ConfigMap, metadata: {<<: *m}}", true),
            ("{apiVersion: v1, kind: ConfigMap, metadata: {name: c, labels: *l}}", false),
            ("{apiVersion: apigeeflux.dev/v1alpha1, kind: ApigeeSharedFlow, metadata: *m}", false),
        ] {
            let source = list(item);
            assert_eq!(!Input::read(&source).unwrap().shared_metadata().is_empty(), shared, "{item}");
        }
    }

    #[test]
    fn a_byte_order_mark_may_stand_before_every_document() {
        for source in [
            "\u{feff}apiVersion: v1\r\nkind: A\r\n---\r\n\u{feff}# c\r\napiVersion: v1\r\nkind: B\r\n",
            "apiVersion: v1\nkind: A\n\u{feff}---\napiVersion: v1\nkind: B\n...\n",
            "apiVersion: v1\nkind: A\n...\n\u{feff}apiVersion: v1\nkind: B\n",
        ] {
            assert_eq!(labels(source), ["A", "B"], "{source}");
            assert_eq!(written(source, &[], &[]), source);
            let input = Input::read(source).unwrap();
            assert!(input.items().iter().all(|item| input.node(item).is_ok()), "{source}");
        }
        let inside = Input::read("apiVersion: v1\n\u{feff}kind: A\n").unwrap_err();
        assert!(inside.help.unwrap().contains("EF BB BF"));
        assert_eq!(inside.position, Some((2, 1)));
    }

    #[test]
    fn a_document_that_needs_a_marker_gets_one() {
        let source = "apiVersion: v1\nkind: A\n---\napiVersion: apigeeflux.dev/v1alpha1\nkind: B\n...\napiVersion: v1\nkind: C\n";
        assert_eq!(
            written(source, &[(1, ItemChange::Drop)], &[]),
            "apiVersion: v1\nkind: A\n---\napiVersion: v1\nkind: C\n"
        );
    }

    #[test]
    fn an_item_stands_alone_at_the_margin() {
        let source =
            "apiVersion: v1\nkind: List\nx: &x {a: 1}\nitems:\n  - apiVersion: v1\n    kind: A\n    data: *x\n";
        let input = Input::read(source).unwrap();
        assert_eq!(input.standalone(&input.items()[0]).unwrap(), "apiVersion: v1\nkind: A\ndata: {\"a\": 1}\n");
    }

    #[test]
    fn a_merge_conflict_is_named_with_its_line() {
        let source =
            "apiVersion: v1\nkind: A\n---\n<<<<<<< HEAD\napiVersion: v1\nkind: B\n=======\nkind: C\n>>>>>>> branch\n";
        let found = Input::read(source).unwrap_err();
        assert_eq!((found.position, found.message.contains("`<<<<<<< HEAD`")), (Some((4, 1)), true));
    }

    #[test]
    fn a_group_is_recognised_however_it_is_written() {
        for version in [
            "apigeeflux.dev/v1alpha1",
            "ApigeeFlux.dev/v1",
            "apigeeflux.dev",
            "v1.apigeeflux.dev/v1",
            "\"apigeeflux.dev/v1alpha1 \"",
        ] {
            let source = format!("apiVersion: {version}\nkind: A\n");
            assert!(Input::read(&source).unwrap().items()[0].header.is_managed(), "{version}");
        }
    }
}
