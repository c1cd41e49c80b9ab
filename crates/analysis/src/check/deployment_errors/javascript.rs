//! The errors of Javascript.

use super::rule::{DeploymentRule, given, hit, resource, rule};
use crate::check::node::child;

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["Javascript"], "NoResourceForURL", |node| {
        let script =
            ["ResourceURL", "Source"].iter().any(|name| child(node, name).is_some_and(|found| given(found, &[])));
        if script {
            None
        } else {
            hit(node, "it has neither <ResourceURL> nor <Source>", "write `<ResourceURL>jsc://NAME.js</ResourceURL>`")
        }
    }),
    rule(&["Javascript"], "InvalidResourceUrlFormat", |node| {
        resource(node, &["ResourceURL", "IncludeURL"], &["jsc"], true)
    }),
    rule(&["Javascript"], "WrongResourceType", |node| resource(node, &["ResourceURL", "IncludeURL"], &["jsc"], false)),
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
                ("<Javascript timeLimit='200'/>", "NoResourceForURL"),
                ("<Javascript><ResourceURL>a.js</ResourceURL></Javascript>", "InvalidResourceUrlFormat"),
                ("<Javascript><ResourceURL>py://a.js</ResourceURL></Javascript>", "WrongResourceType"),
            ],
        );
    }
}
