//! Inspects an uploaded bundle: what the API reports about its revision, or why Apigee would refuse it.

use std::collections::BTreeSet;

use roxmltree::{Document, Node};
use serde::{Deserialize, Serialize};

use crate::api::BadFile;
use apigee_flux_analysis::check::refusals;
use apigee_flux_analysis::policy::{Class, policy_type};
use apigee_flux_model::bundle::{BundleKind, BundlePath, FileKind, Files};

/// What the API reports about the bundle of a revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BundleSummary {
    /// `<DisplayName>` of the root file.
    pub(crate) display_name: String,
    /// `<Description>` of the root file.
    pub(crate) description: String,
    /// `<BasePath>` of each proxy endpoint.
    pub(crate) base_paths: BTreeSet<String>,
    /// Names of the files in `policies/`.
    pub(crate) policies: BTreeSet<String>,
    /// Names of the files in `proxies/` or `sharedflows/`.
    pub(crate) endpoints: BTreeSet<String>,
    /// Names of the files in `targets/`.
    pub(crate) targets: BTreeSet<String>,
    /// Target servers that the targets name.
    pub(crate) target_servers: BTreeSet<String>,
    /// Shared flows that `FlowCallout` policies call.
    pub(crate) called_flows: BTreeSet<String>,
    /// The type and name of each file in `resources/`.
    pub(crate) resources: BTreeSet<(String, String)>,
    /// Whether one of the policies is extensible. A policy type whose class Google's page does not state counts as standard.
    pub(crate) extensible: bool,
}

/// Reads a bundle. The error contains all findings.
pub(crate) fn inspect(kind: BundleKind, files: &Files) -> Result<BundleSummary, Vec<BadFile>> {
    let mut inspection =
        Inspection { kind, summary: BundleSummary::default(), findings: Vec::new(), references: Vec::new() };
    let mut roots = 0;
    for (path, bytes) in files.iter() {
        let name = path.xml_stem().unwrap_or_default();
        match (FileKind::of(path), kind) {
            (FileKind::Root, _) => roots += u32::from(inspection.root(path, bytes)),
            (FileKind::Policy, _) => inspection.policy(path, name, bytes),
            (FileKind::ProxyEndpoint, BundleKind::Proxy) => inspection.endpoint(path, name, bytes),
            (FileKind::TargetEndpoint, BundleKind::Proxy) => inspection.target(path, name, bytes),
            (FileKind::SharedFlow, BundleKind::SharedFlow) => inspection.flow(path, name, bytes),
            _ => {
                if let Some(resource_type) = path.folder().strip_prefix("resources/") {
                    inspection.summary.resources.insert((resource_type.to_owned(), path.file_name().to_owned()));
                }
            }
        }
    }
    inspection.finish(roots)
}

struct Inspection {
    kind: BundleKind,
    summary: BundleSummary,
    findings: Vec<BadFile>,
    /// The references of files: the file, and the name of a policy or target.
    references: Vec<(BundlePath, FileReference)>,
}

enum FileReference {
    Policy(String),
    Target(String),
}

impl Inspection {
    fn find(&mut self, filename: impl std::fmt::Display, description: impl Into<String>) {
        self.findings
            .push(BadFile { filename: format!("{}/{filename}", self.kind.root()), description: description.into() });
    }

    /// Parses a file and passes its root element to `then`.
    fn parse(&mut self, path: &BundlePath, bytes: &[u8], then: impl FnOnce(&mut Self, Node<'_, '_>)) {
        let parsed = std::str::from_utf8(bytes).map_err(|error| error.to_string());
        match parsed.and_then(|text| Document::parse(text).map_err(|error| error.to_string())) {
            Ok(document) => then(self, document.root_element()),
            Err(why) => self.find(path, format!("The file is not well-formed XML: {why}.")),
        }
    }

    /// Like [`Self::parse`], for a file whose root element has a fixed name and whose `name` is that of the file
    /// (<https://github.com/apigee/wsdl2apigee/issues/33>).
    fn parse_named(
        &mut self,
        path: &BundlePath,
        bytes: &[u8],
        element: &str,
        then: impl FnOnce(&mut Self, Node<'_, '_>),
    ) {
        self.parse(path, bytes, |this, root| {
            if root.tag_name().name() == element {
                this.check_name(path, root);
                then(this, root);
            } else {
                this.find(path, format!("The root element is <{}>, expected <{element}>.", root.tag_name().name()));
            }
        });
    }

    fn check_name(&mut self, path: &BundlePath, root: Node<'_, '_>) {
        let name = root.attribute("name").unwrap_or_default().to_owned();
        if Some(name.as_str()) != path.xml_stem() {
            self.find(path, format!("{name} must be in a file named {name}.xml."));
        }
    }

