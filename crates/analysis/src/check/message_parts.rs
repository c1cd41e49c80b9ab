//! Message parts and variables that are set where they have no effect: a status code on a request, a method on a response, the target's URL
//! before a target is chosen.

use std::collections::BTreeSet;

use super::availability::changed_message;
use super::journey::{Stage, stops};
use super::node::{at, child, children, text};
use super::{Finding, Findings, Verdict};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::RuntimeBundle;
use apigee_flux_model::xml::Node;

/// The parts that only a request or only a response has, from `<Set>` on Google's page on AssignMessage.
const ONLY: &[(&str, &[&str])] =
    &[("request", &["FormParams", "Path", "QueryParams", "Verb"]), ("response", &["StatusCode"])];

/// Variables that Apigee sets again when it calls the target.
const TARGET: &[&str] = &["target.copy.pathsuffix", "target.copy.queryparams", "target.url"];

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    if bundle.kind == BundleKind::SharedFlow {
        return;
    }
    let mut reported = BTreeSet::new();
    for endpoint in &bundle.proxy_endpoints {
        for stop in stops(endpoint, bundle) {
            if !matches!(stop.policy.element, "AssignMessage" | "HTTPModifier") {
                continue;
            }
            let name = stop.policy.name;
            let message = changed_message(&stop);
            let sets = children(stop.policy.node, "Set").flat_map(|set| set.children()).filter(Node::is_element);
            for part in sets {
                let element = part.tag_name().name();
                let Some((owner, _)) = ONLY.iter().find(|(_, parts)| parts.contains(&element)) else { continue };
                // A part without a value sets nothing, and 200 is what a proxy without a target answers anyway.
                let empty = text(part).is_empty() && !part.children().any(|child| child.is_element());
                let harmless = text(part) == "200";
                if empty
                    || harmless
                    || message.is_none_or(|message| message == *owner)
                    || !reported.insert((name, element))
                {
                    continue;
                }
                let other = message.unwrap_or_default();
                let message = format!(
                    "the policy `{name}` sets <{element}> on a {other}, which does not have it: Apigee ignores it"
                );
                let help = if *owner == "response" {
                    "attach it to the response, or end the request with RaiseFault"
                } else {
                    "attach it to the request"
                };
                findings.add(
                    Finding::new(Code::IneffectivePart, Verdict::Doubtful, at(stop.policy, part), message).help(help),
                );
            }
            let variables = children(stop.policy.node, "AssignVariable").filter_map(|variable| child(variable, "Name"));
            for variable in variables.filter(|_| stop.stage == Stage::ProxyRequest) {
                if TARGET.contains(&text(variable)) && reported.insert((name, text(variable))) {
                    let message = format!(
                        "the policy `{name}` sets `{}` before the target is chosen: Apigee overwrites it",
                        text(variable)
                    );
                    findings.add(
                        Finding::new(Code::IneffectivePart, Verdict::Doubtful, at(stop.policy, variable), message)
                            .help("attach it to the request flow of the target endpoint"),
                    );
                }
            }
        }
    }
}
