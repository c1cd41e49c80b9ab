//! ProxyEndpoint: how callers reach the proxy, and what happens to each request.

use super::fault_handling::{EndpointKind, FaultHandling};
use super::flow::{ConditionalFlow, Flow, Step};
use apigee_flux_model::xml::Element;

/// A ProxyEndpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::proxy) struct ProxyEndpoint {
    /// The name of the endpoint and of its file.
    pub name: String,
    /// The base path that it serves.
    pub base_path: String,
    /// Fault handling for requests that fail before they reach a target, or for responses on the way back.
    pub faults: FaultHandling,
    /// Runs first, for every request.
    pub pre_flow: Flow,
    /// Only the first flow that matches runs.
    pub flows: Vec<ConditionalFlow>,
    /// Runs last, for every request.
    pub post_flow: Flow,
    /// Runs after the response was sent to the caller, who does not wait for it: logs.
    pub post_client_flow: Vec<Step>,
    /// Evaluated in order.
    pub route_rules: Vec<RouteRule>,
}

/// A route to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct RouteRule {
    /// The name of the rule.
    pub name: String,
    /// The condition under which it is used; `None` means always.
    pub condition: Option<String>,
    /// The name of the target; `None` for a route without a target.
    pub target: Option<String>,
    /// Whether the target is an integration.
    pub integration: bool,
}

impl RouteRule {
    fn element(&self) -> Element {
        let target = if self.integration { "IntegrationEndpoint" } else { "TargetEndpoint" };
        Element::new("RouteRule")
            .attribute("name", &self.name)
            .children(self.condition.as_ref().map(|text| Element::leaf("Condition", text)))
            .children(self.target.as_ref().map(|name| Element::leaf(target, name)))
    }
}

impl ProxyEndpoint {
    /// All steps, wherever they are attached.
    pub(in crate::proxy) fn steps(&self) -> impl Iterator<Item = &Step> {
        let flows = self.flows.iter().flat_map(|flow| flow.flow.steps());
        let outer = self.pre_flow.steps().chain(self.post_flow.steps());
        self.faults.steps().chain(outer).chain(flows).chain(&self.post_client_flow)
    }

    /// The endpoint's file.
    pub(in crate::proxy) fn element(&self) -> Element {
        let post_client_flow = (!self.post_client_flow.is_empty()).then(|| {
            let response = Element::new("Response").children(self.post_client_flow.iter().map(Step::element));
            Element::new("PostClientFlow").attribute("name", "PostClientFlow").child(response)
        });
        Element::new("ProxyEndpoint")
            .attribute("name", &self.name)
            .child(Element::leaf("Description", &self.name))
            .children(self.faults.elements(EndpointKind::Proxy))
            .child(self.pre_flow.element("PreFlow"))
            .child(Element::new("Flows").children(self.flows.iter().map(ConditionalFlow::element)))
            .child(self.post_flow.element("PostFlow"))
            .children(post_client_flow)
            .child(Element::new("HTTPProxyConnection").child(Element::leaf("BasePath", &self.base_path)))
            .children(self.route_rules.iter().map(RouteRule::element))
    }
}
