//! All steps and conditions of a bundle, and the steps that run for a request.

use super::implication::{covers, disjuncts};
use apigee_flux_model::runtime::{Condition, FaultRule, Flow, Policy, ProxyEndpoint, RuntimeBundle, Step};

/// Every flow of every endpoint.
pub(super) fn flows<'b, 'd>(bundle: &'b RuntimeBundle<'d>) -> impl Iterator<Item = &'b Flow<'d>> {
    let proxies = bundle.proxy_endpoints.iter().flat_map(|endpoint| {
        let outer = [&endpoint.post_flow, &endpoint.post_client_flow, &endpoint.event_flow];
        endpoint.pre_flow.iter().chain(&endpoint.flows).chain(outer.into_iter().flatten())
    });
    let targets = bundle.target_endpoints.iter().flat_map(|endpoint| {
        let outer = [&endpoint.post_flow, &endpoint.event_flow];
        endpoint.pre_flow.iter().chain(&endpoint.flows).chain(outer.into_iter().flatten())
    });
    proxies.chain(targets)
}

/// Every fault rule, the default ones included.
pub(super) fn fault_rules<'b, 'd>(bundle: &'b RuntimeBundle<'d>) -> impl Iterator<Item = &'b FaultRule<'d>> {
    let proxies = bundle.proxy_endpoints.iter().flat_map(|e| e.fault_rules.iter().chain(&e.default_fault_rule));
    let targets = bundle.target_endpoints.iter().flat_map(|e| e.fault_rules.iter().chain(&e.default_fault_rule));
    proxies.chain(targets)
}

/// Every step.
pub(super) fn steps<'b, 'd>(bundle: &'b RuntimeBundle<'d>) -> impl Iterator<Item = &'b Step<'d>> {
    flows(bundle)
        .flat_map(|flow| flow.request.iter().chain(&flow.response))
        .chain(fault_rules(bundle).flat_map(|rule| &rule.steps))
        .chain(bundle.shared_flows.iter().flat_map(|flow| &flow.steps))
}

/// Every condition.
pub(super) fn conditions<'b, 'd>(bundle: &'b RuntimeBundle<'d>) -> impl Iterator<Item = &'b Condition<'d>> {
    flows(bundle)
        .filter_map(|flow| flow.condition.as_ref())
        .chain(steps(bundle).filter_map(|step| step.condition.as_ref()))
        .chain(fault_rules(bundle).filter_map(|rule| rule.condition.as_ref()))
        .chain(bundle.proxy_endpoints.iter().flat_map(|e| &e.route_rules).filter_map(|rule| rule.condition.as_ref()))
}

/// A step on the path of a request through a proxy endpoint.
pub(super) struct Passed<'b, 'd> {
    pub(super) step: &'b Step<'d>,
    pub(super) policy: &'b Policy<'d>,
    /// The conditional flow that it belongs to: only one of them runs.
    pub(super) flow: Option<&'b Flow<'d>>,
    position: usize,
}

impl Passed<'_, '_> {
    /// True if both may run for one request and this one runs first.
    pub(super) fn precedes(&self, other: &Self) -> bool {
        self.position < other.position && self.meets(other)
    }

    /// True if both may run for one request.
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self.flow, other.flow) {
            (Some(a), Some(b)) => std::ptr::eq(a, b),
            _ => true,
        }
    }
}

/// The steps that may run for a request in a proxy endpoint, in order. Disabled policies do not run.
pub(super) fn request<'b, 'd>(endpoint: &'b ProxyEndpoint<'d>, bundle: &'b RuntimeBundle<'d>) -> Vec<Passed<'b, 'd>> {
    let outer = |flow: &'b Option<Flow<'d>>| flow.iter().flat_map(|flow| &flow.request).map(|step| (step, None));
    let inner = endpoint.flows.iter().flat_map(|flow| flow.request.iter().map(move |step| (step, Some(flow))));
    let steps = outer(&endpoint.pre_flow).chain(inner).chain(outer(&endpoint.post_flow));
    steps
        .enumerate()
        .filter_map(|(position, (step, flow))| {
            let policy = bundle.policies.get(step.policy).filter(|policy| policy.enabled)?;
            Some(Passed { step, policy, flow, position })
        })
        .collect()
}

/// The operation of a policy, from the element or the attribute.
pub(super) fn operation<'d>(policy: &Policy<'d>) -> Option<&'d str> {
    policy.node.attribute("operation").or_else(|| super::node::child(policy.node, "Operation").map(super::node::text))
}

/// True for a policy that rejects callers without a valid credential.
pub(super) fn verifies(policy: &Policy<'_>) -> bool {
    match policy.element {
        "VerifyAPIKey" | "VerifyJWT" | "VerifyJWS" | "VerifyIAM" | "ValidateSAMLAssertion" => true,
        "OAuthV2" => operation(policy).is_some_and(|operation| operation.eq_ignore_ascii_case("VerifyAccessToken")),
        _ => false,
    }
}

/// True if the first condition is true whenever the second one is.
pub(super) fn covered(wide: Option<&Condition<'_>>, narrow: Option<&Condition<'_>>) -> bool {
    let Some(wide) = wide else { return true };
    let Some(narrow) = narrow else { return false };
    let alternatives = |condition: &Condition<'_>| condition.parsed.as_ref().ok().and_then(disjuncts);
    match (alternatives(wide), alternatives(narrow)) {
        (Some(wide), Some(narrow)) => covers(&wide, &narrow),
        _ => wide.text == narrow.text,
    }
}
