//! ProxyEndpoint: how callers reach the proxy, and what happens to each call.

use super::flow::{ConditionalFlow, Flow, Step};
use crate::xml::Element;

/// A ProxyEndpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ProxyEndpoint {
    /// Its name and its file's.
    pub name: String,
    /// The path that it serves.
    pub base_path: String,
    /// The steps of the default fault rule. It runs for every fault, also for those that another rule has handled; a
    /// RaiseFault policy in it would start over.
    pub default_fault_rule: Vec<Step>,
    /// Runs first, for every request.
    pub pre_flow: Flow,
    /// Of these the first that matches runs.
    pub flows: Vec<ConditionalFlow>,
    /// Runs last, for every request.
    pub post_flow: Flow,
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
}

impl RouteRule {
    fn element(&self) -> Element {
        Element::new("RouteRule")
            .attribute("name", &self.name)
            .children(self.condition.as_ref().map(|text| Element::leaf("Condition", text)))
            .children(self.target.as_ref().map(|name| Element::leaf("TargetEndpoint", name)))
    }
}

impl ProxyEndpoint {
    /// Every step, wherever it is attached.
    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        let flows = self.flows.iter().flat_map(|flow| flow.flow.steps());
        let outer = self.pre_flow.steps().chain(self.post_flow.steps());
        self.default_fault_rule.iter().chain(outer).chain(flows)
    }

    /// The endpoint's file.
    pub(super) fn element(&self) -> Element {
        let default_fault_rule = (!self.default_fault_rule.is_empty()).then(|| {
            Element::new("DefaultFaultRule")
                .attribute("name", "default-fault")
                .children(self.default_fault_rule.iter().map(Step::element))
                .child(Element::leaf("AlwaysEnforce", true))
        });
        Element::new("ProxyEndpoint")
            .attribute("name", &self.name)
            .child(Element::leaf("Description", &self.name))
            .child(Element::new("FaultRules"))
            .children(default_fault_rule)
            .child(self.pre_flow.element("PreFlow"))
            .child(Element::new("Flows").children(self.flows.iter().map(ConditionalFlow::element)))
            .child(self.post_flow.element("PostFlow"))
            .child(Element::new("HTTPProxyConnection").child(Element::leaf("BasePath", &self.base_path)))
            .children(self.route_rules.iter().map(RouteRule::element))
    }
}
