//! Route rules: their order, and whether their endpoints exist.

use std::collections::BTreeSet;

use super::implication::{Atom, covers, possible};
use super::{At, Finding, Findings, Verdict};
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::{ProxyEndpoint, RouteDestination, RouteRule, RuntimeBundle};

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let targets: BTreeSet<&str> = bundle.target_endpoints.iter().map(|target| target.name).collect();
    let integrations: BTreeSet<&str> = bundle.integration_endpoints.iter().copied().collect();
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    for endpoint in &bundle.proxy_endpoints {
        for rule in &endpoint.route_rules {
            let (name, known) = match rule.destination {
                RouteDestination::Target(name) => (name, &targets),
                RouteDestination::Integration(name) => (name, &integrations),
                RouteDestination::Url(_) | RouteDestination::None => continue,
            };
            reached.insert(name);
            if known.contains(name) {
                continue;
            }
            let message = format!(
                "the RouteRule `{}` refers to the endpoint `{name}`, which the bundle does not have",
                rule.name
            );
            let finding = Finding::new(Code::MissingTarget, Verdict::Refused, At::Place(rule.place), message);
            findings.add(match nearest(name, known.iter().copied()) {
                Some(meant) => finding.propose(meant),
                None => finding.help("add the endpoint or remove the RouteRule"),
            });
        }
        order(endpoint, findings);
    }
    for target in bundle.target_endpoints.iter().filter(|target| !reached.contains(target.name)) {
        findings.add(
            Finding::new(
                Code::MissingTarget,
                Verdict::Doubtful,
                At::Place(target.place),
                format!("no RouteRule refers to the TargetEndpoint `{}`", target.name),
            )
            .help("add a RouteRule, or remove the endpoint"),
        );
    }
}

fn order<'d>(endpoint: &ProxyEndpoint<'d>, findings: &mut Findings<'d>) {
    let rules = &endpoint.route_rules;
    let mut earlier: Vec<(&RouteRule<'d>, Vec<Vec<Atom>>)> = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let Some(condition) = &rule.condition else {
            if let Some(next) = rules.get(index + 1) {
                let message =
                    format!("the RouteRule `{}` has no condition: `{}` after it is never used", rule.name, next.name);
                findings.add(
                    Finding::new(Code::UnreachableRoute, Verdict::Broken, At::Place(rule.place), message)
                        .help("routes are tried in order: move it to the end, or give it a condition"),
                );
            }
            return;
        };
        let Some(alternatives) = condition.parsed.as_ref().ok().and_then(possible) else { continue };
        if let Some((first, _)) = earlier.iter().find(|(_, known)| covers(known, &alternatives)) {
            let message = format!(
                "the RouteRule `{}` is never used: `{}` before it matches all of its requests",
                rule.name, first.name
            );
            findings.add(
                Finding::on_condition(Code::UnreachableRoute, Verdict::Broken, condition, 0, message)
                    .help("routes are tried in order: put the more specific one first"),
            );
        }
        earlier.push((rule, alternatives));
    }
    if let Some(last) = rules.last() {
        let message = format!("every RouteRule of the ProxyEndpoint `{}` has a condition", endpoint.name);
        findings.add(
            Finding::new(Code::UnreachableRoute, Verdict::Doubtful, At::Place(last.place), message)
                .help("a request that matches none fails with RouteFailed: add a last RouteRule without a condition"),
        );
    }
}
