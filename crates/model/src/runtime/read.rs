//! Reads the model from parsed documents.

use super::{
    BundlePlace, Condition, Documents, FaultRule, Flow, PlacedText, Policy, ProxyEndpoint, RouteDestination, RouteRule,
    RuntimeBundle, SharedFlow, Step, TargetEndpoint,
};
use crate::bundle::{BundleKind, BundlePath, FileKind, Files};
use crate::condition;
use crate::xml::{Node, child_named, children_named};

impl<'d> RuntimeBundle<'d> {
    /// Reads a bundle. A file whose root element does not match its folder is ignored.
    pub fn read(kind: BundleKind, name: &str, files: &'d Files, documents: &'d Documents<'d>) -> Self {
        let mut bundle = Self {
            kind,
            name: name.to_owned(),
            files,
            proxy_endpoints: Vec::new(),
            target_endpoints: Vec::new(),
            integration_endpoints: Vec::new(),
            shared_flows: Vec::new(),
            policies: std::collections::BTreeMap::new(),
        };
        for (path, document) in documents.iter() {
            let root = document.root_element();
            let element = root.tag_name().name();
            let file = FileKind::of(path);
            if file.root_element().is_some_and(|expected| expected != element) {
                continue;
            }
            let name = root.attribute("name").map_or(path.xml_stem().unwrap_or_default(), str::trim);
            let reader = RuntimeReader { path };
            match file {
                FileKind::Policy => {
                    let policy = reader.policy(name, root);
                    bundle.policies.insert(name, policy);
                }
                FileKind::ProxyEndpoint => bundle.proxy_endpoints.push(reader.proxy_endpoint(name, root)),
                FileKind::IntegrationEndpoint => bundle.integration_endpoints.push(name),
                FileKind::TargetEndpoint => bundle.target_endpoints.push(reader.target_endpoint(name, root)),
                FileKind::SharedFlow => bundle.shared_flows.push(SharedFlow {
                    name,
                    place: BundlePlace::of(path, root),
                    steps: reader.steps(root),
                }),
                FileKind::Root | FileKind::Resource | FileKind::Manifest | FileKind::NotXml | FileKind::Other => {}
            }
        }
        bundle
    }
}

struct RuntimeReader<'d> {
    path: &'d BundlePath,
}

