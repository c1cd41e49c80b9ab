//! The errors of JavaCallout.

use super::rule::{DeploymentRule, missing, resource, rule};

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["JavaCallout"], "NoResourceForURL", |node| {
        missing(node, "ResourceURL", "write `<ResourceURL>java://NAME.jar</ResourceURL>`")
    }),
    rule(&["JavaCallout"], "", |node| {
        missing(node, "ClassName", "write the class to run, for example `<ClassName>com.example.Callout</ClassName>`")
    }),
    rule(&["JavaCallout"], "InvalidResourceUrlFormat", |node| resource(node, &["ResourceURL"], &["java"], true)),
    rule(&["JavaCallout"], "WrongResourceType", |node| resource(node, &["ResourceURL"], &["java"], false)),
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
                ("<JavaCallout><ClassName>a.B</ClassName></JavaCallout>", "NoResourceForURL"),
                ("<JavaCallout><ResourceURL>java://a.jar</ResourceURL></JavaCallout>", ""),
                (
                    "<JavaCallout><ClassName>a.B</ClassName><ResourceURL>a.jar</ResourceURL></JavaCallout>",
                    "InvalidResourceUrlFormat",
                ),
                (
                    "<JavaCallout><ClassName>a.B</ClassName><ResourceURL>jsc://a.jar</ResourceURL></JavaCallout>",
                    "WrongResourceType",
                ),
            ],
        );
    }
}
