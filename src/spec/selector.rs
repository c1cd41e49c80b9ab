//! `selector`: which resources are meant, by their labels.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// A selector as Kubernetes has it. All that is written must hold; without anything it selects every resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// Label → the value that it must have.
    #[serde(default)]
    pub match_labels: IndexMap<String, String>,
    /// Conditions on labels.
    #[serde(default)]
    pub match_expressions: Vec<MatchExpression>,
}

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MatchExpression {
    /// The label.
    pub key: String,
    /// What is asked of it.
    pub operator: Operator,
    /// The values for `In` and `NotIn`.
    #[serde(default)]
    pub values: Vec<String>,
}

/// What is asked of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Operator {
    /// Its value is one of the values.
    In,
    /// Its value is none of the values, or there is no such label.
    NotIn,
    /// There is such a label.
    Exists,
    /// There is no such label.
    DoesNotExist,
}

impl Selector {
    /// True if the labels, asked for by their keys, are those of a resource that is meant.
    pub fn matches<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.match_labels.iter().all(|(key, value)| label(key) == Some(value))
            && self.match_expressions.iter().all(|expression| expression.matches(label(&expression.key)))
    }
}

impl MatchExpression {
    fn matches(&self, found: Option<&str>) -> bool {
        let listed = found.is_some_and(|found| self.values.iter().any(|value| value == found));
        match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => found.is_some(),
            Operator::DoesNotExist => found.is_none(),
        }
    }

    /// What is wrong with the values, and the way out.
    pub fn fault(&self) -> Option<(&'static str, &'static str)> {
        match (self.operator, self.values.is_empty()) {
            (Operator::In | Operator::NotIn, true) => {
                Some(("`values` is required for this operator", "list the label's values"))
            }
            (Operator::Exists | Operator::DoesNotExist, false) => {
                Some(("`values` is not allowed for this operator", "remove them, or use `In` or `NotIn`"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::{Node, decode};

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let node = Node::parse(selector, 0..selector.len()).unwrap();
        let selector: Selector = decode::decode(&node).unwrap();
        selector.matches(|key| labels.iter().find(|(known, _)| *known == key).map(|(_, value)| *value))
    }

    #[test]
    fn it_selects_as_kubernetes_does() {
        let labels = [("team", "a"), ("tier", "gold")];
        for (selector, expected) in [
            ("{}", true),
            ("{matchLabels: {team: a, tier: gold}}", true),
            ("{matchLabels: {team: a, tier: basic}}", false),
            ("{matchExpressions: [{key: team, operator: In, values: [b, a]}]}", true),
            ("{matchExpressions: [{key: team, operator: NotIn, values: [b]}]}", true),
            ("{matchExpressions: [{key: none, operator: In, values: [b]}]}", false),
            ("{matchExpressions: [{key: none, operator: NotIn, values: [b]}]}", true),
            ("{matchExpressions: [{key: team, operator: Exists}, {key: none, operator: DoesNotExist}]}", true),
            ("{matchLabels: {team: a}, matchExpressions: [{key: tier, operator: DoesNotExist}]}", false),
        ] {
            assert_eq!(matches(selector, &labels), expected, "{selector}");
        }
    }
}
