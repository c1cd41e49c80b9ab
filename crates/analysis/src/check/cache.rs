//! `ResponseCache`: attached to request and response, after the verification of the credential, and with a key that distinguishes consumers.

use super::node::{at, child, children, text};
use super::walk::{Passed, flows, request, verifies};
use super::{At, Finding, FindingCause, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{Policy, RuntimeBundle};

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for cache in bundle.policies.values().filter(|policy| policy.enabled && policy.element == "ResponseCache") {
        directions(bundle, cache, findings);
    }
    for endpoint in &bundle.proxy_endpoints {
        let steps = request(endpoint, bundle);
        let verifiers = || steps.iter().filter(|step| verifies(step.policy));
        let caches = || steps.iter().filter(|step| step.policy.element == "ResponseCache");
        for cache in caches() {
            let name = cache.policy.name;
            let later = verifiers().find(|verifier| cache.precedes(verifier));
            let earlier = verifiers().any(|verifier| verifier.precedes(cache));
            if let Some(later) = later.filter(|_| !earlier) {
                let message =
                    format!("the cache `{name}` responds before `{}` has verified the credential", later.policy.name);
                findings.add(
                    Finding::new(Code::SharedCache, Verdict::Broken, At::Place(cache.step.place), message)
                        .cause(FindingCause::Policy(name))
                        .help(format!("attach `{name}` to the request flow after `{}`", later.policy.name)),
                );
            }
            if earlier && let Some(verifier) = verifiers().find(|verifier| verifier.precedes(cache)) {
                key(cache, verifier.policy.name, findings);
            }
        }
    }
}

/// Reports a cache that is looked up but never filled, or filled but never looked up.
fn directions<'d>(bundle: &RuntimeBundle<'d>, cache: &Policy<'d>, findings: &mut Findings<'d>) {
    let shared = bundle.shared_flows.iter().flat_map(|flow| &flow.steps).any(|step| step.policy == cache.name);
    let on_request = flows(bundle).flat_map(|flow| &flow.request).find(|step| step.policy == cache.name);
    let on_response = flows(bundle).flat_map(|flow| &flow.response).find(|step| step.policy == cache.name);
    let (step, message, other) = match (on_request, on_response) {
        (Some(step), None) => (step, "looks up responses but never stores one", "response"),
        (None, Some(step)) => (step, "stores responses but never looks one up", "request"),
        _ => return,
    };
    if !shared {
        findings.add(
            Finding::new(
                Code::HalfCache,
                Verdict::Broken,
                At::Place(step.place),
                format!("the cache `{}` {message}", cache.name),
            )
            .cause(FindingCause::Policy(cache.name))
            .help(format!("attach it to the {other} flow as well")),
        );
    }
}

/// Parts of the names of variables that identify the caller.
const CALLER: [&str; 14] = [
    "client_id",
    "clientid",
    "client.",
    "apikey",
    "api-key",
    "api_key",
    "app.",
    "developer",
    "user",
    "token",
    "jwt",
    "authorization",
    "oauth",
    "claim",
];

/// Prefixes of variables that describe the request, not the caller.
const REQUEST: [&str; 6] = ["request.", "message.", "proxy.", "proxyendpoint.", "target.", "route."];

fn key<'d>(cache: &Passed<'_, 'd>, verifier: &str, findings: &mut Findings<'d>) {
    let node = child(cache.policy.node, "CacheKey");
    let fragments: Vec<_> = node.into_iter().flat_map(|node| children(node, "KeyFragment")).collect();
    let about_request = |variable: &str| {
        let variable = variable.to_ascii_lowercase();
        REQUEST.iter().any(|prefix| variable.starts_with(prefix)) && !CALLER.iter().any(|word| variable.contains(word))
    };
    // The value of any other variable is unknown: it may identify the consumer.
    let unknown = fragments.iter().any(|fragment| match fragment.attribute("ref") {
        Some(variable) => !about_request(variable.trim()),
        None => text(*fragment).contains('{'),
    });
    if unknown {
        return;
    }
    let place = node.map_or(At::Place(cache.policy.place), |node| at(cache.policy, node));
    let name = cache.policy.name;
    let message =
        format!("the key of the cache `{name}` does not distinguish the consumers that `{verifier}` verifies");
    findings.add(
        Finding::new(Code::SharedCache, Verdict::Doubtful, place, message).help(format!(
            "if responses differ between consumers, add a key fragment such as `<KeyFragment ref=\"verifyapikey.{verifier}.client_id\"/>`"
        )),
    );
}
