//! The path of a request through a proxy endpoint and a target endpoint: all steps in the order in which they may run.

use super::walk;
use apigee_flux_model::runtime::{Flow, Policy, ProxyEndpoint, RouteDestination, RuntimeBundle, Step};

/// A stage of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    ProxyRequest,
    TargetRequest,
    TargetResponse,
    ProxyResponse,
}

impl Stage {
    /// True before the target has answered.
    pub(super) fn is_request(self) -> bool {
        matches!(self, Self::ProxyRequest | Self::TargetRequest)
    }
}

/// A step on the path.
pub(super) struct JourneyStep<'b, 'd> {
    pub(super) step: &'b Step<'d>,
    pub(super) policy: &'b Policy<'d>,
    pub(super) stage: Stage,
    /// The conditional flow that it belongs to: only one flow of an endpoint runs.
    flow: Option<&'b Flow<'d>>,
    /// The target endpoint that it belongs to: only one is called.
    target: Option<usize>,
}

impl JourneyStep<'_, '_> {
    /// True if this step runs for every request for which the other runs.
    pub(super) fn runs_with(&self, other: &Self) -> bool {
        let flow = self.flow.is_none_or(|flow| other.flow.is_some_and(|same| std::ptr::eq(flow, same)));
        let target = self.target.is_none() || self.target == other.target;
        flow && target && walk::covered(self.step.condition.as_ref(), other.step.condition.as_ref())
    }

    /// True if both may run for one request.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let same_endpoint = (self.target.is_none(), other.target.is_none());
        let flows = match (self.flow, other.flow) {
            (Some(a), Some(b)) if same_endpoint.0 == same_endpoint.1 => std::ptr::eq(a, b),
            _ => true,
        };
        let targets = self.target.is_none() || other.target.is_none() || self.target == other.target;
        flows && targets
    }
}

/// All steps that may run for a request to a proxy endpoint. Disabled policies do not run.
pub(super) fn stops<'b, 'd>(
    endpoint: &'b ProxyEndpoint<'d>,
    bundle: &'b RuntimeBundle<'d>,
) -> Vec<JourneyStep<'b, 'd>> {
    let mut found = Vec::new();
    let mut add = |stage: Stage, target, flow: Option<&'b Flow<'d>>, steps: &'b [Step<'d>]| {
        for step in steps {
            if let Some(policy) = bundle.policies.get(step.policy).filter(|policy| policy.enabled) {
                found.push(JourneyStep { step, policy, stage, flow, target });
            }
        }
    };
    let mut half =
        |stage: Stage, target, pre: &'b Option<Flow<'d>>, flows: &'b [Flow<'d>], post: &'b Option<Flow<'d>>| {
            let steps = |flow: &'b Flow<'d>| if stage.is_request() { &flow.request } else { &flow.response };
            if let Some(flow) = pre {
                add(stage, target, None, steps(flow));
            }
            for flow in flows {
                add(stage, target, Some(flow), steps(flow));
            }
            if let Some(flow) = post {
                add(stage, target, None, steps(flow));
            }
        };
    half(Stage::ProxyRequest, None, &endpoint.pre_flow, &endpoint.flows, &endpoint.post_flow);
    let called =
        |name: &str| endpoint.route_rules.iter().any(|rule| rule.destination == RouteDestination::Target(name));
    let targets: Vec<_> =
        bundle.target_endpoints.iter().enumerate().filter(|(_, target)| called(target.name)).collect();
    for stage in [Stage::TargetRequest, Stage::TargetResponse] {
        for (index, target) in &targets {
            half(stage, Some(*index), &target.pre_flow, &target.flows, &target.post_flow);
        }
    }
    half(Stage::ProxyResponse, None, &endpoint.pre_flow, &endpoint.flows, &endpoint.post_flow);
    found
}
