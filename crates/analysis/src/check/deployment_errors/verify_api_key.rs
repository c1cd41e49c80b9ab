//! The errors of VerifyAPIKey.

use super::rule::{DeploymentRule, given, hit, rule};
use crate::check::node::child;

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] =
    &[rule(&["VerifyAPIKey"], "SpecifyValueOrRefApiKey", |node| match child(node, "APIKey") {
        Some(key) if given(key, &["ref"]) => None,
        found => hit(
            found.unwrap_or(node),
            "<APIKey> does not say where the key is",
            "write `<APIKey ref=\"request.header.x-api-key\"/>`",
        ),
    })];

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(RULES, &[("<VerifyAPIKey><APIKey/></VerifyAPIKey>", "SpecifyValueOrRefApiKey")]);
    }
}
