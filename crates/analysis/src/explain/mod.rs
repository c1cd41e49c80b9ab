//! Explains what Apigee runs for one call: read from the bundle, by the rules of the runtime.
//!
//! The rules are those of Google's pages "Controlling API proxies with flows" and "Handling faults": of the conditional
//! flows, the first that matches runs; route rules are tried in their order; the fault rules of a ProxyEndpoint are
//! tried from the last to the first, those of a TargetEndpoint from the first to the last; a default fault rule runs if
//! no other rule did, or always with `AlwaysEnforce`.
//!
//! A condition that depends on something unknown before the call (a response, a variable that a policy sets) is
//! undecided: every flow, route and rule that may run is shown with its [`Certainty`]. The changes that a policy makes
//! to the message are not tracked, and a step that may end the call does not affect the steps after it.

mod call;
mod text;

pub use call::{ExplainedCall, FaultAt};
pub use text::text;

use serde::Serialize;

use apigee_flux_model::condition::{Variables, evaluate};
use apigee_flux_model::runtime::{
    Condition, FaultRule, Flow, Policy, ProxyEndpoint, RouteDestination, RouteRule, RuntimeBundle, Step,
};
use apigee_flux_model::xml::{Node, child_named};
use call::KnownVariables;

/// The explanation of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The method.
    pub method: String,
    /// The path, starting after the host.
    pub path: String,
    /// The proxy.
    pub proxy: String,
    /// The proxy endpoint.
    pub endpoint: String,
    /// The base path of the endpoint.
    pub base_path: String,
    /// The rest of the path: the variable `proxy.pathsuffix`.
    pub path_suffix: String,
    /// The events of the call, in order.
    pub events: Vec<CallEvent>,
}

/// Whether something runs. `Runs` holds unless an earlier step ends the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Certainty {
    /// Its condition is false, or another candidate runs instead.
    CannotRun,
    /// It depends on something that is unknown before the call.
    MayRun,
    /// It runs.
    Runs,
}

/// One event of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum CallEvent {
    /// A flow that runs for every call: `PreFlow`, `PostFlow`, `PostClientFlow`.
    Flow {
        /// The part of the call.
        segment: CallSegment,
        /// The target endpoint that the flow belongs to, if any, and whether the call goes there.
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<RouteTarget>,
        /// The name of the flow.
        flow: String,
        /// The steps of the flow.
        steps: Vec<StepRun>,
    },
    /// The conditional flows: only the first that matches runs.
    Flows {
        /// The part of the call.
        segment: CallSegment,
        /// The target endpoint that the flows belong to, if any, and whether the call goes there.
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<RouteTarget>,
        /// All flows, in the order in which they are tried.
        candidates: Vec<Candidate>,
    },
    /// The choice of the route: the first rule that matches.
    Route {
        /// All rules, in the order in which they are tried.
        candidates: Vec<Candidate>,
    },
    /// The fault rules of an endpoint: at most one runs.
    Fault {
        /// The name of the fault, `fault.name`.
        fault: String,
        /// The endpoint whose rules are tried.
        endpoint: String,
        /// The type of the endpoint.
        kind: EndpointKind,
        /// The target endpoint, if it is one, and whether the call goes there.
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<RouteTarget>,
        /// All rules, in the order in which they are tried.
        candidates: Vec<Candidate>,
        /// The DefaultFaultRule.
        #[serde(skip_serializing_if = "Option::is_none")]
        default: Option<Candidate>,
        /// For a fault at a target where no rule is certain to run: the DefaultFaultRule of the proxy endpoint.
        #[serde(skip_serializing_if = "Option::is_none")]
        proxy_default: Option<Candidate>,
    },
    /// The call ends here without a fault.
    Ends {
        /// The reason.
        why: String,
    },
}

/// A type of endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EndpointKind {
    /// A ProxyEndpoint.
    Proxy,
    /// A TargetEndpoint.
    Target,
    /// An IntegrationEndpoint, which has no fault rules.
    Integration,
}

/// The target endpoint of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTarget {
    /// The name of the target endpoint.
    pub name: String,
    /// Whether the call goes there.
    pub certainty: Certainty,
}

/// A part of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CallSegment {
    /// From the caller into the proxy.
    ProxyRequest,
    /// From the proxy to the target.
    TargetRequest,
    /// From the target into the proxy.
    TargetResponse,
    /// From the proxy to the caller.
    ProxyResponse,
    /// After the response is sent.
    PostClient,
}

