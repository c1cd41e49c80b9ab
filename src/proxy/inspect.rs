//! Reading a bundle, ours or anybody's: what it needs, which paths it serves, and what is broken in it.

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::manifest::Requirements;
use crate::bundle::{BundleKind, BundlePath, Files};
use crate::diag::{Code, Diagnostic, FieldPath, Report};
use crate::xml::{Document, Node, parse_bytes};

/// What a bundle says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspected {
    /// What must exist in Apigee before it can run.
    pub requires: Requirements,
    /// The paths that it serves, sorted.
    pub base_paths: Vec<String>,
    /// Whether it shows a Google credential to a target, so that its deployment must name a service account.
    pub google_auth: bool,
}

/// Inspects the bundle of `spec.bundle` and reports what is broken in it. Every XML file is parsed, so that it is not
/// Apigee that finds the fault; scripts and other resources are not read.
pub fn inspect(kind: BundleKind, name: &str, files: &Files, report: &mut Report<'_>) -> Inspected {
    let (inspected, findings) = read(kind, name, files);
    for finding in findings {
        report.push(finding.at(FieldPath::of(&["spec", "bundle"])));
    }
    inspected
}

/// The folders whose XML files make a bundle, and the root elements that Apigee reads in them; policies have any.
const FOLDERS: &[(&str, Option<&str>)] = &[
    ("policies", None),
    ("proxies", Some("ProxyEndpoint")),
    ("sharedflows", Some("SharedFlow")),
    ("targets", Some("TargetEndpoint")),
];

pub(super) fn read(kind: BundleKind, name: &str, files: &Files) -> (Inspected, Vec<Diagnostic>) {
    let mut reader = Reader::default();
    let mut roots: Vec<&BundlePath> = Vec::new();
    let mut unreadable_root = false;
    for (path, bytes) in files.iter().filter(|(path, _)| has_extension(path, "xml")) {
        let folder = FOLDERS.iter().find(|(folder, _)| *folder == path.folder());
        if !path.folder().is_empty() && folder.is_none() {
            continue;
        }
        let document = match parse_bytes(bytes) {
            Ok(document) => document,
            Err(error) => {
                unreadable_root |= path.folder().is_empty();
                reader.error(Code::MalformedXml, format!("`{path}` does not parse: {error}"), "correct the file");
                continue;
            }
        };
        let root = document.root_element().tag_name().name();
        match folder {
            None if root == kind.root_element() => roots.push(path),
            None => {}
            Some((_, expected)) => {
                if let Some(expected) = expected.filter(|expected| *expected != root) {
                    reader.error(
                        Code::MalformedXml,
                        format!("`{path}` has the root element <{root}>, Apigee expects <{expected}> in this folder"),
                        "move the file or correct its root element",
                    );
                    continue;
                }
                reader.file(path, &document);
            }
        }
    }
    if roots.len() != 1 && !unreadable_root {
        let found = match roots.as_slice() {
            [] => "no file".to_owned(),
            several => format!("{} files ({})", several.len(), quoted(several.iter().map(|path| path.as_str()))),
        };
        reader.error(
            Code::MissingRootXml,
            format!("the bundle of `{name}` has {found} with <{}> at its top", kind.root_element()),
            &format!("exactly one is needed, as `{name}.xml` beside the folders"),
        );
    }
    reader.finish()
}

fn has_extension(path: &BundlePath, extension: &str) -> bool {
    let name = path.file_name();
    name.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
}

fn quoted<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What is gathered over all files, and what was found.
#[derive(Default)]
struct Reader {
    policies: BTreeSet<String>,
    targets: BTreeSet<String>,
    /// Name → the first file that uses it.
    steps: BTreeMap<String, String>,
    routes: BTreeMap<String, String>,
    shared_flows: BTreeSet<String>,
    target_servers: BTreeSet<String>,
    key_value_maps: BTreeSet<String>,
    base_paths: BTreeSet<String>,
    google_auth: bool,
    findings: Vec<Diagnostic>,
}

