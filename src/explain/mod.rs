//! What Apigee would run for one call: read from the bundle itself, by the rules of the runtime.
//!
//! The rules are those of Google's pages "Controlling API proxies with flows" and "Handling faults": of the conditional flows the first that matches runs;
//! route rules are tried in their order; the fault rules of a ProxyEndpoint are tried from the last to the first, those of a TargetEndpoint from
//! the first to the last; a default fault rule runs if no other did, or always with `AlwaysEnforce`.
//!
//! A condition that depends on what is not known before the call is made (a response, a variable that a policy sets) stays open: the explanation says so
//! and goes on with it as one of the possibilities. What a policy changes in the message is not followed.

mod call;
mod text;

pub use call::{Call, FaultAt};
pub use text::text;

use serde::Serialize;

use crate::condition::{Variables, evaluate};
use crate::runtime::{Bundle, Condition, Destination, FaultRule, Flow, Policy, ProxyEndpoint, Step, TargetEndpoint};
use crate::xml::{Node, child_named};
use call::Known;

/// What would run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// The method.
    pub method: String,
    /// The path, from the host on.
    pub path: String,
    /// The proxy.
    pub proxy: String,
    /// Its endpoint.
    pub endpoint: String,
    /// The path that the endpoint serves.
    pub base_path: String,
    /// The rest of the path: the variable `proxy.pathsuffix`.
    pub path_suffix: String,
    /// What happens, in its order.
    pub events: Vec<Event>,
}

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// A flow runs.
    Flow {
        /// The part of the call.
        segment: Segment,
        /// `PreFlow`, `PostFlow`, `PostClientFlow`, or the name of a conditional flow.
        flow: String,
        /// For a conditional flow: those that were tried, itself the last. Empty for the others.
        tried: Vec<Candidate>,
        /// Its steps.
        steps: Vec<StepRun>,
    },
    /// No conditional flow matches.
    NoFlow {
        /// The part of the call.
        segment: Segment,
        /// Those that were tried.
        tried: Vec<Candidate>,
    },
    /// The route is chosen.
    Route {
        /// Those that were tried, the one that is taken the last.
        tried: Vec<Candidate>,
        /// Where it leads; none if no rule matches, which is a fault.
        destination: Option<String>,
    },
    /// The fault rules of an endpoint are tried.
    Fault {
        /// The fault's name, `fault.name`.
        fault: String,
        /// The endpoint whose rules are tried.
        endpoint: String,
        /// Those that were tried, the one that runs the last.
        tried: Vec<Candidate>,
        /// The steps of the rule that runs.
        steps: Vec<StepRun>,
        /// The steps of the default rule, if it runs.
        default: Vec<StepRun>,
    },
    /// The call ends here without a fault.
    Ends {
        /// Why.
        why: String,
    },
}

/// A part of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Segment {
    /// From the caller into the proxy.
    ProxyRequest,
    /// From the proxy to the target.
    TargetRequest,
    /// From the target into the proxy.
    TargetResponse,
    /// From the proxy to the caller.
    ProxyResponse,
    /// After the response has left.
    PostClient,
}

