//! Reads a bundle, generated or not: what it requires, which paths it serves, and what is broken in it.

use std::collections::BTreeSet;

use super::origins::to_diagnostic;
use apigee_flux_analysis::check::{BundleClass, Finding, Verdict, check, class};
use apigee_flux_model::bundle::manifest::Requirements;
use apigee_flux_model::bundle::{BundleKind, BundlePath, FileKind, Files};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, InBundle, Report, Severity};
use apigee_flux_model::runtime::{Documents, RuntimeBundle};
use apigee_flux_model::xml::{Document, Node, child_named};

/// What was read from a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspected {
    /// What must exist in Apigee before it can run.
    pub requires: Requirements,
    /// The base paths that it serves, sorted.
    pub base_paths: Vec<String>,
    /// Whether it sends a Google credential to a target, a model, an integration or a log, so that its deployment needs
    /// a service account.
    pub google_auth: bool,
    /// What decides whether it is standard or extensible.
    pub class: BundleClass,
}

/// A problem in a bundle.
pub(super) enum FaultOrFinding<'f, 'd> {
    /// An invalid file.
    Fault(Diagnostic),
    /// A finding of a check.
    Finding(&'f Finding<'d>),
}

/// Inspects the bundle of `spec.bundle` and reports what is broken in it. Every XML file is parsed, so that errors are
/// found before Apigee sees the bundle; scripts and other resources are not read. A problem that Apigee accepts is a
/// warning, because the bundle is deployed unchanged.
pub fn inspect(kind: BundleKind, name: &str, files: &Files, report: &mut Report<'_>) -> Inspected {
    let at = FieldPath::of(&["spec", "bundle"]);
    read(kind, name, files, &mut |found| match found {
        FaultOrFinding::Fault(fault) => report.push(fault.at(&at)),
        FaultOrFinding::Finding(finding) => {
            let severity = if finding.verdict == Verdict::Refused { Severity::Error } else { Severity::Warning };
            let mut diagnostic = to_diagnostic(finding, severity).at(&at);
            diagnostic.in_bundle = Some(finding.at.in_bundle());
            report.push(diagnostic);
        }
    })
}

pub(super) fn read(
    kind: BundleKind,
    name: &str,
    files: &Files,
    found: &mut dyn FnMut(FaultOrFinding<'_, '_>),
) -> Inspected {
    let (documents, unreadable) = Documents::parse(files);
    let mut reader = Reader::default();
    let mut roots: Vec<&BundlePath> = Vec::new();
    let mut fault = |code, message: String, help: &str, place: Option<InBundle>| {
        let mut diagnostic = Diagnostic::error(code, message).help(help);
        diagnostic.in_bundle = place;
        found(FaultOrFinding::Fault(diagnostic));
    };
    let mut other_kind: Option<(&BundlePath, BundleKind)> = None;
    for (path, document) in documents.iter() {
        let root = document.root_element().tag_name().name();
        let file = FileKind::of(path);
        match file.root_element() {
            _ if file == FileKind::Root && root == kind.root_element() => roots.push(path),
            _ if file == FileKind::Root => {
                let other = BundleKind::ALL.into_iter().find(|other| root == other.root_element());
                other_kind = other_kind.or(other.map(|other| (path, other)));
            }
            Some(expected) if expected != root => fault(
                Code::MalformedXml,
                format!("`{path}` has the root element <{root}>, but Apigee expects <{expected}> in this folder"),
                "move the file or correct its root element",
                None,
            ),
            _ => reader.file(document),
        }
    }
    if let (Some((path, other)), []) = (&other_kind, roots.as_slice()) {
        // All other findings would be about the wrong bundle.
        let message = format!(
            "the bundle of `{name}` is a {}, not a {}: `{path}` has the root element <{}>",
            other.noun(),
            kind.noun(),
            other.root_element()
        );
        let help = format!("use the kind `{}` or another bundle", other.resource_kind());
        fault(Code::MissingRootXml, message, &help, None);
        return Inspected::default();
    }
    let mut unreadable_kinds = Vec::new();
    for broken in unreadable {
        unreadable_kinds.push(FileKind::of(broken.path));
        let place = InBundle {
            path: broken.path.to_string(),
            line: broken.error.line as usize,
            column: broken.error.column as usize,
        };
        let message = format!("the file does not parse: {}", broken.error.message);
        fault(Code::MalformedXml, message, "correct the file", Some(place));
    }
    // Apigee accepts a bundle without a root file, but does not recognize one with another root element.
    let any_at_top = files.iter().any(|(path, _)| FileKind::of(path) == FileKind::Root);
    if roots.len() != 1 && any_at_top && !unreadable_kinds.contains(&FileKind::Root) {
        let count = match roots.as_slice() {
            [] => "no file".to_owned(),
            several => format!("{} files ({})", several.len(), quoted(several.iter().map(|path| path.as_str()))),
        };
        fault(
            Code::MissingRootXml,
            format!(
                "the bundle of `{name}` has {count} with the root element <{}> at its top level",
                kind.root_element()
            ),
            &format!("exactly one is needed, for example `{name}.xml` next to the folders"),
            None,
        );
    }
    let bundle = RuntimeBundle::read(kind, name, files, &documents);
    // The contents of an unreadable file are unknown, so nothing is reported as missing because of it.
    let unknown = |code| match code {
        Code::MissingPolicy => unreadable_kinds.contains(&FileKind::Policy),
        Code::MissingTarget => unreadable_kinds.contains(&FileKind::TargetEndpoint),
        _ => false,
    };
    for finding in check(&bundle).iter().filter(|finding| !unknown(finding.code)) {
        found(FaultOrFinding::Finding(finding));
    }
    Inspected { class: class(&bundle), ..reader.finish() }
}

