//! The errors of ServiceCallout.

use super::rule::{DeploymentRule, hit, not_whole, rule};
use crate::check::node::{child, text};

const HTTP: &str = "write the backend as `<HTTPTargetConnection><URL>https://…</URL></HTTPTargetConnection>`";

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["ServiceCallout"], "URLMissing", |node| {
        let connection = child(node, "HTTPTargetConnection")?;
        let url = child(connection, "URL").is_some_and(|url| !text(url).is_empty());
        if url || child(connection, "LoadBalancer").is_some() {
            None
        } else {
            hit(connection, "<HTTPTargetConnection> has no <URL>", HTTP)
        }
    }),
    rule(&["ServiceCallout"], "ConnectionInfoMissing", |node| {
        if child(node, "HTTPTargetConnection").is_some() || child(node, "LocalTargetConnection").is_some() {
            return None;
        }
        hit(node, "it has neither <HTTPTargetConnection> nor <LocalTargetConnection>", HTTP)
    }),
    rule(&["ServiceCallout"], "InvalidTimeoutValue", |node| not_whole(child(node, "Timeout")?)),
];

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(
            RULES,
            &[
                ("<ServiceCallout><HTTPTargetConnection/></ServiceCallout>", "URLMissing"),
                ("<ServiceCallout><Request variable='r'/></ServiceCallout>", "ConnectionInfoMissing"),
                (
                    "<ServiceCallout><Timeout>-1</Timeout><HTTPTargetConnection><URL>https://a</URL></HTTPTargetConnection></ServiceCallout>",
                    "InvalidTimeoutValue",
                ),
            ],
        );
    }
}
