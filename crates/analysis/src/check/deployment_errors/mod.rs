//! The errors with which Apigee rejects the import or deployment of a policy, if the bundle alone shows them: those that Google's policy
//! pages list under "Deployment errors". Each finding has Apigee's name of the error, which users search for.
//!
//! Rates, units and resources have their own checks.
//!
//! A group of rules, usually for one type of policy, has its own file and an entry in [`GROUPS`].

mod access_control;
mod basic_authentication;
mod caches;
mod extraction;
mod flow_callout;
mod java_callout;
mod javascript;
mod key_value_map_operations;
mod message;
mod message_logging;
mod message_validation;
mod oas_validation;
mod oauth_v2;
mod quota;
mod rates;
mod rule;
mod saml;
mod script;
mod service_callout;
mod tokens;
mod verify_api_key;
mod xml_to_json;
mod xsl;

use super::node::at;
use super::{Finding, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{Policy, RuntimeBundle};
use apigee_flux_model::xml::Node;
use rule::{DeploymentRule, RuleHit};

/// All rules. The findings of a policy are in this order.
const GROUPS: &[&[DeploymentRule]] = &[
    message::RULES,
    access_control::RULES,
    basic_authentication::RULES,
    extraction::RULES,
    flow_callout::RULES,
    tokens::RULES,
    java_callout::RULES,
    javascript::RULES,
    key_value_map_operations::RULES,
    caches::RULES,
    message_logging::RULES,
    message_validation::RULES,
    oas_validation::RULES,
    oauth_v2::RULES,
    quota::RULES,
    saml::RULES,
    script::RULES,
    service_callout::RULES,
    rates::RULES,
    verify_api_key::RULES,
    xml_to_json::RULES,
    xsl::RULES,
];

/// The rules for a type of policy, by its root element.
fn rules_of(element: &str) -> impl Iterator<Item = &'static DeploymentRule> {
    GROUPS.iter().copied().flatten().filter(move |rule| rule.policies.contains(&element))
}

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for policy in bundle.policies.values() {
        for rule in rules_of(policy.element) {
            if let Some(hit) = (rule.find)(policy.node) {
                report(policy, rule, hit, findings);
            }
        }
    }
}

/// Why Apigee would reject a policy: Apigee's name of each error, and what is wrong.
pub fn refusals(policy: Node<'_, '_>) -> Vec<String> {
    let ours = rules_of(policy.tag_name().name()).filter(|rule| rule.verdict == Verdict::Refused);
    ours.filter_map(|rule| Some((rule.error, (rule.find)(policy)?.1)))
        .map(|(error, message)| if error.is_empty() { message } else { format!("{error}: {message}") })
        .collect()
}

fn report<'d>(
    policy: &Policy<'d>,
    rule: &DeploymentRule,
    (node, message, help): RuleHit<'d>,
    findings: &mut Findings<'d>,
) {
    let error = rule.error;
    let refusal = if error.is_empty() { String::new() } else { format!(" (Apigee's error {error})") };
    let message = format!("the policy `{}` <{}>: {message}{refusal}", policy.name, policy.element);
    findings.add(Finding::new(Code::DeploymentError, rule.verdict, at(policy, node), message).help(help));
}

#[cfg(test)]
mod testing {
    use super::*;
    use apigee_flux_model::xml::parse;

    /// The errors of a policy, by Apigee's names.
    pub(super) fn errors(policy: &str) -> Vec<&'static str> {
        let document = parse(policy).unwrap();
        let root = document.root_element();
        rules_of(root.tag_name().name()).filter(|rule| (rule.find)(root).is_some()).map(|rule| rule.error).collect()
    }

    /// For each error of a group, the examples contain a policy that has this error and no other.
    pub(super) fn assert_examples(rules: &[DeploymentRule], examples: &[(&str, &str)]) {
        for (policy, error) in examples {
            assert_eq!(errors(policy), [*error], "{policy}");
        }
        for rule in rules {
            assert!(examples.iter().any(|(_, error)| *error == rule.error), "{} has no example", rule.error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::errors;

    #[test]
    fn what_deploys_is_passed_over() {
        for policy in [
            "<ExtractVariables><QueryParam name='a'><Pattern>{a}</Pattern></QueryParam><JSONPayload/></ExtractVariables>",
            "<Quota type='flexi'><Interval ref='a'>1</Interval><TimeUnit ref='b'>minute</TimeUnit><StartTime>2021-4-8 12:00:00</StartTime></Quota>",
            "<Quota><UseQuotaConfigInAPIProduct stepName='VA'/></Quota>",
            "<OAuthV2><Operation>VerifyAccessToken</Operation><SupportedGrantTypes/></OAuthV2>",
            "<OAuthV2><Operation>GenerateAccessToken</Operation><ExpiresIn ref='a'>-1</ExpiresIn></OAuthV2>",
            "<VerifyJWT><Algorithm>RS256,RS512</Algorithm><PublicKey><JWKS uriRef='a'/></PublicKey></VerifyJWT>",
            "<GenerateJWT><Algorithms><Key>RSA-OAEP-256</Key><Content>A128GCM</Content></Algorithms></GenerateJWT>",
            "<ServiceCallout><HTTPTargetConnection><LoadBalancer><Server name='a'/></LoadBalancer></HTTPTargetConnection></ServiceCallout>",
            "<ServiceCallout><LocalTargetConnection><Path>/a</Path></LocalTargetConnection></ServiceCallout>",
            "<SpikeArrest><Rate ref='flow.rate'/></SpikeArrest>",
            "<Javascript><Source>print(1)</Source></Javascript>",
            "<AssignMessage><Remove><Headers><Header name='a.1'/></Headers></Remove></AssignMessage>",
        ] {
            assert_eq!(errors(policy), [] as [&str; 0], "{policy}");
        }
    }
}