fn quoted<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What is collected from all files.
#[derive(Default)]
struct Reader {
    shared_flows: BTreeSet<String>,
    target_servers: BTreeSet<String>,
    key_value_maps: BTreeSet<String>,
    base_paths: BTreeSet<String>,
    google_auth: bool,
}

fn text(node: Node<'_, '_>) -> String {
    node.text().unwrap_or_default().trim().to_owned()
}

fn parent_is(node: Node<'_, '_>, name: &str) -> bool {
    node.parent_element().is_some_and(|parent| parent.tag_name().name() == name)
}

/// Adds a literal name; the value of a variable is unknown here.
fn add(names: &mut BTreeSet<String>, name: &str) {
    if !name.is_empty() && !name.contains('{') {
        names.insert(name.to_owned());
    }
}

impl Reader {
    fn file(&mut self, document: &Document<'_>) {
        for node in document.descendants().filter(Node::is_element) {
            self.element(node);
        }
    }

    fn element(&mut self, node: Node<'_, '_>) {
        match node.tag_name().name() {
            "BasePath" if parent_is(node, "HTTPProxyConnection") => {
                self.base_paths.insert(text(node));
            }
            "SharedFlowBundle" if parent_is(node, "FlowCallout") => add(&mut self.shared_flows, &text(node)),
            "Server" if parent_is(node, "LoadBalancer") => {
                add(&mut self.target_servers, node.attribute("name").unwrap_or_default());
            }
            "GoogleIDToken" | "GoogleAccessToken" if parent_is(node, "Authentication") => self.google_auth = true,
            "IntegrationEndpoint" | "IntegrationCallout" | "ModelArmor" | "VertexAI" => self.google_auth = true,
            "CloudLogging" if parent_is(node, "MessageLogging") => self.google_auth = true,
            // Other scopes belong to the proxy or the organization, not to the environment.
            "KeyValueMapOperations" if child_named(node, "Scope").is_none_or(|scope| text(scope) == "environment") => {
                let name = child_named(node, "MapName").map(text).filter(|name| !name.is_empty());
                let name = name.or_else(|| node.attribute("mapIdentifier").map(str::to_owned));
                add(&mut self.key_value_maps, &name.unwrap_or_default());
            }
            _ => {}
        }
    }

