//! Regular expressions that Java cannot compile.

use super::walk::conditions;
use super::{At, Finding, FindingCause, Findings, Verdict};
use apigee_flux_model::condition::{ConditionValue, Expr, Operator, RegexFault, java_regex_fault};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{BundlePlace, Policy, RuntimeBundle};
use apigee_flux_model::template::{self, TemplatePart};
use apigee_flux_model::xml::Node;

const HELP: &str = "Apigee uses the syntax of Java's `java.util.regex.Pattern`";

/// The functions of message templates whose second argument is a regular expression.
const FUNCTIONS: [&str; 2] = ["replaceAll", "replaceFirst"];

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for condition in conditions(bundle) {
        for comparison in condition.parsed.iter().flat_map(Expr::comparisons) {
            let ConditionValue::Text(pattern) = &comparison.right.value else { continue };
            if comparison.operator == Operator::JavaRegex
                && let Some(fault) = java_regex_fault(pattern)
            {
                // The text starts after its quote.
                let offset = comparison.right.span.start + 1 + fault.offset;
                findings.add(
                    Finding::on_condition(
                        Code::InvalidRegex,
                        Verdict::Broken,
                        condition,
                        offset,
                        message(pattern, &fault),
                    )
                    .help(HELP),
                );
            }
        }
    }
    for policy in bundle.policies.values().filter(|policy| policy.enabled) {
        if policy.element == "RegularExpressionProtection" {
            for node in policy.node.descendants().filter(|node| node.has_tag_name("Pattern")) {
                // This is not a message template: a brace starts a quantifier.
                add(node.text().unwrap_or_default().trim(), node, policy, findings);
            }
        } else {
            templates(policy, findings);
        }
    }
}

fn message(pattern: &str, fault: &RegexFault) -> String {
    let at = pattern.get(..fault.offset).map_or(fault.offset, |before| before.chars().count()) + 1;
    format!("the regular expression `{pattern}` does not compile, at character {at}: {}", fault.message)
}

fn add<'d>(pattern: &str, node: Node<'d, 'd>, policy: &Policy<'d>, findings: &mut Findings<'d>) {
    let Some(fault) = java_regex_fault(pattern) else { return };
    let at = At::Place(BundlePlace::of(policy.place.path, node));
    findings.add(
        Finding::new(Code::InvalidRegex, Verdict::Broken, at, message(pattern, &fault))
            .cause(FindingCause::Policy(policy.name))
            .help(HELP),
    );
}

/// The patterns of functions in message templates, as in `{replaceAll(request.path,'[0-9]+','N')}`.
fn templates<'d>(policy: &Policy<'d>, findings: &mut Findings<'d>) {
    for node in policy.node.descendants().filter(Node::is_text) {
        for part in template::parts(node.text().unwrap_or_default()) {
            let TemplatePart::Function(name, inside) = part else { continue };
            // Text in quotes is a literal; the first literal after the first comma is the pattern.
            let second = inside.split_once(',').map(|(_, rest)| rest.trim_start());
            let literal = second.and_then(|rest| rest.strip_prefix('\'')).and_then(|rest| rest.split_once('\''));
            if let Some((pattern, _)) = literal.filter(|_| FUNCTIONS.contains(&name)) {
                add(pattern, node, policy, findings);
            }
        }
    }
}
