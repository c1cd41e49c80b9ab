//! Steps without a policy, and policies without a step.

use std::collections::BTreeSet;

use super::walk::steps;
use super::{At, Finding, FindingCause, Findings, Verdict};
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::RuntimeBundle;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let mut attached: BTreeSet<&str> = BTreeSet::new();
    for step in steps(bundle) {
        if !attached.insert(step.policy) || step.policy.is_empty() || bundle.policies.contains_key(step.policy) {
            continue;
        }
        let message = format!("a step names the policy `{}`, which the bundle does not have", step.policy);
        let finding = Finding::new(Code::MissingPolicy, Verdict::Refused, At::Place(step.place), message)
            .cause(FindingCause::Policy(step.policy));
        findings.add(match nearest(step.policy, bundle.policies.keys().copied()) {
            Some(meant) => finding.propose(meant),
            None => finding.help("Apigee refuses to deploy it: add the policy or remove the step"),
        });
    }
    for policy in bundle.policies.values().filter(|policy| !attached.contains(policy.name)) {
        let message = format!("no step runs the policy `{}`", policy.name);
        findings.add(
            Finding::on_policy(Code::UnattachedPolicy, Verdict::Doubtful, policy, message)
                .help("attach it or remove its file"),
        );
    }
}