    fn finish(self) -> Inspected {
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>();
        Inspected {
            requires: Requirements {
                shared_flows: list(self.shared_flows),
                target_servers: list(self.target_servers),
                key_value_maps: list(self.key_value_maps),
            },
            base_paths: list(self.base_paths),
            google_auth: self.google_auth,
            class: BundleClass::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: (&str, &str) = ("a proxy.xml", "<APIProxy name='a'/>");

    fn inspect_files(files: &[(&str, &str)]) -> (Inspected, Vec<String>) {
        let files =
            files.iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec())).collect();
        let subject = apigee_flux_model::diag::Subject::default();
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
        assert!(findings.iter().all(|finding| finding.starts_with("warning")), "{findings:?}");
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
                class: inspected.class.clone(),
            }
        );
    }

    #[test]
    fn whatever_calls_google_needs_a_service_account() {
        let route = "<ProxyEndpoint name='default'><HTTPProxyConnection><BasePath>/a</BasePath></HTTPProxyConnection>\
                     <RouteRule name='i'><IntegrationEndpoint>i</IntegrationEndpoint></RouteRule></ProxyEndpoint>";
        let integration = ("integration-endpoints/i.xml", "<IntegrationEndpoint name='i'/>");
        let (inspected, findings) = inspect_files(&[ROOT, ("proxies/default.xml", route), integration]);
        assert_eq!((inspected.google_auth, findings), (true, Vec::new()));
        for (policy, expected) in [
            ("<MessageLogging name='a'><CloudLogging/></MessageLogging>", true),
            ("<MessageLogging name='a'><Syslog/></MessageLogging>", false),
            ("<SanitizeUserPrompt name='a'><ModelArmor/></SanitizeUserPrompt>", true),
            (
                "<SemanticCachePopulate name='a'><SimilaritySearch><VertexAI/></SimilaritySearch></SemanticCachePopulate>",
                true,
            ),
            ("<IntegrationCallout name='a'/>", true),
        ] {
            let (inspected, _) = inspect_files(&[ROOT, ("policies/a.xml", policy)]);
            assert_eq!(inspected.google_auth, expected, "{policy}");
        }
        let (_, findings) = inspect_files(&[ROOT, ("proxies/default.xml", route)]);
        assert!(findings[0].contains("`i`, which the bundle does not have"), "{findings:?}");
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
                "<ProxyEndpoint><PreFlow><Request><Step><Name>AM-b</Name></Step><Step><Name>Nothing</Name></Step></Request></PreFlow>\
              <HTTPProxyConnection><BasePath>/a</BasePath></HTTPProxyConnection>\
              <RouteRule name='r'><TargetEndpoint>t</TargetEndpoint></RouteRule></ProxyEndpoint>",
            ),
            ("targets/odd.xml", "<ProxyEndpoint/>"),
        ]);
        assert_eq!(
            findings,
            [
                "error AF044 spec.bundle: `targets/odd.xml` has the root element <ProxyEndpoint>, but Apigee expects \
                 <TargetEndpoint> in this folder; move the file or correct its root element",
                "error AF044 spec.bundle: policies/broken.xml:2:8: the file does not parse: expected 'Set' tag, not \
                 'AssignMessage'; correct the file",
                "error AF044 spec.bundle: policies/dtd.xml:1:1: the file does not parse: a document type definition \
                 (<!DOCTYPE …>) is not allowed; correct the file",
                "error AF052 spec.bundle: proxies/default.xml:1:183: the RouteRule `r` refers to the endpoint `t`, which \
                 the bundle does not have; add the endpoint or remove the RouteRule",
                "warning AF051 spec.bundle: policies/AM-a.xml:1:1: no step runs the policy `AM-a`; attach it or remove its \
                 file",
            ]
        );
    }

    /// In the previous test, steps may run policies in unreadable files; here every file is readable.
    #[test]
    fn a_step_without_its_policy_is_named() {
        let (_, findings) = inspect_files(&[
            ROOT,
            ("policies/AM-a.xml", "<AssignMessage name='AM-a'/>"),
            (
                "proxies/default.xml",
                "<ProxyEndpoint><PreFlow><Request><Step><Name>AM-b</Name></Step><Step><Name>Nothing</Name></Step></Request></PreFlow>\
              <HTTPProxyConnection><BasePath>/a</BasePath></HTTPProxyConnection><RouteRule name='r'/></ProxyEndpoint>",
            ),
        ]);
        assert_eq!(
            findings,
            [
                "error AF050 spec.bundle: proxies/default.xml:1:34: a step names the policy `AM-b`, which the bundle does \
                 not have; did you mean `AM-a`?",
                "error AF050 spec.bundle: proxies/default.xml:1:64: a step names the policy `Nothing`, which the bundle does \
                 not have; Apigee refuses to deploy it: add the policy or remove the step",
                "warning AF051 spec.bundle: policies/AM-a.xml:1:1: no step runs the policy `AM-a`; attach it or remove its \
                 file",
            ]
        );
    }

    #[test]
    fn a_bundle_of_the_other_kind_is_one_error() {
        let (_, found) = inspect_files(&[("other.xml", "<SharedFlowBundle/>"), ("policies/broken.xml", "<")]);
        assert_eq!(
            found,
            ["error AF043 spec.bundle: the bundle of `a` is a shared flow, not a proxy: `other.xml` has the root \
              element <SharedFlowBundle>; use the kind `ApigeeSharedFlow` or another bundle"]
        );
    }

    #[test]
    fn exactly_one_root_file_is_needed() {
        let (_, none) = inspect_files(&[("other.xml", "<Notes/>")]);
        assert_eq!(
            none,
            ["error AF043 spec.bundle: the bundle of `a` has no file with the root element <APIProxy> at its top \
              level; exactly one is needed, for example `a.xml` next to the folders"]
        );
        let (_, two) = inspect_files(&[ROOT, ("b.xml", "<APIProxy/>"), ("notes.xml", "<Notes/>")]);
        assert!(two[0].contains("2 files (`a proxy.xml`, `b.xml`)"), "{two:?}");
        // A root file that does not parse is one error, not two.
        assert_eq!(inspect_files(&[("a.xml", "<APIProxy>")]).1.len(), 1);
    }
}
