//! The errors of AccessControl.

use super::rule::{DeploymentRule, hit, rule};
use crate::check::node::{is_template, text};

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[rule(&["AccessControl"], "", |node| {
    let found = node.descendants().find(|found| {
        let mask = found.attribute("mask").map(str::trim).filter(|mask| !is_template(mask));
        let most = if text(*found).contains(':') { 128 } else { 32 };
        found.has_tag_name("SourceAddress")
            && mask.is_some_and(|mask| !mask.parse::<u8>().is_ok_and(|bits| bits <= most))
    })?;
    let mask = found.attribute("mask").unwrap_or_default();
    hit(
        found,
        format!("`{mask}` is not a valid mask for `{}`", text(found)),
        "write a prefix length: 0 to 32, or 0 to 128 for IPv6",
    )
})];

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(
            RULES,
            &[(
                "<AccessControl><IPRules noRuleMatchAction='ALLOW'><MatchRule action='DENY'><SourceAddress mask='33'>10.0.0.1</SourceAddress></MatchRule></IPRules></AccessControl>",
                "",
            )],
        );
    }
}