impl<'d> RuntimeReader<'d> {
    fn text(&self, node: Node<'d, 'd>) -> PlacedText<'d> {
        PlacedText { value: node_text(node), place: BundlePlace::of_text(self.path, node) }
    }

    fn policy(&self, name: &'d str, root: Node<'d, 'd>) -> Policy<'d> {
        Policy {
            name,
            element: root.tag_name().name(),
            place: BundlePlace::of(self.path, root),
            node: root,
            enabled: root.attribute("enabled").is_none_or(|value| value.trim() != "false"),
            continue_on_error: root.attribute("continueOnError").is_some_and(|value| value.trim() == "true"),
        }
    }

    fn condition(&self, node: Node<'d, 'd>) -> Option<Condition<'d>> {
        // Apigee treats an empty element as no condition.
        let PlacedText { value, place } = self.text(child_named(node, "Condition")?);
        (!value.is_empty()).then(|| Condition { text: value, place, parsed: condition::parse(value) })
    }

    fn steps(&self, node: Node<'d, 'd>) -> Vec<Step<'d>> {
        children_named(node, "Step")
            .map(|step| Step {
                policy: child_named(step, "Name").map(node_text).unwrap_or_default(),
                condition: self.condition(step),
                place: BundlePlace::of(self.path, step),
            })
            .collect()
    }

    fn flow(&self, node: Node<'d, 'd>) -> Flow<'d> {
        let direction = |name| child_named(node, name).map(|inner| self.steps(inner)).unwrap_or_default();
        Flow {
            name: node.attribute("name").unwrap_or_else(|| node.tag_name().name()).trim(),
            condition: self.condition(node),
            request: direction("Request"),
            response: direction("Response"),
            place: BundlePlace::of(self.path, node),
        }
    }

    fn one_flow(&self, root: Node<'d, 'd>, name: &'static str) -> Option<Flow<'d>> {
        child_named(root, name).map(|node| self.flow(node))
    }

    fn flows(&self, root: Node<'d, 'd>) -> Vec<Flow<'d>> {
        children_named(root, "Flows")
            .flat_map(|flows| children_named(flows, "Flow"))
            .map(|node| self.flow(node))
            .collect()
    }

    fn fault_rule(&self, node: Node<'d, 'd>) -> FaultRule<'d> {
        FaultRule {
            name: node.attribute("name").unwrap_or_default().trim(),
            condition: self.condition(node),
            steps: self.steps(node),
            always_enforce: child_named(node, "AlwaysEnforce").is_some_and(|inner| node_text(inner) == "true"),
            place: BundlePlace::of(self.path, node),
        }
    }

    fn fault_rules(&self, root: Node<'d, 'd>) -> Vec<FaultRule<'d>> {
        children_named(root, "FaultRules")
            .flat_map(|rules| children_named(rules, "FaultRule"))
            .map(|node| self.fault_rule(node))
            .collect()
    }

    fn route_rule(&self, node: Node<'d, 'd>) -> RouteRule<'d> {
        let named = |name| child_named(node, name).map(node_text).filter(|text| !text.is_empty());
        let destination = named("TargetEndpoint")
            .map(RouteDestination::Target)
            .or_else(|| named("IntegrationEndpoint").map(RouteDestination::Integration))
            .or_else(|| named("URL").map(RouteDestination::Url));
        RouteRule {
            name: node.attribute("name").unwrap_or_default().trim(),
            condition: self.condition(node),
            destination: destination.unwrap_or(RouteDestination::None),
            place: BundlePlace::of(self.path, node),
        }
    }

    fn proxy_endpoint(&self, name: &'d str, root: Node<'d, 'd>) -> ProxyEndpoint<'d> {
        ProxyEndpoint {
            name,
            place: BundlePlace::of(self.path, root),
            base_paths: children_named(root, "HTTPProxyConnection")
                .flat_map(|connection| children_named(connection, "BasePath"))
                .map(|node| self.text(node))
                .collect(),
            pre_flow: self.one_flow(root, "PreFlow"),
            flows: self.flows(root),
            post_flow: self.one_flow(root, "PostFlow"),
            post_client_flow: self.one_flow(root, "PostClientFlow"),
            event_flow: self.one_flow(root, "EventFlow"),
            fault_rules: self.fault_rules(root),
            default_fault_rule: child_named(root, "DefaultFaultRule").map(|node| self.fault_rule(node)),
            route_rules: children_named(root, "RouteRule").map(|node| self.route_rule(node)).collect(),
            node: root,
        }
    }

    fn target_endpoint(&self, name: &'d str, root: Node<'d, 'd>) -> TargetEndpoint<'d> {
        TargetEndpoint {
            name,
            place: BundlePlace::of(self.path, root),
            pre_flow: self.one_flow(root, "PreFlow"),
            flows: self.flows(root),
            post_flow: self.one_flow(root, "PostFlow"),
            event_flow: self.one_flow(root, "EventFlow"),
            fault_rules: self.fault_rules(root),
            default_fault_rule: child_named(root, "DefaultFaultRule").map(|node| self.fault_rule(node)),
            node: root,
        }
    }
}

/// The text directly inside an element, trimmed.
fn node_text<'d>(node: Node<'d, 'd>) -> &'d str {
    node.children().find(Node::is_text).and_then(|child| child.text()).unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_read_with_its_places() {
        let text = "<ProxyEndpoint name=\"default\">\n  <PreFlow name=\"PreFlow\">\n    <Request>\n      <Step>\n        \
                    <Name> A </Name>\n        <Condition>\n          a = \"1\" &amp;&amp; b = 'x'</Condition>\n      \
                    </Step>\n    </Request>\n  </PreFlow>\n  <FaultRules><FaultRule name=\"f\"><Step><Name>B</Name></Step></FaultRule></FaultRules>\n  \
                    <HTTPProxyConnection><BasePath>/a</BasePath></HTTPProxyConnection>\n  \
                    <RouteRule name=\"r\"><Condition/><TargetEndpoint>t</TargetEndpoint></RouteRule>\n</ProxyEndpoint>";
        let files: Files = [
            ("proxies/default.xml", text),
            ("policies/A.xml", "<Quota name=\"A\" enabled=\"false\"/>"),
            ("policies/broken.xml", "<Quota>"),
            ("resources/xsl/a.xml", "<not read"),
        ]
        .map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec()))
        .into_iter()
        .collect();
        let (documents, unreadable) = Documents::parse(&files);
        assert_eq!(unreadable.len(), 1);
        let bundle = RuntimeBundle::read(BundleKind::Proxy, "x", &files, &documents);
        let endpoint = &bundle.proxy_endpoints[0];
        let step = &endpoint.pre_flow.as_ref().unwrap().request[0];
        assert_eq!((step.policy, step.place.line_and_column()), ("A", (4, 7)));
        let condition = step.condition.as_ref().unwrap();
        assert_eq!(condition.text, "a = \"1\" && b = 'x'");
        assert_eq!(condition.place.line_and_column(), (7, 11));
        let fault = condition.parsed.as_ref().unwrap_err();
        // The two entities before it are longer in the file than in the text.
        assert_eq!(condition.place_of(fault.offset).line_and_column(), (7, 34));
        assert!(endpoint.route_rules[0].condition.is_none());
        assert_eq!(endpoint.route_rules[0].destination, RouteDestination::Target("t"));
        assert_eq!(endpoint.base_paths[0].value, "/a");
        assert!(!bundle.policies["A"].enabled);
        assert_eq!(bundle.steps().map(|step| step.policy).collect::<Vec<_>>(), ["A", "B"]);
    }
}