    fn root(&mut self, path: &BundlePath, bytes: &[u8]) -> bool {
        let mut is_root = false;
        self.parse(path, bytes, |this, root| {
            is_root = root.tag_name().name() == this.kind.root_element();
            if is_root {
                this.summary.display_name = child_text(root, "DisplayName");
                this.summary.description = child_text(root, "Description");
            }
        });
        is_root
    }

    fn policy(&mut self, path: &BundlePath, name: &str, bytes: &[u8]) {
        self.summary.policies.insert(name.to_owned());
        self.parse(path, bytes, |this, root| {
            this.check_name(path, root);
            let class = policy_type(root.tag_name().name()).map(|known| known.class);
            this.summary.extensible |= class == Some(Class::Extensible);
            for refusal in refusals(root) {
                this.find(path, refusal);
            }
            if root.tag_name().name() == "FlowCallout" {
                let called = child_text(root, "SharedFlowBundle");
                if !called.is_empty() {
                    this.summary.called_flows.insert(called);
                }
            }
        });
    }

    fn endpoint(&mut self, path: &BundlePath, name: &str, bytes: &[u8]) {
        self.summary.endpoints.insert(name.to_owned());
        self.parse_named(path, bytes, "ProxyEndpoint", |this, root| {
            this.steps(path, root);
            let base_path = descendants(root, "HTTPProxyConnection").map(|node| child_text(node, "BasePath")).next();
            match base_path.filter(|text| text.starts_with('/')) {
                Some(base_path) => {
                    this.summary.base_paths.insert(base_path);
                }
                None => this.find(path, "The ProxyEndpoint has no BasePath that starts with a slash."),
            }
            for rule in descendants(root, "RouteRule") {
                let target = child_text(rule, "TargetEndpoint");
                if !target.is_empty() {
                    this.references.push((path.clone(), FileReference::Target(target)));
                }
            }
        });
    }

    fn target(&mut self, path: &BundlePath, name: &str, bytes: &[u8]) {
        self.summary.targets.insert(name.to_owned());
        self.parse_named(path, bytes, "TargetEndpoint", |this, root| {
            this.steps(path, root);
            for server in descendants(root, "Server") {
                if let Some(name) = server.attribute("name") {
                    this.summary.target_servers.insert(name.to_owned());
                }
            }
        });
    }

    fn flow(&mut self, path: &BundlePath, name: &str, bytes: &[u8]) {
        self.summary.endpoints.insert(name.to_owned());
        self.parse_named(path, bytes, "SharedFlow", |this, root| this.steps(path, root));
    }

    fn steps(&mut self, path: &BundlePath, root: Node<'_, '_>) {
        for step in descendants(root, "Step") {
            let name = child_text(step, "Name");
            self.references.push((path.clone(), FileReference::Policy(name)));
        }
    }

    fn finish(mut self, roots: u32) -> Result<BundleSummary, Vec<BadFile>> {
        let element = self.kind.root_element();
        if roots != 1 {
            self.find("", format!("The bundle has {roots} XML files with the root element <{element}>, expected 1."));
        }
        let folder = match self.kind {
            BundleKind::Proxy => "proxies",
            BundleKind::SharedFlow => "sharedflows",
        };
        if self.summary.endpoints.is_empty() {
            self.find(folder, "The folder has no XML file.");
        }
        for (path, reference) in std::mem::take(&mut self.references) {
            match reference {
                FileReference::Policy(name) if !self.summary.policies.contains(&name) => {
                    self.find(path, format!("A Step refers to the policy \"{name}\", which is not in the bundle."));
                }
                FileReference::Target(name) if !self.summary.targets.contains(&name) => {
                    self.find(
                        path,
                        format!("A RouteRule refers to the TargetEndpoint \"{name}\", which is not in the bundle."),
                    );
                }
                FileReference::Policy(_) | FileReference::Target(_) => {}
            }
        }
        if self.findings.is_empty() { Ok(self.summary) } else { Err(self.findings) }
    }
}

fn descendants<'a, 'input: 'a>(root: Node<'a, 'input>, name: &'a str) -> impl Iterator<Item = Node<'a, 'input>> {
    root.descendants().filter(move |node| node.tag_name().name() == name)
}

