//! The errors of KeyValueMapOperations.

use super::rule::{DeploymentRule, given, hit, rule};
use crate::check::node::{child, children};
use apigee_flux_model::xml::Node;

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["KeyValueMapOperations"], "InvalidIndex", |node| {
        let found = children(node, "Get").find(|get| {
            get.attribute("index").and_then(|index| index.trim().parse::<i64>().ok()).is_some_and(|index| index < 1)
        })?;
        hit(found, "the index of <Get> is not positive", "indexes start at 1")
    }),
    rule(&["KeyValueMapOperations"], "KeyIsMissing", |node| {
        let operations = ["Get", "Put", "Delete"].into_iter().flat_map(|name| children(node, name));
        let found = operations.into_iter().find(|operation| {
            child(*operation, "Key")
                .and_then(|key| child(key, "Parameter"))
                .is_none_or(|parameter| !given(parameter, &["ref"]))
        })?;
        hit(
            found,
            format!("<{}> names no key", found.tag_name().name()),
            "write `<Key><Parameter>NAME</Parameter></Key>`",
        )
    }),
    rule(&["KeyValueMapOperations"], "ValueIsMissing", |node| {
        let found = first_without(node, "Put", "Value")?;
        hit(found, "<Put> has no value", "write `<Value ref=\"flow.name\"/>`")
    }),
];

/// The first child with this name that does not contain the element `inner`.
fn first_without<'d>(node: Node<'d, 'd>, name: &str, inner: &str) -> Option<Node<'d, 'd>> {
    children(node, name).find(|found| child(*found, inner).is_none())
}

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
                    "<KeyValueMapOperations><Get assignTo='v' index='0'><Key><Parameter>k</Parameter></Key></Get></KeyValueMapOperations>",
                    "InvalidIndex",
                ),
                ("<KeyValueMapOperations><Get assignTo='v'/></KeyValueMapOperations>", "KeyIsMissing"),
                (
                    "<KeyValueMapOperations><Put><Key><Parameter>k</Parameter></Key></Put></KeyValueMapOperations>",
                    "ValueIsMissing",
                ),
            ],
        );
    }
}
