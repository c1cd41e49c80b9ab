//! The errors of Script.

use super::rule::{DeploymentRule, missing, resource, rule};

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["Script"], "NoResourceForURL", |node| {
        missing(node, "ResourceURL", "write `<ResourceURL>py://NAME.py</ResourceURL>`")
    }),
    rule(&["Script"], "InvalidResourceUrlFormat", |node| resource(node, &["ResourceURL", "IncludeURL"], &["py"], true)),
    rule(&["Script"], "WrongResourceType", |node| resource(node, &["ResourceURL", "IncludeURL"], &["py"], false)),
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
                ("<Script/>", "NoResourceForURL"),
                ("<Script><ResourceURL>a.py</ResourceURL></Script>", "InvalidResourceUrlFormat"),
                ("<Script><ResourceURL>jsc://a.py</ResourceURL></Script>", "WrongResourceType"),
            ],
        );
    }
}
