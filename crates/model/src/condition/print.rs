//! Prints a syntax tree as text.

use std::fmt;

use super::lex::is_plain_name;
use super::{Comparison, ConditionValue, Expr, Operand};

impl fmt::Display for ConditionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) if !is_plain_name(name) => write!(f, "'{name}'"),
            Self::Variable(name) | Self::Number(name) => f.write_str(name),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Null => f.write_str("null"),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.left, self.operator.as_str(), self.right)
    }
}

/// Parentheses enclose everything that is joined or negated, so that readers need not know the precedence; only a chain of the same operator
/// has none inside.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(left, right) if matches!(**left, Self::And(..)) => write!(f, "{left} and ({right})"),
            Self::And(left, right) => write!(f, "({left}) and ({right})"),
            Self::Or(left, right) if matches!(**left, Self::Or(..)) => write!(f, "{left} or ({right})"),
            Self::Or(left, right) => write!(f, "({left}) or ({right})"),
            Self::Not(inner) => write!(f, "not ({inner})"),
            Self::Compare(comparison) => comparison.fmt(f),
            Self::Truth(operand) => operand.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{Operator, parse};
    use super::*;

    fn operand() -> impl Strategy<Value = Operand> {
        let word = "[a-z][a-zA-Z0-9_]{0,6}(\\.[a-zA-Z0-9_-]{1,8}){0,3}";
        let reserved = |name: &String| {
            !matches!(name.to_ascii_lowercase().as_str(), "and" | "or" | "not" | "true" | "false" | "null")
                && Operator::spelt(name).is_none()
        };
        let value = prop_oneof![
            word.prop_filter("a word of the language", reserved).prop_map(ConditionValue::Variable),
            "[a-z!=~ &()|>]{0,6}[!=~ ]"
                .prop_filter("blank", |name| !name.trim().is_empty())
                .prop_map(ConditionValue::Variable),
            "[^\"]{0,12}".prop_map(ConditionValue::Text),
            "-?[0-9]{1,4}(\\.[0-9]{1,3})?[lLfFdD]?".prop_map(ConditionValue::Number),
            any::<bool>().prop_map(ConditionValue::Boolean),
            Just(ConditionValue::Null),
        ];
        value.prop_map(|value| Operand { value, span: 0..0 })
    }

    fn expr() -> impl Strategy<Value = Expr> {
        let operator = proptest::sample::select(Operator::SPELLINGS.iter().map(|(o, _)| *o).collect::<Vec<_>>());
        let leaf = prop_oneof![
            (operand(), operator, operand()).prop_map(|(left, operator, right)| Expr::Compare(Comparison {
                left,
                operator,
                right
            })),
            operand().prop_map(Expr::Truth),
        ];
        leaf.prop_recursive(5, 32, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| Expr::And(Box::new(a), Box::new(b))),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| Expr::Or(Box::new(a), Box::new(b))),
                inner.prop_map(|a| Expr::Not(Box::new(a))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_printed_is_parsed_to_the_same_tree(expr in expr()) {
            let text = expr.to_string();
            prop_assert_eq!(parse(&text).map_err(|fault| format!("{text}: {fault}")), Ok(expr));
        }

        #[test]
        fn no_text_is_fatal(text in "[ a-z.\"()=!&|<>~/:{}'é0-9-]{0,40}") {
            let _ = parse(&text);
        }
    }
}
