//! `selector`: a label selector.

use indexmap::IndexMap;
use kube_core::Expression;
use kube_core::labels;
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

impl From<&Selector> for labels::Selector {
    fn from(selector: &Selector) -> Self {
        let equal = selector.match_labels.iter().map(|(key, value)| Expression::Equal(key.clone(), value.clone()));
        equal.chain(selector.match_expressions.iter().map(Expression::from)).collect()
    }
}

impl From<&MatchExpression> for Expression {
    fn from(expression: &MatchExpression) -> Self {
        let key = expression.key.clone();
        let values = || expression.values.iter().cloned().collect();
        match expression.operator {
            Operator::In => Self::In(key, values()),
            Operator::NotIn => Self::NotIn(key, values()),
            Operator::Exists => Self::Exists(key),
            Operator::DoesNotExist => Self::DoesNotExist(key),
        }
    }
}

impl MatchExpression {
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
    use kube_core::SelectorExt as _;

    use apigee_flux_model::yaml::{YamlNode, decode};

    fn matches(selector: &str, labels: &[(&str, &str)]) -> bool {
        let node = YamlNode::parse(selector, 0..selector.len()).unwrap();
        let selector: Selector = decode::decode(&node).unwrap();
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        labels::Selector::from(&selector).matches(&labels)
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
