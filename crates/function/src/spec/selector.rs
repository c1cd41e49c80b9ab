//! `selector`: a label selector.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

/// A label selector as in Kubernetes. All conditions must match; an empty selector selects every resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Selector {
    /// Label → the required value.
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
    /// The operator.
    pub operator: Operator,
    /// The values for `In` and `NotIn`.
    #[serde(default)]
    pub values: Vec<String>,
}

/// The operator of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Operator {
    /// The value of the label is one of `values`.
    In,
    /// The value of the label is none of `values`, or the label does not exist.
    NotIn,
    /// The label exists.
    Exists,
    /// The label does not exist.
    DoesNotExist,
}

impl Selector {
    /// True if the resource with these labels is selected.
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

    /// What is wrong with the values, and how to fix it.
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
    use apigee_flux_model::yaml::{YamlNode, decode};

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let node = YamlNode::parse(selector, 0..selector.len()).unwrap();
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
