//! The errors of FlowCallout.

use super::rule::{DeploymentRule, hit, rule, word};
use crate::check::node::{child, text};

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[rule(&["FlowCallout"], "", |node| {
    if word(node, "SharedFlowBundle").is_some()
        || child(node, "SharedFlowBundle").is_some_and(|found| !text(found).is_empty())
    {
        return None;
    }
    hit(node, "<SharedFlowBundle> is missing", "name the shared flow to call")
})];

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(RULES, &[("<FlowCallout><Parameters/></FlowCallout>", "")]);
    }
}
