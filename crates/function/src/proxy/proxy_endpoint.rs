//! ProxyEndpoint: how callers reach the proxy, and what happens to each call.

use super::fault_handling::{Endpoint, FaultHandling};
use super::flow::{ConditionalFlow, Flow, Step};
use apigee_flux_model::xml::Element;

/// A ProxyEndpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProxyEndpoint {
    /// Its name and its file's.
    pub name: String,
    /// The path that it serves.
    pub base_path: String,
    /// What happens when a call fails before it reaches a target, or on its way back from there.
    pub faults: FaultHandling,
    /// Runs first, for every request.
    pub pre_flow: Flow,
    /// Of these the first that matches runs.
    pub flows: Vec<ConditionalFlow>,
    /// Runs last, for every request.
    pub post_flow: Flow,
    /// Runs when the response is on its way to the caller, who does not wait for it: logs.
    pub post_client_flow: Vec<Step>,
    /// Tried in their order.
    pub route_rules: Vec<RouteRule>,
}

/// One way to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RouteRule {
    /// Its name.
    pub name: String,
    /// When it is taken; always without.
    pub condition: Option<String>,
    /// The target's name; none to answer without one.
    pub target: Option<String>,
    /// Whether that is an integration.
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
    /// Every step, wherever it is attached.
    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        let flows = self.flows.iter().flat_map(|flow| flow.flow.steps());
        let outer = self.pre_flow.steps().chain(self.post_flow.steps());
        self.faults.steps().chain(outer).chain(flows).chain(&self.post_client_flow)
    }

    /// The endpoint's file.
    pub(super) fn element(&self) -> Element {
        let post_client_flow = (!self.post_client_flow.is_empty()).then(|| {
            let response = Element::new("Response").children(self.post_client_flow.iter().map(Step::element));
            Element::new("PostClientFlow").attribute("name", "PostClientFlow").child(response)
        });
        Element::new("ProxyEndpoint")
            .attribute("name", &self.name)
            .child(Element::leaf("Description", &self.name))
            .children(self.faults.elements(Endpoint::Proxy))
            .child(self.pre_flow.element("PreFlow"))
            .child(Element::new("Flows").children(self.flows.iter().map(ConditionalFlow::element)))
            .child(self.post_flow.element("PostFlow"))
            .children(post_client_flow)
            .child(Element::new("HTTPProxyConnection").child(Element::leaf("BasePath", &self.base_path)))
            .children(self.route_rules.iter().map(RouteRule::element))
    }
}
