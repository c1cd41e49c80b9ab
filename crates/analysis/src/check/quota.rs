//! Counts, intervals and units of `Quota` and `LLMTokenQuota`.

use super::node::{at, child, children, is_template, text};
use super::{Finding, Findings, Verdict};
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::{Policy, RuntimeBundle};
use apigee_flux_model::xml::Node;

const UNITS: [&str; 5] = ["minute", "hour", "day", "week", "month"];

/// The minimum number of seconds between two synchronizations of a distributed counter, from Google's page "Limits".
const LEAST_SYNC: u64 = 10;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for policy in bundle.policies.values().filter(|policy| matches!(policy.element, "Quota" | "LLMTokenQuota")) {
        for allow in policy.node.descendants().filter(|node| node.has_tag_name("Allow")) {
            if let Some(count) = allow.attribute("count").filter(|count| !is_template(count) && !is_whole(count)) {
                let message = format!("`{count}` is not a valid number of requests");
                findings.add(
                    Finding::new(Code::InvalidQuota, Verdict::Broken, at(policy, allow), message)
                        .help("write a whole number"),
                );
            }
        }
        limit(policy, policy.node, findings);
        let defaults = child(policy.node, "UseQuotaConfigInAPIProduct").and_then(|node| child(node, "DefaultConfig"));
        if let Some(defaults) = defaults {
            limit(policy, defaults, findings);
        }
        let sync =
            child(policy.node, "AsynchronousConfiguration").and_then(|node| child(node, "SyncIntervalInSeconds"));
        if let Some((node, seconds)) = sync.and_then(|node| Some((node, text(node).parse::<u64>().ok()?)))
            && seconds < LEAST_SYNC
        {
            let message =
                format!("the counter is synchronized every {seconds} seconds; Apigee's minimum is {LEAST_SYNC}");
            findings.add(
                Finding::new(Code::InvalidQuota, Verdict::Doubtful, at(policy, node), message).help(format!(
                    "write {LEAST_SYNC} or more, or `<Synchronous>true</Synchronous>` for an exact count"
                )),
            );
        }
    }
}

fn limit<'d>(policy: &Policy<'d>, node: Node<'d, 'd>, findings: &mut Findings<'d>) {
    if let Some(interval) = child(node, "Interval") {
        let value = text(interval);
        if !value.is_empty() && !is_template(value) && (!is_whole(value) || value.bytes().all(|b| b == b'0')) {
            let message = format!("`{value}` is not a valid interval (Apigee's error InvalidQuotaInterval)");
            findings.add(
                Finding::new(Code::InvalidQuota, Verdict::Refused, at(policy, interval), message)
                    .help("write a whole number of at least 1; the unit is in <TimeUnit>"),
            );
        }
    }
    for unit in children(node, "TimeUnit") {
        let value = text(unit);
        if value.is_empty() || is_template(value) || UNITS.iter().any(|known| known.eq_ignore_ascii_case(value)) {
            continue;
        }
        let finding = Finding::new(
            Code::InvalidQuota,
            Verdict::Refused,
            at(policy, unit),
            format!("`{value}` is not a time unit of a quota (Apigee's error InvalidQuotaTimeUnit)"),
        );
        findings.add(match nearest(value, UNITS) {
            Some(near) => finding.propose(near),
            None => finding.help(format!("write one of {}", UNITS.join(", "))),
        });
    }
}

fn is_whole(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit())
}
