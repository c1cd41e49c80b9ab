//! The errors of MessageValidation.

use super::rule::{DeploymentRule, hit, resource, rule};
use crate::check::node::{child, text};

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["MessageValidation"], "InvalidResourceType", |node| {
        resource(node, &["ResourceURL"], &["wsdl", "xsd"], true)
            .or_else(|| resource(node, &["ResourceURL"], &["wsdl", "xsd"], false))
    }),
    rule(&["MessageValidation"], "RootElementNameUnspecified", |node| {
        let found = child(node, "Element").filter(|found| text(*found).is_empty())?;
        hit(found, "<Element> is empty", "write the name of the root element, or remove it")
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
                (
                    "<MessageValidation><ResourceURL>oas://a.yaml</ResourceURL></MessageValidation>",
                    "InvalidResourceType",
                ),
                ("<MessageValidation><Element/></MessageValidation>", "RootElementNameUnspecified"),
            ],
        );
    }
}
