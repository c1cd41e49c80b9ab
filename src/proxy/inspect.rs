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
    let mut other_kind: Option<(&BundlePath, BundleKind)> = None;
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
            None => {
                let other = BundleKind::ALL.into_iter().find(|other| root == other.root_element());
                other_kind = other_kind.or(other.map(|other| (path, other)));
            }
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
    if let (Some((path, other)), []) = (&other_kind, roots.as_slice()) {
        // All that else is found would be about a bundle that is not meant.
        let message = format!(
            "the bundle of `{name}` is a {}, not a {}: `{path}` has the root element <{}>",
            other.noun(),
            kind.noun(),
            other.root_element()
        );
        let help = format!("use the kind `{}`, or another bundle", other.resource_kind());
        return (Inspected::default(), vec![Diagnostic::error(Code::MissingRootXml, message).help(help)]);
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

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: (&str, &str) = ("a proxy.xml", "<APIProxy name='a'/>");

    fn inspect_files(files: &[(&str, &str)]) -> (Inspected, Vec<String>) {
        let files =
            files.iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec())).collect();
        let subject = crate::diag::Subject::default();
        let mut report = Report::new(&subject);
        let inspected = inspect(BundleKind::Proxy, "a", &files, &mut report);
        let findings = report.into_diagnostics();
        let line = |d: &Diagnostic| format!("{} {} {}: {}", d.severity.as_str(), d.code, d.field, d.text());
        (inspected, findings.iter().map(line).collect())
    }

    #[test]
    fn a_bundle_says_what_it_needs() {
        let (inspected, findings) = inspect_files(&[
            ROOT,
            (
                "proxies/default.xml",
                "<ProxyEndpoint name='default'><PreFlow><Request><Step><Name>FC-x</Name></Step></Request></PreFlow>\
              <HTTPProxyConnection><BasePath> /b </BasePath></HTTPProxyConnection>\
              <RouteRule name='r'><TargetEndpoint>t</TargetEndpoint></RouteRule></ProxyEndpoint>",
            ),
            (
                "proxies/more.xml",
                "<ProxyEndpoint><HTTPProxyConnection><BasePath>/a</BasePath></HTTPProxyConnection></ProxyEndpoint>",
            ),
            (
                "targets/t.xml",
                "<TargetEndpoint name='t'><HTTPTargetConnection><LoadBalancer><Server name='s2'/><Server name='s1'/>\
              </LoadBalancer><Authentication><GoogleIDToken/></Authentication></HTTPTargetConnection></TargetEndpoint>",
            ),
            ("policies/FC-x.xml", "<FlowCallout name='FC-x'><SharedFlowBundle>common</SharedFlowBundle></FlowCallout>"),
            (
                "policies/K1.xml",
                "<KeyValueMapOperations name='K1' mapIdentifier='m1'><Scope>environment</Scope></KeyValueMapOperations>",
            ),
            ("policies/K2.xml", "<KeyValueMapOperations name='K2'><MapName>m2</MapName></KeyValueMapOperations>"),
            (
                "policies/K3.xml",
                "<KeyValueMapOperations name='K3' mapIdentifier='p'><Scope>apiproxy</Scope></KeyValueMapOperations>",
            ),
            (
                "policies/K4.xml",
                "<KeyValueMapOperations name='K4'><MapName>{flow.map}</MapName></KeyValueMapOperations>",
            ),
            (
                "policies/SC.xml",
                "<ServiceCallout name='SC'><HTTPTargetConnection><LoadBalancer><Server name='s3'/></LoadBalancer>\
              </HTTPTargetConnection></ServiceCallout>",
            ),
            ("resources/xsl/broken.xml", "not read"),
            ("resources/jsc/a.js", "1 < 2"),
        ]);
        assert_eq!(findings, [""; 0]);
        assert_eq!(
            inspected,
            Inspected {
                requires: Requirements {
                    shared_flows: vec!["common".into()],
                    target_servers: vec!["s1".into(), "s2".into(), "s3".into()],
                    key_value_maps: vec!["m1".into(), "m2".into()],
                },
                base_paths: vec!["/a".into(), "/b".into()],
                google_auth: true,
            }
        );
    }

    #[test]
    fn what_is_broken_is_named() {
        let (_, findings) = inspect_files(&[
            ROOT,
            ("policies/AM-a.xml", "<AssignMessage name='AM-a'/>"),
            ("policies/broken.xml", "<AssignMessage>\n  <Set></AssignMessage>"),
            ("policies/dtd.xml", "<!DOCTYPE x><Quota/>"),
            (
                "proxies/default.xml",
                "<ProxyEndpoint><Step><Name>AM-b</Name></Step><Step><Name>Nothing</Name></Step>\
              <RouteRule><TargetEndpoint>t</TargetEndpoint></RouteRule></ProxyEndpoint>",
            ),
            ("targets/odd.xml", "<ProxyEndpoint/>"),
        ]);
        assert_eq!(
            findings,
            [
                "error AF044 spec.bundle: `policies/broken.xml` does not parse: line 2, column 8: expected 'Set' tag, not \
                 'AssignMessage'; correct the file",
                "error AF044 spec.bundle: `policies/dtd.xml` does not parse: line 1, column 1: a document type definition \
                 (<!DOCTYPE …>) is not allowed; correct the file",
                "error AF044 spec.bundle: `targets/odd.xml` has the root element <ProxyEndpoint>, Apigee expects \
                 <TargetEndpoint> in this folder; move the file or correct its root element",
                "warning AF050 spec.bundle: a step in `proxies/default.xml` names the policy `AM-b`, which the bundle does not \
                 have; did you mean `AM-a`?",
                "warning AF050 spec.bundle: a step in `proxies/default.xml` names the policy `Nothing`, which the bundle does \
                 not have; Apigee refuses to deploy it: add the policy or remove the step",
                "warning AF052 spec.bundle: a route in `proxies/default.xml` leads to the target `t`, which the bundle does \
                 not have; add the target or remove the route",
            ]
        );
    }

    #[test]
    fn a_bundle_of_the_other_kind_is_one_error() {
        let (_, found) = inspect_files(&[("other.xml", "<SharedFlowBundle/>"), ("policies/broken.xml", "<")]);
        assert_eq!(
            found,
            [
                "error AF043 spec.bundle: the bundle of `a` is a shared flow, not a proxy: `other.xml` has the root element \
              <SharedFlowBundle>; use the kind `ApigeeSharedFlow`, or another bundle"
            ]
        );
    }

    #[test]
    fn exactly_one_root_file_is_needed() {
        let (_, none) = inspect_files(&[("other.xml", "<Notes/>")]);
        assert_eq!(
            none,
            [
                "error AF043 spec.bundle: the bundle of `a` has no file with <APIProxy> at its top; exactly one is needed, as \
              `a.xml` beside the folders"
            ]
        );
        let (_, two) = inspect_files(&[ROOT, ("b.xml", "<APIProxy/>"), ("notes.xml", "<Notes/>")]);
        assert!(two[0].contains("2 files (`a proxy.xml`, `b.xml`)"), "{two:?}");
        // A root file that does not parse is one error, not two.
        assert_eq!(inspect_files(&[("a.xml", "<APIProxy>")]).1.len(), 1);
    }
}
