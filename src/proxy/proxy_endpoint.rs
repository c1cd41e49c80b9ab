//! ProxyEndpoint: how callers reach the proxy, and what happens to each call.

use super::flow::{ConditionalFlow, FaultRule, Flow, Step};
use crate::xml::Element;

/// A ProxyEndpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProxyEndpoint {
    /// Its name and its file's.
    pub name: String,
    /// The path that it serves.
    pub base_path: String,
    /// The fault rules in the order in which they are to be tried.
    pub fault_rules: Vec<FaultRule>,
    /// The steps of the default fault rule. It runs for every fault, also for those that another rule has handled; a
    /// RaiseFault policy in it would start over.
    pub default_fault_rule: Vec<Step>,
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
        let faults = self.fault_rules.iter().flat_map(|rule| &rule.steps).chain(&self.default_fault_rule);
        faults.chain(outer).chain(flows).chain(&self.post_client_flow)
    }

    /// The endpoint's file.
    pub(super) fn element(&self) -> Element {
        let default_fault_rule = (!self.default_fault_rule.is_empty()).then(|| {
            Element::new("DefaultFaultRule")
                .attribute("name", "default-fault")
                .children(self.default_fault_rule.iter().map(Step::element))
                .child(Element::leaf("AlwaysEnforce", true))
        });
        let post_client_flow = (!self.post_client_flow.is_empty()).then(|| {
            let response = Element::new("Response").children(self.post_client_flow.iter().map(Step::element));
            Element::new("PostClientFlow").attribute("name", "PostClientFlow").child(response)
        });
        Element::new("ProxyEndpoint")
            .attribute("name", &self.name)
            .child(Element::leaf("Description", &self.name))
            // Apigee tries the fault rules of a ProxyEndpoint from the last to the first.
            .child(Element::new("FaultRules").children(self.fault_rules.iter().rev().map(FaultRule::element)))
            .children(default_fault_rule)
            .child(self.pre_flow.element("PreFlow"))
            .child(Element::new("Flows").children(self.flows.iter().map(ConditionalFlow::element)))
            .child(self.post_flow.element("PostFlow"))
            .children(post_client_flow)
            .child(Element::new("HTTPProxyConnection").child(Element::leaf("BasePath", &self.base_path)))
            .children(self.route_rules.iter().map(RouteRule::element))
    }
}
