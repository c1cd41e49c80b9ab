//! Logs that are written after the response: a failed request has an error message and no response.

use std::collections::BTreeSet;

use super::{At, Finding, FindingCause, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{BundlePlace, RuntimeBundle};
use apigee_flux_model::template;
use apigee_flux_model::xml::Node;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let flows = bundle.proxy_endpoints.iter().filter_map(|endpoint| endpoint.post_client_flow.as_ref());
    let names: BTreeSet<&str> = flows.flat_map(|flow| &flow.response).map(|step| step.policy).collect();
    let policies = names.into_iter().filter_map(|name| bundle.policies.get(name));
    for policy in policies.filter(|policy| policy.enabled && policy.element == "MessageLogging") {
        let texts = policy.node.descendants().filter(Node::is_text);
        let found = texts.flat_map(|node| {
            let variables = template::variables(node.text().unwrap_or_default()).into_iter();
            variables.filter_map(move |variable| Some((node, variable, variable.strip_prefix("response.")?)))
        });
        for (node, variable, rest) in found {
            let at = At::Place(BundlePlace::of(policy.place.path, node));
            let message = format!("`{{{variable}}}` is empty for every failed request");
            findings.add(
                Finding::new(Code::EmptyOnError, Verdict::Doubtful, at, message)
                    .cause(FindingCause::Policy(policy.name))
                    .help(format!("write `{{message.{rest}}}`, which is the response or the error")),
            );
        }
    }
}
