//! Quotas that count per consumer although no earlier step identifies the consumer.

use super::node::{at, child};
use super::walk::{Passed, operation, request};
use super::{At, Finding, FindingCause, Findings, Verdict};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::{Policy, RuntimeBundle};

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    // A shared flow may refer to a step of the proxy that calls it.
    if bundle.kind == BundleKind::SharedFlow {
        return;
    }
    let quotas = || bundle.policies.values().filter(|policy| matches!(policy.element, "Quota" | "LLMTokenQuota"));
    for quota in quotas() {
        if let Some((node, name)) = product_step(quota) {
            step(bundle, quota, at(quota, node), name, findings);
        }
    }
    for endpoint in &bundle.proxy_endpoints {
        let steps = request(endpoint, bundle);
        for quota in steps.iter().filter(|step| matches!(step.policy.element, "Quota" | "LLMTokenQuota")) {
            // A shared flow may have verified the credential.
            if steps.iter().any(|step| step.policy.element == "FlowCallout" && step.precedes(quota)) {
                continue;
            }
            if let Some((_, name)) = product_step(quota.policy) {
                // A step of the wrong type is already reported.
                let Some(verifier) = bundle.policies.get(name).filter(|policy| policy.enabled && gives_product(policy))
                else {
                    continue;
                };
                let same = |step: &&Passed<'_, 'd>| step.policy.name == verifier.name;
                if steps.iter().filter(same).any(|step| step.precedes(quota)) {
                    continue;
                }
                let when = if steps.iter().filter(same).any(|step| step.meets(quota)) {
                    "runs after it"
                } else {
                    "does not run before it"
                };
                findings.add(
                    Finding::new(
                        Code::QuotaWithoutConsumer,
                        Verdict::Broken,
                        At::Place(quota.step.place),
                        format!(
                            "the quota `{}` counts for the consumer that `{name}` verifies, but that policy {when}",
                            quota.policy.name
                        ),
                    )
                    .cause(FindingCause::Policy(quota.policy.name))
                    .help(format!("attach `{name}` to the request flow before `{}`", quota.policy.name)),
                );
            }
        }
    }
}

/// The element and the name of the step whose API product sets the quota.
fn product_step<'d>(quota: &Policy<'d>) -> Option<(apigee_flux_model::xml::Node<'d, 'd>, &'d str)> {
    let node = child(quota.node, "UseQuotaConfigInAPIProduct")?;
    node.attribute("stepName").map(|name| (node, name.trim()))
}

/// True for policies that identify an API product.
fn gives_product(policy: &Policy<'_>) -> bool {
    match policy.element {
        "VerifyAPIKey" => true,
        "OAuthV2" => operation(policy).is_none_or(|operation| operation.eq_ignore_ascii_case("VerifyAccessToken")),
        _ => false,
    }
}

fn step<'d>(bundle: &RuntimeBundle<'d>, quota: &Policy<'d>, at: At<'d>, name: &str, findings: &mut Findings<'d>) {
    let finding = |message: String| Finding::new(Code::QuotaWithoutConsumer, Verdict::Broken, at, message);
    match bundle.policies.get(name) {
        None => {
            // The step may be in a shared flow.
            if bundle.policies.values().any(|policy| policy.element == "FlowCallout") {
                return;
            }
            let missing = finding(format!(
                "the quota `{}` uses the API product of the step `{name}`, which the bundle does not have",
                quota.name
            ));
            findings.add(match nearest(name, bundle.policies.keys().copied()) {
                Some(near) => missing.propose(near),
                None => missing.help("name the VerifyAPIKey or OAuthV2 policy that runs before it"),
            });
        }
        Some(policy) => {
            if !gives_product(policy) {
                findings.add(
                    finding(format!(
                        "the quota `{}` uses the API product of `{name}`, but a policy <{}> does not verify a credential of an API product",
                        quota.name, policy.element
                    ))
                    .help("name a VerifyAPIKey policy, or an OAuthV2 policy with the operation VerifyAccessToken"),
                );
            }
        }
    }
}
