//! The errors of AssignMessage and RaiseFault.

use super::rule::{DeploymentRule, hit, rule};
use crate::check::node::{child, text};
use apigee_flux_model::xml::Node;

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["AssignMessage", "RaiseFault"], "InvalidVariableName", |node| {
        let found = node.descendants().filter(|found| found.has_tag_name("AssignVariable"));
        let unnamed = |found: &Node<'_, '_>| child(*found, "Name").is_none_or(|name| text(name).is_empty());
        let found = found.into_iter().find(unnamed)?;
        hit(found, "<AssignVariable> names no variable", "write `<Name>flow.name</Name>`")
    }),
    rule(&["AssignMessage", "RaiseFault"], "InvalidIndex", |node| {
        let parts = node.descendants().filter(|found| {
            let part = matches!(found.tag_name().name(), "Header" | "QueryParam" | "FormParam");
            let taken = found.parent_element().and_then(|above| above.parent_element());
            part && taken.is_some_and(|above| matches!(above.tag_name().name(), "Copy" | "Remove"))
        });
        let index = |found: &Node<'_, '_>| {
            let name = found.attribute("name").unwrap_or_default();
            name.rsplit_once('.').and_then(|(_, index)| index.parse::<i64>().ok()).is_some_and(|index| index < 1)
        };
        let found = parts.into_iter().find(index)?;
        let name = found.attribute("name").unwrap_or_default();
        hit(found, format!("the index in `{name}` is not positive"), "indexes start at 1")
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
                    "<AssignMessage><AssignVariable><Value>a</Value></AssignVariable></AssignMessage>",
                    "InvalidVariableName",
                ),
                (
                    "<AssignMessage><Remove><Headers><Header name='a.0'/></Headers></Remove></AssignMessage>",
                    "InvalidIndex",
                ),
            ],
        );
    }
}
