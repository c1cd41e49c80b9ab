//! CORS: a preflight has no credential, and only the CORS policy answers it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::node::{at, child, is_template, text};
use super::walk::{Passed, request, verifies};
use super::{At, Finding, FindingCause, Findings, Verdict};
use apigee_flux_model::condition::{ConditionValue, Expr, Operator, Variables, evaluate};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{Condition, Policy, ProxyEndpoint, RuntimeBundle};

/// The variables of a preflight.
struct Preflight;

impl Variables for Preflight {
    fn get(&self, name: &str) -> Option<Option<Cow<'_, str>>> {
        let known = |value: &'static str| Some(Some(Cow::Borrowed(value)));
        match name.to_ascii_lowercase().as_str() {
            "request.verb" | "message.verb" => known("OPTIONS"),
            "request.header.origin" => known("https://app.example.com"),
            "request.header.access-control-request-method" => known("GET"),
            "request.header.authorization" => Some(None),
            _ => None,
        }
    }
}

fn holds(condition: Option<&Condition<'_>>) -> Option<bool> {
    match condition {
        None => Some(true),
        Some(condition) => condition.parsed.as_ref().ok().and_then(|expr| evaluate(expr, &Preflight)),
    }
}

/// Whether a step runs for a preflight.
fn runs(step: &Passed<'_, '_>) -> Option<bool> {
    match (holds(step.step.condition.as_ref()), holds(step.flow.and_then(|flow| flow.condition.as_ref()))) {
        (Some(true), Some(true)) => Some(true),
        (Some(false), _) | (_, Some(false)) => Some(false),
        _ => None,
    }
}

/// Why an origin never matches, and how to fix it; `None` if it can match.
pub fn origin_fault(origin: &str) -> Option<(&'static str, &'static str)> {
    let rest = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    if rest.contains('*') {
        return Some((
            "Apigee compares the whole origin and does not support a wildcard inside it",
            "list each origin, or name the variable of a property set that lists them, for example `{propertyset.cors.origins}`",
        ));
    }
    if rest.contains(['/', '?', '#']) {
        return Some((
            "an origin has no path",
            "write the scheme, the host and an optional port, for example `https://app.example.com`",
        ));
    }
    None
}

/// The methods that Apigee allows without `<AllowMethods>`.
pub const DEFAULT_METHODS: [&str; 4] = ["GET", "POST", "HEAD", "OPTIONS"];

/// Reports origins that never match.
fn origins<'d>(policy: &Policy<'d>, findings: &mut Findings<'d>) {
    let Some(node) = child(policy.node, "AllowOrigins") else { return };
    let listed = text(node).split(',').map(str::trim).filter(|origin| *origin != "*" && !is_template(origin));
    for (origin, (why, help)) in listed.filter_map(|origin| Some((origin, origin_fault(origin)?))) {
        let message = format!("the origin `{origin}` never matches: {why}");
        let finding = Finding::new(Code::CorsMismatch, Verdict::Broken, at(policy, node), message);
        findings.add(finding.cause(FindingCause::Policy(policy.name)).help(help));
    }
}

/// Reports methods that flows match and web pages may not send, because the policy does not list the allowed methods.
fn methods<'d>(cors: &Passed<'_, 'd>, endpoint: &ProxyEndpoint<'d>, findings: &mut Findings<'d>) {
    if child(cors.policy.node, "AllowMethods").is_some() {
        return;
    }
    let conditions = endpoint.flows.iter().filter_map(|flow| flow.condition.as_ref()?.parsed.as_ref().ok());
    let comparisons = conditions.flat_map(Expr::comparisons);
    let missing: BTreeSet<&str> = comparisons
        .filter_map(|comparison| match (&comparison.left.value, comparison.operator, &comparison.right.value) {
            (ConditionValue::Variable(variable), Operator::Equals, ConditionValue::Text(method))
                if variable == "request.verb" =>
            {
                Some(method.as_str())
            }
            _ => None,
        })
        .filter(|method| !DEFAULT_METHODS.contains(method))
        .collect();
    if missing.is_empty() {
        return;
    }
    let missing = missing.into_iter().collect::<Vec<_>>().join(", ");
    let message = format!(
        "flows match {missing}, which web pages are not allowed to send: without <AllowMethods> Apigee allows {}",
        DEFAULT_METHODS.join(", ")
    );
    findings.add(
        Finding::on_policy(Code::CorsMismatch, Verdict::Doubtful, cors.policy, message)
            .help("list the methods in <AllowMethods>"),
    );
}

/// Reports CORS policies in target endpoints (apigeelint's rule EP001): a preflight is answered before any target is called.
fn on_targets<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for target in &bundle.target_endpoints {
        let outer = target.pre_flow.iter().chain(&target.flows).chain(&target.post_flow);
        for step in outer.flat_map(|flow| flow.request.iter().chain(&flow.response)) {
            let Some(policy) = bundle.policies.get(step.policy).filter(|policy| policy.element == "CORS") else {
                continue;
            };
            let name = policy.name;
            findings.add(
                Finding::new(
                    Code::LateCors,
                    Verdict::Doubtful,
                    At::Place(step.place),
                    format!(
                        "`{name}` is attached to the target endpoint `{}`, where it cannot answer a preflight",
                        target.name
                    ),
                )
                .cause(FindingCause::Policy(name))
                .help(format!("attach `{name}` as the first step of the request PreFlow of the ProxyEndpoint")),
            );
        }
    }
}

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    on_targets(bundle, findings);
    for policy in bundle.policies.values().filter(|policy| policy.enabled && policy.element == "CORS") {
        origins(policy, findings);
    }
    for endpoint in &bundle.proxy_endpoints {
        let steps = request(endpoint, bundle);
        let answers = |step: &&Passed<'_, 'd>| {
            step.policy.element == "CORS"
                && child(step.policy.node, "GeneratePreflightResponse").is_none_or(|node| text(node) != "false")
        };
        for cors in steps.iter().filter(answers) {
            methods(cors, endpoint, findings);
            let name = cors.policy.name;
            let stopped =
                |step: &&Passed<'_, 'd>| verifies(step.policy) && step.precedes(cors) && runs(step) == Some(true);
            if let Some(before) = steps.iter().find(stopped) {
                findings.add(
                    Finding::new(
                        Code::LateCors,
                        Verdict::Broken,
                        At::Place(cors.step.place),
                        format!(
                            "`{name}` runs after `{}`, which rejects every preflight: a preflight has no credential",
                            before.policy.name
                        ),
                    )
                    .cause(FindingCause::Policy(name))
                    .help(format!("attach `{name}` as the first step of the request PreFlow")),
                );
            }
            let Some(condition) =
                cors.step.condition.as_ref().filter(|condition| holds(Some(condition)) == Some(false))
            else {
                continue;
            };
            let others =
                steps.iter().filter(answers).any(|other| other.policy.name != name && runs(other) != Some(false));
            if !others {
                findings.add(
                    Finding::on_condition(
                        Code::LateCors,
                        Verdict::Broken,
                        condition,
                        0,
                        format!("the condition prevents `{name}` from answering preflights"),
                    )
                    .help("remove the condition: for requests without the header `Origin` the policy does nothing"),
                );
            }
        }
    }
}
