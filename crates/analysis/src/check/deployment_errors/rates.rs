//! The errors of PromptTokenLimit and SpikeArrest.

use super::rule::{DeploymentRule, given, hit, rule};
use crate::check::node::child;

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] =
    &[rule(&["PromptTokenLimit", "SpikeArrest"], "InvalidAllowedRate", |node| match child(node, "Rate") {
        Some(rate) if given(rate, &["ref"]) => None,
        found => {
            hit(found.unwrap_or(node), "<Rate> is missing", "write it as `<Rate>100ps</Rate>` or `<Rate>30pm</Rate>`")
        }
    })];

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(RULES, &[("<SpikeArrest><Identifier ref='client.ip'/></SpikeArrest>", "InvalidAllowedRate")]);
    }
}
