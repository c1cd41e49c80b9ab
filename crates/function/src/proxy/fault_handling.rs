//! FaultRules and DefaultFaultRule: what an endpoint does when a call fails.
//!
//! Apigee tries the rules of the endpoint in which the call failed and of no other (Google's page "Handling faults"): those of
//! the TargetEndpoint for an error response of the backend, a timeout or a step of the target, those of the ProxyEndpoint for
//! all else.

use super::flow::Step;
use apigee_flux_model::xml::Element;

/// Steps for a fault. Of the rules of an endpoint one runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FaultRule {
    /// Its name.
    pub name: String,
    /// When it runs.
    pub condition: Option<String>,
    /// Its steps. A RaiseFault among them would end the rule and skip the default one.
    pub steps: Vec<Step>,
}

/// What an endpoint does about faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FaultHandling {
    /// The rules in the order in which they are to be tried.
    pub rules: Vec<FaultRule>,
    /// The steps of the default rule. It runs for every fault, also for those that another rule has handled; a RaiseFault
    /// policy in it would start over.
    pub default: Vec<Step>,
}

/// The endpoint that tries the rules, which decides where it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
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
    /// Every step.
    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.rules.iter().flat_map(|rule| &rule.steps).chain(&self.default)
    }

    /// `<FaultRules>`, and `<DefaultFaultRule>` if there is one.
    pub(super) fn elements(&self, endpoint: Endpoint) -> impl Iterator<Item = Element> {
        let mut rules: Vec<Element> = self.rules.iter().map(FaultRule::element).collect();
        if endpoint == Endpoint::Proxy {
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
