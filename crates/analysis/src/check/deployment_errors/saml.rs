//! The errors of GenerateSAMLAssertion and ValidateSAMLAssertion.

use super::rule::{DeploymentRule, hit, missing, missing_value, rule};
use crate::check::node::child;

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["GenerateSAMLAssertion"], "NullKeyStore", |node| {
        child(node, "KeyStore").map_or_else(
            || hit(node, "<KeyStore> is missing", "write `<KeyStore><Name>ref://…</Name><Alias>…</Alias></KeyStore>`"),
            |store| missing_value(store, "Name"),
        )
    }),
    rule(&["GenerateSAMLAssertion"], "NullKeyStoreAlias", |node| missing_value(child(node, "KeyStore")?, "Alias")),
    rule(&["ValidateSAMLAssertion"], "SourceNotConfigured", |node| {
        missing(node, "Source", "name the message that contains the assertion, for example `<Source name=\"request\">`")
    }),
    rule(&["ValidateSAMLAssertion"], "TrustStoreNotConfigured", |node| missing_value(node, "TrustStore")),
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
                ("<GenerateSAMLAssertion/>", "NullKeyStore"),
                (
                    "<GenerateSAMLAssertion><KeyStore><Name>k</Name></KeyStore></GenerateSAMLAssertion>",
                    "NullKeyStoreAlias",
                ),
                ("<ValidateSAMLAssertion><TrustStore>t</TrustStore></ValidateSAMLAssertion>", "SourceNotConfigured"),
                ("<ValidateSAMLAssertion><Source name='request'/></ValidateSAMLAssertion>", "TrustStoreNotConfigured"),
            ],
        );
    }
}