/// A flow, fault rule or route rule that is tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// The name of the candidate.
    pub name: String,
    /// The condition; `None` if it has no condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Whether the condition holds; `None` if this is unknown before the call.
    pub holds: Option<bool>,
    /// Whether it runs.
    pub certainty: Certainty,
    /// Why it does not run although its condition may hold, or another remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The destination of a route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The steps, if the candidate can run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<StepRun>,
}

/// A step of a flow or fault rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRun {
    /// The name of the policy.
    pub policy: String,
    /// The type of the policy; `None` if the bundle does not contain it.
    #[serde(rename = "type")]
    pub element: Option<String>,
    /// The condition; `None` if it has no condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Whether the condition holds and the policy is enabled; `None` if this is unknown before the call.
    pub holds: Option<bool>,
    /// Whether the step runs: never more certain than its flow or rule.
    pub certainty: Certainty,
    /// A remark.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Explains a call; `None` if no endpoint serves its path. If several endpoints match, the one with the longest base
/// path is used.
pub fn explain(bundles: &[RuntimeBundle<'_>], call: &ExplainedCall) -> Option<Explanation> {
    let served = |bundle, endpoint| {
        let endpoint: &ProxyEndpoint<'_> = endpoint;
        endpoint
            .base_paths
            .iter()
            .filter_map(move |path| Some((path.value, suffix(path.value, &call.path)?, bundle, endpoint)))
    };
    let (base_path, suffix, bundle, endpoint) = bundles
        .iter()
        .flat_map(|bundle| bundle.proxy_endpoints.iter().flat_map(move |endpoint| served(bundle, endpoint)))
        .max_by_key(|(path, ..)| specificity(path))?;
    let known = KnownVariables { call, base_path, suffix, fault: None };
    let mut run = CallRun { bundle, endpoint, known, events: Vec::new() };
    run.call();
    Some(Explanation {
        method: call.method.clone(),
        path: call.path.clone(),
        proxy: bundle.name.clone(),
        endpoint: endpoint.name.to_owned(),
        base_path: base_path.to_owned(),
        path_suffix: suffix.to_owned(),
        events: run.events,
    })
}

/// The rest of a path after a base path that matches it.
fn suffix<'p>(base_path: &str, path: &'p str) -> Option<&'p str> {
    let wanted: Vec<&str> = base_path.split('/').filter(|segment| !segment.is_empty()).collect();
    let mut rest = path;
    for segment in wanted {
        let inner = rest.strip_prefix('/')?;
        let (first, _) = inner.split_once('/').unwrap_or((inner, ""));
        if segment != "*" && segment != first || first.is_empty() {
            return None;
        }
        rest = inner.get(first.len()..)?;
    }
    Some(rest)
}

/// More segments take precedence over fewer, text over a wildcard.
fn specificity(base_path: &str) -> (usize, usize) {
    let segments = || base_path.split('/').filter(|segment| !segment.is_empty());
    (segments().count(), segments().filter(|segment| *segment != "*").count())
}

/// The effect of a flow on the call.
enum FlowOutcome {
    Goes,
    Faults(String),
    Ends(String),
}

struct CallRun<'r, 'd> {
    bundle: &'r RuntimeBundle<'d>,
    endpoint: &'r ProxyEndpoint<'d>,
    known: KnownVariables<'r>,
    events: Vec<CallEvent>,
}

/// The flows of one endpoint.
#[derive(Clone, Copy)]
struct Flows<'r, 'd> {
    pre: Option<&'r Flow<'d>>,
    conditional: &'r [Flow<'d>],
    post: Option<&'r Flow<'d>>,
}

/// One of several candidates that can run, and how certain that is.
struct Chosen<'r, T> {
    one: &'r T,
    certainty: Certainty,
}

/// Something with a name and optionally a condition; the first that matches is used.
trait Conditional<'d> {
    fn name(&self) -> &'d str;
    fn condition(&self) -> Option<&Condition<'d>>;
}

impl<'d> Conditional<'d> for Flow<'d> {
    fn name(&self) -> &'d str {
        self.name
    }

    fn condition(&self) -> Option<&Condition<'d>> {
        self.condition.as_ref()
    }
}

impl<'d> Conditional<'d> for FaultRule<'d> {
    fn name(&self) -> &'d str {
        self.name
    }

    fn condition(&self) -> Option<&Condition<'d>> {
        self.condition.as_ref()
    }
}

