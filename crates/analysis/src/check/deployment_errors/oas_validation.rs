//! The errors of OASValidation.

use super::rule::{DeploymentRule, missing, rule};

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[rule(&["OASValidation"], "", |node| {
    missing(node, "OASResource", "write `<OASResource>oas://NAME.yaml</OASResource>`")
})];

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(RULES, &[("<OASValidation><Source>request</Source></OASValidation>", "")]);
    }
}