/// The trimmed text of a child element; empty if it does not exist.
fn child_text(node: Node<'_, '_>, name: &str) -> String {
    let child = node.children().find(|child| child.tag_name().name() == name);
    let text: String = child.map(|child| child.children().filter_map(|part| part.text()).collect()).unwrap_or_default();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: &str = "<ProxyEndpoint name='default'><PreFlow><Request><Step><Name>P</Name></Step></Request></PreFlow>\
        <HTTPProxyConnection><BasePath>/a</BasePath></HTTPProxyConnection>\
        <RouteRule name='r'><TargetEndpoint>t</TargetEndpoint></RouteRule></ProxyEndpoint>";

    const GOOD: [(&str, &str); 6] = [
        (
            "a.xml",
            "<APIProxy name='a'><DisplayName>A</DisplayName><Description>Mine <![CDATA[&]]></Description></APIProxy>",
        ),
        ("policies/P.xml", "<FlowCallout name='P'><SharedFlowBundle>common</SharedFlowBundle></FlowCallout>"),
        ("proxies/default.xml", ENDPOINT),
        ("targets/t.xml", "<TargetEndpoint name='t'><LoadBalancer><Server name='s'/></LoadBalancer></TargetEndpoint>"),
        ("resources/jsc/x.js", "1"),
        ("README.md", "not XML"),
    ];

    /// Inspects the good bundle with one file replaced, added, or (without a text) removed.
    fn with(path: &str, text: Option<&str>) -> Result<BundleSummary, Vec<BadFile>> {
        let mut list: Vec<(&str, &str)> = GOOD.into_iter().filter(|(other, _)| *other != path).collect();
        list.extend(text.map(|text| (path, text)));
        let files = list.into_iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec()));
        inspect(BundleKind::Proxy, &files.collect())
    }

    #[track_caller]
    fn refused(path: &str, text: Option<&str>, filename: &str, part: &str) {
        let findings = with(path, text).unwrap_err();
        assert!(
            findings.iter().any(|found| found.filename == filename && found.description.contains(part)),
            "{findings:?}"
        );
    }

    #[test]
    fn a_good_bundle_is_described() {
        let summary = with("x.txt", None).unwrap();
        assert_eq!((summary.display_name.as_str(), summary.description.as_str()), ("A", "Mine &"));
        let set = |name: &str| BTreeSet::from([name.to_owned()]);
        assert_eq!(summary.base_paths, set("/a"));
        assert_eq!(summary.policies, set("P"));
        assert_eq!(summary.called_flows, set("common"));
        assert_eq!(summary.target_servers, set("s"));
        assert_eq!(summary.resources, BTreeSet::from([("jsc".to_owned(), "x.js".to_owned())]));
        // FlowCallout is an extensible policy.
        assert!(summary.extensible);
        assert!(
            !with("policies/P.xml", Some("<SpikeArrest name='P'><Rate>1ps</Rate></SpikeArrest>")).unwrap().extensible
        );
    }

    #[test]
    fn what_apigee_refuses_names_the_file() {
        refused("a.xml", None, "apiproxy/", "0 XML files with the root element <APIProxy>");
        refused("b.xml", Some("<APIProxy/>"), "apiproxy/", "2 XML files");
        refused("policies/P.xml", Some("<P name='P'"), "apiproxy/policies/P.xml", "not well-formed");
        refused("policies/P.xml", Some("<P name='Q'/>"), "apiproxy/policies/P.xml", "Q must be in a file named Q.xml");
        refused("policies/P.xml", None, "apiproxy/proxies/default.xml", "policy \"P\"");
        refused("targets/t.xml", None, "apiproxy/proxies/default.xml", "TargetEndpoint \"t\"");
        refused("proxies/default.xml", None, "apiproxy/proxies", "no XML file");
        refused(
            "proxies/default.xml",
            Some("<ProxyEndpoint name='default'/>"),
            "apiproxy/proxies/default.xml",
            "BasePath",
        );
        refused(
            "proxies/default.xml",
            Some("<Other name='default'/>"),
            "apiproxy/proxies/default.xml",
            "expected <ProxyEndpoint>",
        );
        refused(
            "policies/F.xml",
            Some("<FlowCallout name='F'/>"),
            "apiproxy/policies/F.xml",
            "<SharedFlowBundle> is missing",
        );
        refused(
            "policies/Q.xml",
            Some("<Quota name='Q'><UseQuotaConfigInAPIProduct/></Quota>"),
            "apiproxy/policies/Q.xml",
            "stepName missing in useQuotaConfigInAPIProduct",
        );
    }

    #[test]
    fn a_shared_flow_needs_a_flow_and_no_base_path() {
        let files = |flow: &str| -> Files {
            [("f.xml", "<SharedFlowBundle name='f'/>"), ("sharedflows/default.xml", flow)]
                .map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec()))
                .into_iter()
                .collect()
        };
        assert!(inspect(BundleKind::SharedFlow, &files("<SharedFlow name='default'/>")).is_ok());
        let step = "<SharedFlow name='default'><Step><Name>X</Name></Step></SharedFlow>";
        assert!(inspect(BundleKind::SharedFlow, &files(step)).is_err());
    }
}