impl<'d> Conditional<'d> for RouteRule<'d> {
    fn name(&self) -> &'d str {
        self.name
    }

    fn condition(&self) -> Option<&Condition<'d>> {
        self.condition.as_ref()
    }
}

impl<'r, 'd> CallRun<'r, 'd> {
    fn call(&mut self) {
        let endpoint = self.endpoint;
        let flows =
            Flows { pre: endpoint.pre_flow.as_ref(), conditional: &endpoint.flows, post: endpoint.post_flow.as_ref() };
        match self.through(flows, CallSegment::ProxyRequest, None) {
            FlowOutcome::Goes => {}
            FlowOutcome::Faults(fault) => return self.proxy_fault(&fault),
            FlowOutcome::Ends(why) => {
                self.events.push(CallEvent::Ends { why });
                return self.post_client();
            }
        }
        let fault = |at| self.known.call.fault.as_deref().filter(|_| self.known.call.fault_at == at);
        let (proxy_fault, target_fault) = (fault(FaultAt::Proxy), fault(FaultAt::Target));
        if let Some(fault) = proxy_fault {
            return self.proxy_fault(fault);
        }
        let destinations = self.route();
        if destinations.is_empty() {
            return self.proxy_fault(NO_ROUTE);
        }
        let mut failed = false;
        for (destination, certainty) in destinations {
            failed |= self.target(destination, certainty, target_fault);
        }
        if failed {
            return self.post_client();
        }
        match self.through(flows, CallSegment::ProxyResponse, None) {
            FlowOutcome::Faults(fault) => self.proxy_fault(&fault),
            FlowOutcome::Goes | FlowOutcome::Ends(_) => self.post_client(),
        }
    }

    /// Adds the events at one destination; returns whether the call certainly fails there, or is supposed to fail
    /// there.
    fn target(&mut self, destination: RouteDestination<'d>, certainty: Certainty, fault: Option<&str>) -> bool {
        let name = match destination {
            RouteDestination::Target(name) | RouteDestination::Integration(name) => name,
            RouteDestination::Url(_) | RouteDestination::None => return false,
        };
        let target = RouteTarget { name: name.to_owned(), certainty };
        let endpoint = self.bundle.target_endpoints.iter().find(|known| known.name == name);
        let Some(endpoint) = endpoint.filter(|_| matches!(destination, RouteDestination::Target(_))) else {
            if let Some(fault) = fault {
                // An integration has no fault rules of its own.
                self.fault(fault, (EndpointKind::Integration, name), Some(target), &[], None);
            }
            return fault.is_some();
        };
        let flows =
            Flows { pre: endpoint.pre_flow.as_ref(), conditional: &endpoint.flows, post: endpoint.post_flow.as_ref() };
        let (rules, default): (Vec<_>, _) =
            (endpoint.fault_rules.iter().collect(), endpoint.default_fault_rule.as_ref());
        for segment in [CallSegment::TargetRequest, CallSegment::TargetResponse] {
            if let FlowOutcome::Faults(raised) = self.through(flows, segment, Some(&target)) {
                let sure = certainty == Certainty::Runs;
                self.fault(&raised, (EndpointKind::Target, name), Some(target), &rules, default);
                return sure;
            }
            if let (CallSegment::TargetRequest, Some(fault)) = (segment, fault) {
                self.fault(fault, (EndpointKind::Target, name), Some(target), &rules, default);
                return true;
            }
        }
        false
    }

    fn post_client(&mut self) {
        let Some(flow) = &self.endpoint.post_client_flow else { return };
        let segment = CallSegment::PostClient;
        let (steps, _) = self.steps(&flow.response, segment, Certainty::Runs);
        self.events.push(CallEvent::Flow { segment, target: None, flow: "PostClientFlow".to_owned(), steps });
    }

    /// The three flows of one segment, until one of them ends the call.
    fn through(&mut self, flows: Flows<'r, 'd>, segment: CallSegment, target: Option<&RouteTarget>) -> FlowOutcome {
        let outcome = self.unconditional("PreFlow", flows.pre, segment, target);
        if !matches!(outcome, FlowOutcome::Goes) {
            return outcome;
        }
        let outcome = self.conditional(flows.conditional, segment, target);
        if !matches!(outcome, FlowOutcome::Goes) {
            return outcome;
        }
        self.unconditional("PostFlow", flows.post, segment, target)
    }

