//! The errors of XSL.

use super::rule::{DeploymentRule, hit, resource, rule};
use crate::check::node::{child, text};

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["XSL"], "XSLEmptyResourceUrl", |node| {
        if child(node, "ResourceURL").is_some_and(|found| !text(found).is_empty()) {
            return None;
        }
        hit(
            child(node, "ResourceURL").unwrap_or(node),
            "it names no stylesheet",
            "write `<ResourceURL>xsl://NAME.xsl</ResourceURL>`",
        )
    }),
    rule(&["XSL"], "XSLInvalidResourceType", |node| {
        resource(node, &["ResourceURL"], &["xsl"], true).or_else(|| resource(node, &["ResourceURL"], &["xsl"], false))
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
                ("<XSL><Source>response</Source></XSL>", "XSLEmptyResourceUrl"),
                ("<XSL><ResourceURL>jsc://a.xsl</ResourceURL></XSL>", "XSLInvalidResourceType"),
            ],
        );
    }
}
