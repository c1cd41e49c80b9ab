//! Root elements of policies.

use super::{Finding, Findings, Verdict};
use crate::policy::{EDGE_ONLY, POLICIES, policy_type};
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::RuntimeBundle;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for policy in bundle.policies.values() {
        let element = policy.element;
        if policy_type(element).is_some() {
            continue;
        }
        if let Some((_, instead)) = EDGE_ONLY.iter().find(|(edge, _)| *edge == element) {
            let message = format!("<{element}> is a policy of Apigee Edge, which Apigee X and hybrid do not have");
            findings.add(Finding::on_policy(Code::UnknownPolicy, Verdict::Broken, policy, message).help(*instead));
            continue;
        }
        let message = format!("no known policy has the root element <{element}>");
        let finding = Finding::on_policy(Code::UnknownPolicy, Verdict::Doubtful, policy, message);
        findings.add(match nearest(element, POLICIES.iter().map(|policy| policy.element)) {
            Some(meant) => finding.propose(meant),
            None => finding.help("Apigee's page \"Policy reference overview\" lists the policies"),
        });
    }
}