    fn unconditional(
        &mut self,
        name: &str,
        flow: Option<&'r Flow<'d>>,
        segment: CallSegment,
        target: Option<&RouteTarget>,
    ) -> FlowOutcome {
        let steps = flow.map(|flow| of_segment(flow, segment)).unwrap_or_default();
        let (steps, outcome) = self.steps(steps, segment, of_target(target));
        if !steps.is_empty() {
            self.events.push(CallEvent::Flow { segment, target: target.cloned(), flow: name.to_owned(), steps });
        }
        outcome
    }

    fn conditional(
        &mut self,
        flows: &'r [Flow<'d>],
        segment: CallSegment,
        target: Option<&RouteTarget>,
    ) -> FlowOutcome {
        if flows.is_empty() {
            return FlowOutcome::Goes;
        }
        let (mut candidates, chosen) = self.choose(flows.iter(), segment);
        let most = of_target(target);
        let mut ends = FlowOutcome::Goes;
        for Chosen { one, certainty } in chosen {
            let (steps, outcome) = self.steps(of_segment(one, segment), segment, certainty.min(most));
            let place = flows.iter().position(|flow| std::ptr::eq(flow, one));
            if let Some(candidate) = place.and_then(|place| candidates.get_mut(place)) {
                candidate.steps = steps;
            }
            // A flow that only may run does not end the call for certain.
            if certainty == Certainty::Runs {
                ends = outcome;
            }
        }
        limit(&mut candidates, most);
        self.events.push(CallEvent::Flows { segment, target: target.cloned(), candidates });
        ends
    }

    /// All candidates of which the first match is used, and those that can run; the certainty is that of the choice
    /// only.
    fn choose<T: Conditional<'d>>(
        &self,
        all: impl IntoIterator<Item = &'r T>,
        segment: CallSegment,
    ) -> (Vec<Candidate>, Vec<Chosen<'r, T>>)
    where
        'd: 'r,
    {
        let (mut candidates, mut chosen) = (Vec::new(), Vec::new());
        let mut taken: Option<&str> = None;
        let mut open = false;
        for one in all {
            let holds = self.holds(one.condition(), segment);
            let certainty = match (taken, holds) {
                (Some(_), _) | (None, Some(false)) => Certainty::CannotRun,
                (None, Some(true)) if !open => Certainty::Runs,
                (None, _) => Certainty::MayRun,
            };
            let note = taken.filter(|_| holds != Some(false)).map(|first| format!("`{first}` matches first"));
            candidates.push(Candidate {
                name: one.name().to_owned(),
                condition: one.condition().map(|condition| condition.text.to_owned()),
                holds,
                certainty,
                note,
                destination: None,
                steps: Vec::new(),
            });
            if certainty != Certainty::CannotRun {
                chosen.push(Chosen { one, certainty });
                match holds {
                    Some(true) => taken = Some(one.name()),
                    _ => open = true,
                }
            }
        }
        (candidates, chosen)
    }

    /// Whether a condition holds. A condition that cannot be parsed is undecided: Apigee would reject the bundle.
    fn holds(&self, condition: Option<&Condition<'d>>, segment: CallSegment) -> Option<bool> {
        let Some(condition) = condition else { return Some(true) };
        let variables = InSegment { known: &self.known, segment };
        condition.parsed.as_ref().ok().and_then(|expr| evaluate(expr, &variables))
    }

    /// The steps, until one of them ends the call; none is more certain than `most`.
    fn steps(&self, steps: &'r [Step<'d>], segment: CallSegment, most: Certainty) -> (Vec<StepRun>, FlowOutcome) {
        let mut runs = Vec::new();
        for step in steps {
            let policy = self.bundle.policies.get(step.policy);
            let enabled = policy.is_none_or(|policy| policy.enabled);
            let holds = if enabled { self.holds(step.condition.as_ref(), segment) } else { Some(false) };
            let outcome = policy.map_or(FlowOutcome::Goes, |policy| self.outcome(policy, segment));
            let note = match (&outcome, policy) {
                (_, None) => Some("the bundle does not contain this policy".to_owned()),
                (_, Some(policy)) if !policy.enabled => Some("the policy is disabled".to_owned()),
                (FlowOutcome::Faults(_), _) => Some("ends the call with a fault".to_owned()),
                (FlowOutcome::Ends(why), _) => Some(why.clone()),
                (FlowOutcome::Goes, Some(policy)) => remark(policy),
            };
            runs.push(StepRun {
                policy: step.policy.to_owned(),
                element: policy.map(|policy| policy.element.to_owned()),
                condition: step.condition.as_ref().map(|condition| condition.text.to_owned()),
                holds,
                certainty: match holds {
                    Some(true) => most,
                    Some(false) => Certainty::CannotRun,
                    None => Certainty::MayRun.min(most),
                },
                note,
            });
            if holds == Some(true) && !matches!(outcome, FlowOutcome::Goes) {
                return (runs, outcome);
            }
        }
        (runs, FlowOutcome::Goes)
    }

    /// The certain effect of a policy on the call.
    fn outcome(&self, policy: &Policy<'d>, segment: CallSegment) -> FlowOutcome {
        match policy.element {
            "RaiseFault" if policy.enabled => FlowOutcome::Faults("RaiseFault".to_owned()),
            "CORS" if segment == CallSegment::ProxyRequest && self.known.is_preflight() => {
                let generates = child_text(policy.node, "GeneratePreflightResponse").is_none_or(|text| text == "true");
                if generates {
                    FlowOutcome::Ends("responds to the preflight request".to_owned())
                } else {
                    FlowOutcome::Goes
                }
            }
            _ => FlowOutcome::Goes,
        }
    }

    /// The possible destinations of the call; empty if no rule can match, which is a fault.
    fn route(&mut self) -> Vec<(RouteDestination<'d>, Certainty)> {
        let rules = &self.endpoint.route_rules;
        let (mut candidates, chosen) = self.choose(rules.iter(), CallSegment::ProxyRequest);
        for (candidate, rule) in candidates.iter_mut().zip(rules) {
            candidate.destination = Some(match rule.destination {
                RouteDestination::Target(name) => format!("target {name}{}", self.place_of(name)),
                RouteDestination::Url(url) => format!("the URL {url}"),
                RouteDestination::Integration(name) => format!("integration {name}"),
                RouteDestination::None => "no target: the proxy responds itself".to_owned(),
            });
        }
        self.events.push(CallEvent::Route { candidates });
        let mut destinations: Vec<(RouteDestination<'d>, Certainty)> = Vec::new();
        for Chosen { one, certainty } in chosen {
            // Several rules may have the same destination.
            match destinations.iter_mut().find(|(known, _)| *known == one.destination) {
                Some(known) => known.1 = known.1.max(certainty),
                None => destinations.push((one.destination, certainty)),
            }
        }
        if let [only] = destinations.as_mut_slice()
            && rules.iter().any(|rule| rule.condition.is_none())
        {
            only.1 = Certainty::Runs;
        }
        destinations
    }

    /// The URL or the servers of a target, in parentheses.
    fn place_of(&self, target: &str) -> String {
        let Some(target) = self.bundle.target_endpoints.iter().find(|known| known.name == target) else {
            return " (which the bundle does not contain)".to_owned();
        };
        let found = target.node.descendants().find_map(|node| match node.tag_name().name() {
            "URL" => node.text().map(|url| url.trim().to_owned()),
            "LoadBalancer" => {
                let servers = node.children().filter(|child| child.has_tag_name("Server"));
                Some(servers.filter_map(|server| server.attribute("name")).collect::<Vec<_>>().join(", "))
            }
            _ => None,
        });
        found.map(|place| format!(" ({place})")).unwrap_or_default()
    }

    fn proxy_fault(&mut self, fault: &str) {
        let endpoint = self.endpoint;
        let rules: Vec<_> = endpoint.fault_rules.iter().rev().collect();
        let default = endpoint.default_fault_rule.as_ref();
        self.fault(fault, (EndpointKind::Proxy, endpoint.name), None, &rules, default);
        self.post_client();
    }

    fn fault(
        &mut self,
        fault: &str,
        (kind, endpoint): (EndpointKind, &str),
        target: Option<RouteTarget>,
        rules: &[&'r FaultRule<'d>],
        default: Option<&'r FaultRule<'d>>,
    ) {
        self.known.fault = Some(fault.to_owned());
        // In an error flow, only the request is known.
        let segment = CallSegment::ProxyResponse;
        let most = of_target(target.as_ref());
        let (mut candidates, chosen) = self.choose(rules.iter().copied(), segment);
        // What certainly runs, and whether a rule that raises a fault prevents the default rule from running, even one
        // with `AlwaysEnforce`.
        let (mut handled, mut raised) = (Certainty::CannotRun, Certainty::CannotRun);
        let sure = chosen.iter().any(|chosen| self.holds(chosen.one.condition.as_ref(), segment) == Some(true));
        for Chosen { one, certainty } in chosen {
            let (steps, outcome) = self.steps(&one.steps, segment, certainty.min(most));
            handled = handled.max(if sure { Certainty::Runs } else { certainty });
            if matches!(outcome, FlowOutcome::Faults(_)) {
                raised = raised.max(certainty);
            }
            let place = rules.iter().position(|rule| std::ptr::eq(*rule, one));
            if let Some(candidate) = place.and_then(|place| candidates.get_mut(place)) {
                candidate.steps = steps;
            }
        }
        limit(&mut candidates, most);
        let default = default.map(|rule| {
            let stopped = if rule.always_enforce { raised } else { handled };
            let holds = self.holds(rule.condition.as_ref(), segment);
            let certainty = match (stopped, holds) {
                (Certainty::Runs, _) | (_, Some(false)) => Certainty::CannotRun,
                (Certainty::CannotRun, Some(true)) => most,
                _ => Certainty::MayRun.min(most),
            };
            let note = (stopped == Certainty::Runs).then(|| {
                if raised == Certainty::Runs { "a RaiseFault policy has run" } else { "another rule has run" }
                    .to_owned()
            });
            self.default_rule(rule, holds, certainty, note)
        });
        let settled = handled == Certainty::Runs || default.as_ref().is_some_and(|rule| rule.certainty == most);
        let proxy_default = self.endpoint.default_fault_rule.as_ref().filter(|_| target.is_some() && !settled);
        let proxy_default = proxy_default.map(|rule| {
            let holds = self.holds(rule.condition.as_ref(), segment);
            let certainty = if holds == Some(false) { Certainty::CannotRun } else { Certainty::MayRun };
            let note = "according to Google's documentation, the TargetEndpoint handles a fault at the target: define a \
                        DefaultFaultRule there";
            self.default_rule(rule, holds, certainty, Some(note.to_owned()))
        });
        self.events.push(CallEvent::Fault {
            fault: fault.to_owned(),
            endpoint: endpoint.to_owned(),
            kind,
            target,
            candidates,
            default,
            proxy_default,
        });
    }

    fn default_rule(
        &self,
        rule: &'r FaultRule<'d>,
        holds: Option<bool>,
        certainty: Certainty,
        note: Option<String>,
    ) -> Candidate {
        let steps = match certainty {
            Certainty::CannotRun => Vec::new(),
            certainty => self.steps(&rule.steps, CallSegment::ProxyResponse, certainty).0,
        };
        Candidate {
            name: rule.name.to_owned(),
            condition: rule.condition.as_ref().map(|condition| condition.text.to_owned()),
            holds,
            certainty,
            note,
            destination: None,
            steps,
        }
    }
}