fn text(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().trim().to_owned()
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn parent_is(node: Node<'_, '_>, name: &str) -> bool {
    node.parent_element().is_some_and(|parent| parent.tag_name().name() == name)
}

/// Adds a name that is written out; what a variable will hold is not known here.
fn add(names: &mut BTreeSet<String>, name: &str) {
    if !name.is_empty() && !name.contains('{') {
        names.insert(name.to_owned());
    }
}

impl Reader {
    fn error(&mut self, code: Code, message: String, help: &str) {
        self.findings.push(Diagnostic::error(code, message).help(help));
    }

    fn file(&mut self, path: &BundlePath, document: &Document<'_>) {
        let root = document.root_element();
        let stem = path.file_name().rsplit_once('.').map_or("", |(stem, _)| stem);
        let name = root.attribute("name").unwrap_or(stem).to_owned();
        match path.folder() {
            "policies" => {
                self.policies.insert(name);
            }
            "targets" => {
                self.targets.insert(name);
            }
            _ => {}
        }
        for node in document.descendants().filter(Node::is_element) {
            self.element(path, node);
        }
    }

    fn element(&mut self, path: &BundlePath, node: Node<'_, '_>) {
        let in_policy = path.folder() == "policies";
        match node.tag_name().name() {
            "Step" if !in_policy => {
                let name = child(node, "Name").map(text).unwrap_or_default();
                self.steps.entry(name).or_insert_with(|| path.to_string());
            }
            "TargetEndpoint" if parent_is(node, "RouteRule") => {
                self.routes.entry(text(node)).or_insert_with(|| path.to_string());
            }
            "BasePath" if parent_is(node, "HTTPProxyConnection") => {
                self.base_paths.insert(text(node));
            }
            "SharedFlowBundle" if parent_is(node, "FlowCallout") => add(&mut self.shared_flows, &text(node)),
            "Server" if parent_is(node, "LoadBalancer") => {
                add(&mut self.target_servers, node.attribute("name").unwrap_or_default());
            }
            "GoogleIDToken" | "GoogleAccessToken" if parent_is(node, "Authentication") => self.google_auth = true,
            // Other scopes belong to the proxy or the organization, not to the environment.
            "KeyValueMapOperations" if child(node, "Scope").is_none_or(|scope| text(scope) == "environment") => {
                let name = child(node, "MapName").map(text).filter(|name| !name.is_empty());
                let name = name.or_else(|| node.attribute("mapIdentifier").map(str::to_owned));
                add(&mut self.key_value_maps, &name.unwrap_or_default());
            }
            _ => {}
        }
    }

    fn finish(mut self) -> (Inspected, Vec<Diagnostic>) {
        let policies: Vec<&str> = self.policies.iter().map(String::as_str).collect();
        for (name, path) in &self.steps {
            if !self.policies.contains(name) {
                let warning = format!("a step in `{path}` names the policy `{name}`, which the bundle does not have");
                let warning = Diagnostic::warning(Code::MissingPolicy, warning);
                self.findings.push(match crate::diag::nearest(name, policies.iter().copied()) {
                    Some(meant) => warning.propose(meant),
                    None => warning.help("Apigee refuses to deploy it: add the policy or remove the step"),
                });
            }
        }
        for (name, path) in &self.routes {
            if !self.targets.contains(name) {
                let warning =
                    format!("a route in `{path}` leads to the target `{name}`, which the bundle does not have");
                let warning = Diagnostic::warning(Code::MissingTarget, warning);
                self.findings.push(match crate::diag::nearest(name, self.targets.iter().map(String::as_str)) {
                    Some(meant) => warning.propose(meant),
                    None => warning.help("add the target or remove the route"),
                });
            }
        }
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>();
        let inspected = Inspected {
            requires: Requirements {
                shared_flows: list(self.shared_flows),
                target_servers: list(self.target_servers),
                key_value_maps: list(self.key_value_maps),
            },
            base_paths: list(self.base_paths),
            google_auth: self.google_auth,
        };
        (inspected, self.findings)
    }
}
