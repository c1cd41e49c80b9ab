//! FaultRules and DefaultFaultRule: what an endpoint does when a request fails.
//!
//! Apigee evaluates only the rules of the endpoint in which the request failed (Google's page "Handling faults"): those
//! of the TargetEndpoint for an error response of the backend, a timeout or a step of the target, those of the
//! ProxyEndpoint for everything else.

use super::flow::Step;
use apigee_flux_model::xml::Element;

/// Steps that handle a fault. Only one rule of an endpoint runs, and the default rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::proxy) struct FaultRule {
    /// The name of the rule.
    pub name: String,
    /// The condition under which it runs; `None` means always.
    pub condition: Option<String>,
    /// The steps. A RaiseFault policy among them would end the rule and skip the default rule.
    pub steps: Vec<Step>,
}

/// The fault handling of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::proxy) struct FaultHandling {
    /// The rules in the order in which they are evaluated.
    pub rules: Vec<FaultRule>,
    /// The steps of the default rule. It runs for every fault, also for those that another rule has handled; a
    /// RaiseFault policy in it would start fault handling again.
    pub default: Vec<Step>,
}

/// The kind of endpoint, which determines where Apigee starts to evaluate the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proxy) enum EndpointKind {
    /// From the last rule to the first.
    Proxy,
    /// From the first rule to the last.
    Target,
}

impl FaultRule {
    fn element(&self) -> Element {
        Element::new("FaultRule")
            .attribute("name", &self.name)
            .children(self.steps.iter().map(Step::element))
            .children(self.condition.as_ref().map(|text| Element::leaf("Condition", text)))
    }
}

impl FaultHandling {
    /// All steps.
    pub(in crate::proxy) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.rules.iter().flat_map(|rule| &rule.steps).chain(&self.default)
    }

    /// `<FaultRules>`, and `<DefaultFaultRule>` if there is one.
    pub(in crate::proxy) fn elements(&self, endpoint: EndpointKind) -> impl Iterator<Item = Element> {
        let mut rules: Vec<Element> = self.rules.iter().map(FaultRule::element).collect();
        if endpoint == EndpointKind::Proxy {
            rules.reverse();
        }
        let default = (!self.default.is_empty()).then(|| {
            Element::new("DefaultFaultRule")
                .attribute("name", "default-fault")
                .children(self.default.iter().map(Step::element))
                .child(Element::leaf("AlwaysEnforce", true))
        });
        std::iter::once(Element::new("FaultRules").children(rules)).chain(default)
    }
}