/// Limits the certainty of all candidates to that of what they belong to.
fn limit(candidates: &mut [Candidate], most: Certainty) {
    for candidate in candidates {
        candidate.certainty = candidate.certainty.min(most);
    }
}

/// The name of the fault if no RouteRule matches.
const NO_ROUTE: &str = "RouteFailed";

/// How certain it is that the call goes to a target; outside of targets it is certain.
fn of_target(target: Option<&RouteTarget>) -> Certainty {
    target.map_or(Certainty::Runs, |target| target.certainty)
}

/// The steps of a flow for a segment.
fn of_segment<'r, 'd>(flow: &'r Flow<'d>, segment: CallSegment) -> &'r [Step<'d>] {
    match segment {
        CallSegment::ProxyRequest | CallSegment::TargetRequest => &flow.request,
        CallSegment::TargetResponse | CallSegment::ProxyResponse | CallSegment::PostClient => &flow.response,
    }
}

/// A remark on a policy that does not certainly end the call.
fn remark(policy: &Policy<'_>) -> Option<String> {
    match policy.element {
        "FlowCallout" => Some(format!("calls the shared flow {}", child_text(policy.node, "SharedFlowBundle")?)),
        "ResponseCache" | "SemanticCacheLookup" => Some("a cache hit ends the call here".to_owned()),
        _ => None,
    }
}

fn child_text<'n>(node: Node<'n, '_>, name: &str) -> Option<&'n str> {
    child_named(node, name).and_then(|child| child.text()).map(str::trim)
}

/// The variables that are known in one part of a call.
struct InSegment<'k, 'c> {
    known: &'k KnownVariables<'c>,
    segment: CallSegment,
}

impl Variables for InSegment<'_, '_> {
    fn get(&self, name: &str) -> Option<Option<std::borrow::Cow<'_, str>>> {
        self.known.get(name, matches!(self.segment, CallSegment::ProxyRequest | CallSegment::TargetRequest))
    }
}
