//! The errors of MessageLogging.

use super::rule::{DeploymentRule, hit, rule};
use crate::check::node::{child, is_template, text};

/// The protocols of a syslog server.
const PROTOCOLS: &[&str] = &["TCP", "UDP"];

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["MessageLogging"], "InvalidProtocol", |node| {
        let found = child(child(node, "Syslog")?, "Protocol")?;
        let protocol = text(found);
        if protocol.is_empty()
            || is_template(protocol)
            || PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(protocol))
        {
            return None;
        }
        hit(
            found,
            format!("`{protocol}` is not a supported syslog protocol"),
            format!("write {}", PROTOCOLS.join(" or ")),
        )
    }),
    rule(&["MessageLogging"], "InvalidPort", |node| {
        let found = child(child(node, "Syslog")?, "Port")?;
        let port = text(found);
        if port.is_empty() || is_template(port) || port.parse::<u16>().is_ok_and(|port| port > 0) {
            return None;
        }
        hit(found, format!("`{port}` is not a port"), "write a number from 1 to 65535")
    }),
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
                ("<MessageLogging><Syslog><Protocol>HTTP</Protocol></Syslog></MessageLogging>", "InvalidProtocol"),
                ("<MessageLogging><Syslog><Port>99999</Port></Syslog></MessageLogging>", "InvalidPort"),
            ],
        );
    }
}
