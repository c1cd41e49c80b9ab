//! Evaluates a condition, as far as the variables are known.

use std::borrow::Cow;
use std::cmp::Ordering;

use regex_lite::Regex;

use super::lex::number;
use super::{Comparison, ConditionValue, Expr, Operand, Operator};
use crate::path_pattern::{like, matches_path, without_lookahead};

/// The values of variables.
pub trait Variables {
    /// The value of a variable: `None` if it is unknown, `Some(None)` if it is not set.
    fn get(&self, name: &str) -> Option<Option<Cow<'_, str>>>;
}

/// Evaluates an expression; `None` if the result depends on an unknown variable.
pub fn evaluate(expr: &Expr, variables: &dyn Variables) -> Option<bool> {
    match expr {
        Expr::And(left, right) => match (evaluate(left, variables), evaluate(right, variables)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Expr::Or(left, right) => match (evaluate(left, variables), evaluate(right, variables)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Expr::Not(inner) => evaluate(inner, variables).map(|holds| !holds),
        Expr::Compare(comparison) => compare(comparison, variables),
        Expr::Truth(operand) => {
            let value = value(operand, variables)?;
            Some(value.is_some_and(|text| text.eq_ignore_ascii_case("true")))
        }
    }
}

/// The text of a value; `Some(None)` if it is null.
#[allow(clippy::option_option, reason = "unknown and not set are different, as in `Variables`")]
fn value<'v>(operand: &'v Operand, variables: &'v dyn Variables) -> Option<Option<Cow<'v, str>>> {
    match &operand.value {
        ConditionValue::Variable(name) => variables.get(name),
        ConditionValue::Text(text) | ConditionValue::Number(text) => Some(Some(Cow::Borrowed(text))),
        ConditionValue::Boolean(value) => Some(Some(Cow::Borrowed(if *value { "true" } else { "false" }))),
        ConditionValue::Null => Some(None),
    }
}

fn compare(comparison: &Comparison, variables: &dyn Variables) -> Option<bool> {
    let left = value(&comparison.left, variables)?;
    let right = value(&comparison.right, variables)?;
    let (Some(left), Some(right)) = (&left, &right) else {
        return Some(with_null(comparison.operator, left.is_none(), right.is_none()));
    };
    let parsed = |text: &str| number(text.trim()).parse::<f64>().ok();
    let numbers = || -> Option<Ordering> { parsed(left)?.partial_cmp(&parsed(right)?) };
    let order = || numbers().unwrap_or_else(|| left.cmp(right));
    // Numbers are compared by value, but quoted text that looks like a number is text.
    let numeric = matches!(comparison.left.value, ConditionValue::Number(_))
        || matches!(comparison.right.value, ConditionValue::Number(_));
    let equal = || left == right || (numeric && numbers() == Some(Ordering::Equal));
    match comparison.operator {
        Operator::Equals => Some(equal()),
        Operator::NotEquals => Some(!equal()),
        Operator::EqualsCaseInsensitive => Some(left.to_lowercase() == right.to_lowercase()),
        Operator::GreaterThan => Some(order().is_gt()),
        Operator::GreaterThanOrEquals => Some(order().is_ge()),
        Operator::LesserThan => Some(order().is_lt()),
        Operator::LesserThanOrEquals => Some(order().is_le()),
        Operator::Like => Some(like(right, left)),
        Operator::MatchesPath => matches_path(right, left),
        Operator::StartsWith => Some(left.starts_with(right.as_ref())),
        Operator::JavaRegex => java_regex(right, left),
    }
}

/// True if the pattern matches the whole text, as in Java; `None` if the library does not support the syntax of the pattern. An atomic group
/// matches at most what an ordinary group matches, so a pattern with atomic groups can be known not to match.
fn java_regex(pattern: &str, text: &str) -> Option<bool> {
    let (pattern, text) = without_lookahead(pattern, text);
    let matches = |pattern: &str| Some(Regex::new(&format!("^(?:{pattern})$")).ok()?.is_match(&text));
    matches(&pattern).or_else(|| matches(&pattern.replace("(?>", "(?:")).filter(|matches| !matches))
}

/// The table "Null operands" of Google's page, with all of its irregularities.
fn with_null(operator: Operator, left: bool, right: bool) -> bool {
    let both = left && right;
    match operator {
        Operator::Equals | Operator::EqualsCaseInsensitive => both,
        Operator::NotEquals => !both,
        Operator::GreaterThan | Operator::LesserThan => left && !right,
        Operator::GreaterThanOrEquals => right,
        Operator::LesserThanOrEquals => left,
        Operator::Like | Operator::MatchesPath | Operator::JavaRegex | Operator::StartsWith => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    struct KnownVariables;

    impl Variables for KnownVariables {
        fn get(&self, name: &str) -> Option<Option<Cow<'_, str>>> {
            match name {
                "verb" => Some(Some("GET".into())),
                "path" => Some(Some("/orders/1".into())),
                "count" => Some(Some("10".into())),
                "unset" => Some(None),
                _ => None,
            }
        }
    }

    #[test]
    fn what_is_not_known_stays_open_unless_it_does_not_matter() {
        for (text, expected) in [
            ("verb = \"GET\"", Some(true)),
            ("verb = \"get\"", Some(false)),
            ("verb := \"get\"", Some(true)),
            ("path MatchesPath \"/orders/*\" and verb != \"POST\"", Some(true)),
            ("count > 9", Some(true)),
            ("count = 10.0", Some(true)),
            ("unset = null", Some(true)),
            ("unset = \"\"", Some(false)),
            ("unset != \"x\"", Some(true)),
            ("unset", Some(false)),
            ("unset > 1", Some(true)),
            ("unset >= 1", Some(false)),
            ("count <= null", Some(false)),
            ("unset <= null", Some(true)),
            ("unset !~ \"x\"", Some(true)),
            ("count = 10L", Some(true)),
            ("count < 10.5d", Some(true)),
            ("path MatchesPath \"/orders/{id}\"", Some(true)),
            ("else = \"a\"", None),
            ("else = \"a\" and verb = \"POST\"", Some(false)),
            ("else = \"a\" or verb = \"GET\"", Some(true)),
            ("not else", None),
            ("path ~~ \"/orders/.*\"", Some(true)),
            ("path ~~ \"/ord\"", Some(false)),
            ("path ~~ \"(?=/).*\"", None),
            ("path ~~ \"/(?>[a-z]*).*\"", None),
            ("path ~~ \"/(?>[a-z]*)\"", Some(false)),
            ("path MatchesPath \"/orders/1/\"", None),
            ("path =| \"/ord\"", Some(true)),
        ] {
            assert_eq!(evaluate(&parse(text).unwrap(), &KnownVariables), expected, "{text}");
        }
    }
}