/// A flow, a rule or a route that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its condition; none if it has none.
    pub condition: Option<String>,
    /// Whether it holds; none if that is not known before the call.
    pub holds: Option<bool>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRun {
    /// The policy.
    pub policy: String,
    /// Its type; none if the bundle does not have it.
    #[serde(rename = "type")]
    pub element: Option<String>,
    /// Its condition; none if it has none.
    pub condition: Option<String>,
    /// Whether it runs; none if that is not known before the call.
    pub runs: Option<bool>,
    /// What is to be said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Explains a call: none if no endpoint serves its path. Of several endpoints the one with the longest base path is taken.
pub fn explain(bundles: &[Bundle<'_>], call: &Call) -> Option<Explanation> {
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
    let known = Known { call, base_path, suffix, fault: None };
    let mut run = Run { bundle, endpoint, known, events: Vec::new() };
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

/// The rest of a path behind a base path that matches it.
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

/// More segments win over fewer, text over a wildcard.
fn specificity(base_path: &str) -> (usize, usize) {
    let segments = || base_path.split('/').filter(|segment| !segment.is_empty());
    (segments().count(), segments().filter(|segment| *segment != "*").count())
}

/// What a flow does to the call.
enum Outcome {
    Goes,
    Faults(String),
    Ends(String),
}

struct Run<'r, 'd> {
    bundle: &'r Bundle<'d>,
    endpoint: &'r ProxyEndpoint<'d>,
    known: Known<'r>,
    events: Vec<Event>,
}

/// The flows of one endpoint.
#[derive(Clone, Copy)]
struct Flows<'r, 'd> {
    pre: Option<&'r Flow<'d>>,
    conditional: &'r [Flow<'d>],
    post: Option<&'r Flow<'d>>,
}

impl<'r, 'd> Run<'r, 'd> {
    fn call(&mut self) {
        let endpoint = self.endpoint;
        let flows =
            Flows { pre: endpoint.pre_flow.as_ref(), conditional: &endpoint.flows, post: endpoint.post_flow.as_ref() };
        match self.through(flows, Segment::ProxyRequest) {
            Outcome::Goes => {}
            Outcome::Faults(fault) => return self.proxy_fault(&fault),
            Outcome::Ends(why) => {
                self.events.push(Event::Ends { why });
                return self.post_client();
            }
        }
        let fault = |at| self.known.call.fault.as_deref().filter(|_| self.known.call.fault_at == at);
        let (proxy_fault, target_fault) = (fault(FaultAt::Proxy), fault(FaultAt::Target));
        if let Some(fault) = proxy_fault {
            return self.proxy_fault(fault);
        }
        let Some(destination) = self.route() else {
            return self.proxy_fault("NoRoutesMatched");
        };
        if let Destination::Target(name) = destination
            && let Some(target) = self.bundle.target_endpoints.iter().find(|target| target.name == name)
        {
            let flows =
                Flows { pre: target.pre_flow.as_ref(), conditional: &target.flows, post: target.post_flow.as_ref() };
            for segment in [Segment::TargetRequest, Segment::TargetResponse] {
                if let Outcome::Faults(fault) = self.through(flows, segment) {
                    return self.target_fault(target, &fault);
                }
                if let (Segment::TargetRequest, Some(fault)) = (segment, target_fault) {
                    return self.target_fault(target, fault);
                }
            }
        }
        match self.through(flows, Segment::ProxyResponse) {
            Outcome::Faults(fault) => self.proxy_fault(&fault),
            Outcome::Goes | Outcome::Ends(_) => self.post_client(),
        }
    }

    fn post_client(&mut self) {
        let Some(flow) = &self.endpoint.post_client_flow else { return };
        let segment = Segment::PostClient;
        let (steps, _) = self.steps(&flow.response, segment);
        self.events.push(Event::Flow { segment, flow: "PostClientFlow".to_owned(), tried: Vec::new(), steps });
    }

    /// The three flows of one segment, until one of them ends the call.
    fn through(&mut self, flows: Flows<'r, 'd>, segment: Segment) -> Outcome {
        let outcome = self.unconditional("PreFlow", flows.pre, segment);
        if !matches!(outcome, Outcome::Goes) {
            return outcome;
        }
        let outcome = self.conditional(flows.conditional, segment);
        if !matches!(outcome, Outcome::Goes) {
            return outcome;
        }
        self.unconditional("PostFlow", flows.post, segment)
    }

    fn unconditional(&mut self, name: &str, flow: Option<&'r Flow<'d>>, segment: Segment) -> Outcome {
        let steps = flow.map(|flow| of_segment(flow, segment)).unwrap_or_default();
        let (steps, outcome) = self.steps(steps, segment);
        if !steps.is_empty() {
            self.events.push(Event::Flow { segment, flow: name.to_owned(), tried: Vec::new(), steps });
        }
        outcome
    }

    fn conditional(&mut self, flows: &'r [Flow<'d>], segment: Segment) -> Outcome {
        if flows.is_empty() {
            return Outcome::Goes;
        }
        let (tried, chosen) = self.choose(flows, |flow| (flow.name, flow.condition.as_ref()), segment);
        let Some(flow) = chosen else {
            self.events.push(Event::NoFlow { segment, tried });
            return Outcome::Goes;
        };
        let (steps, outcome) = self.steps(of_segment(flow, segment), segment);
        self.events.push(Event::Flow { segment, flow: flow.name.to_owned(), tried, steps });
        // What only may run ends nothing for certain.
        if self.holds(flow.condition.as_ref(), segment) == Some(true) { outcome } else { Outcome::Goes }
    }

    /// The first of several whose condition holds, or may hold, and all that were tried until then.
    fn choose<T>(
        &self,
        all: impl IntoIterator<Item = &'r T>,
        of: impl Fn(&'r T) -> (&'r str, Option<&'r Condition<'d>>),
        segment: Segment,
    ) -> (Vec<Candidate>, Option<&'r T>)
    where
        'd: 'r,
    {
        let mut tried = Vec::new();
        for one in all {
            let (name, condition) = of(one);
            let holds = self.holds(condition, segment);
            let condition = condition.map(|condition| condition.text.to_owned());
            tried.push(Candidate { name: name.to_owned(), condition, holds });
            if holds != Some(false) {
                return (tried, Some(one));
            }
        }
        (tried, None)
    }

    /// Whether a condition holds. One that does not parse is not known: Apigee would refuse the bundle.
    fn holds(&self, condition: Option<&Condition<'d>>, segment: Segment) -> Option<bool> {
        let Some(condition) = condition else { return Some(true) };
        let variables = InSegment { known: &self.known, segment };
        condition.parsed.as_ref().ok().and_then(|expr| evaluate(expr, &variables))
    }

    /// The steps, until one of them ends the call.
    fn steps(&self, steps: &'r [Step<'d>], segment: Segment) -> (Vec<StepRun>, Outcome) {
        let mut runs = Vec::new();
        for step in steps {
            let policy = self.bundle.policies.get(step.policy);
            let enabled = policy.is_none_or(|policy| policy.enabled);
            let holds = if enabled { self.holds(step.condition.as_ref(), segment) } else { Some(false) };
            let outcome = policy.map_or(Outcome::Goes, |policy| self.outcome(policy, segment));
            let note = match (&outcome, policy) {
                (_, None) => Some("the bundle has no such policy".to_owned()),
                (_, Some(policy)) if !policy.enabled => Some("the policy is not enabled".to_owned()),
                (Outcome::Faults(_), _) => Some("ends the request with a fault".to_owned()),
                (Outcome::Ends(why), _) => Some(why.clone()),
                (Outcome::Goes, Some(policy)) => remark(policy),
            };
            runs.push(StepRun {
                policy: step.policy.to_owned(),
                element: policy.map(|policy| policy.element.to_owned()),
                condition: step.condition.as_ref().map(|condition| condition.text.to_owned()),
                runs: holds,
                note,
            });
            if holds == Some(true) && !matches!(outcome, Outcome::Goes) {
                return (runs, outcome);
            }
        }
        (runs, Outcome::Goes)
    }

    /// What a policy surely does to the call.
    fn outcome(&self, policy: &Policy<'d>, segment: Segment) -> Outcome {
        match policy.element {
            "RaiseFault" if policy.enabled => Outcome::Faults("RaiseFault".to_owned()),
            "CORS" if segment == Segment::ProxyRequest && self.known.is_preflight() => {
                let generates = child_text(policy.node, "GeneratePreflightResponse").is_none_or(|text| text == "true");
                if generates { Outcome::Ends("answers the preflight".to_owned()) } else { Outcome::Goes }
            }
            _ => Outcome::Goes,
        }
    }

    fn route(&mut self) -> Option<Destination<'d>> {
        let (tried, chosen) =
            self.choose(&self.endpoint.route_rules, |rule| (rule.name, rule.condition.as_ref()), Segment::ProxyRequest);
        let destination = chosen.map(|rule| rule.destination);
        let name = destination.map(|destination| match destination {
            Destination::Target(name) => format!("target {name}{}", self.place_of(name)),
            Destination::Url(url) => format!("the URL {url}"),
            Destination::Integration(name) => format!("integration {name}"),
            Destination::None => "no target: the proxy answers by itself".to_owned(),
        });
        self.events.push(Event::Route { tried, destination: name });
        destination
    }

    /// Where a target connects to, in brackets.
    fn place_of(&self, target: &str) -> String {
        let Some(target) = self.bundle.target_endpoints.iter().find(|known| known.name == target) else {
            return " (which the bundle does not have)".to_owned();
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
        self.fault(fault, endpoint.name, endpoint.fault_rules.iter().rev(), endpoint.default_fault_rule.as_ref());
        self.post_client();
    }

    fn target_fault(&mut self, target: &'r TargetEndpoint<'d>, fault: &str) {
        self.fault(fault, target.name, target.fault_rules.iter(), target.default_fault_rule.as_ref());
        self.post_client();
    }

    fn fault(
        &mut self,
        fault: &str,
        endpoint: &str,
        rules: impl Iterator<Item = &'r FaultRule<'d>>,
        default: Option<&'r FaultRule<'d>>,
    ) {
        self.known.fault = Some(fault.to_owned());
        // No part of the call but the request is known in an error flow.
        let segment = Segment::ProxyResponse;
        let (tried, chosen) = self.choose(rules, |rule| (rule.name, rule.condition.as_ref()), segment);
        let (steps, outcome) = chosen.map_or((Vec::new(), Outcome::Goes), |rule| self.steps(&rule.steps, segment));
        // A rule that raises a fault leaves no default rule to run, not even one that is always enforced.
        let raised = matches!(outcome, Outcome::Faults(_));
        let default = default.filter(|rule| !raised && (chosen.is_none() || rule.always_enforce));
        let default = default.map(|rule| self.steps(&rule.steps, segment).0).unwrap_or_default();
        let (fault, endpoint) = (fault.to_owned(), endpoint.to_owned());
        self.events.push(Event::Fault { fault, endpoint, tried, steps, default });
    }
}

/// The steps that a flow has for a segment.
fn of_segment<'r, 'd>(flow: &'r Flow<'d>, segment: Segment) -> &'r [Step<'d>] {
    match segment {
        Segment::ProxyRequest | Segment::TargetRequest => &flow.request,
        Segment::TargetResponse | Segment::ProxyResponse | Segment::PostClient => &flow.response,
    }
}

/// What is worth knowing of a policy that does not end the call for certain.
fn remark(policy: &Policy<'_>) -> Option<String> {
    match policy.element {
        "FlowCallout" => Some(format!("calls the shared flow {}", child_text(policy.node, "SharedFlowBundle")?)),
        "ResponseCache" | "SemanticCacheLookup" => Some("a hit ends the request here".to_owned()),
        _ => None,
    }
}

fn child_text<'n>(node: Node<'n, '_>, name: &str) -> Option<&'n str> {
    child_named(node, name).and_then(|child| child.text()).map(str::trim)
}

/// The variables as they are known in one part of a call.
struct InSegment<'k, 'c> {
    known: &'k Known<'c>,
    segment: Segment,
}

impl Variables for InSegment<'_, '_> {
    fn get(&self, name: &str) -> Option<Option<std::borrow::Cow<'_, str>>> {
        self.known.get(name, matches!(self.segment, Segment::ProxyRequest | Segment::TargetRequest))
    }
}
