//! Conditions in Apigee's language: parsed with positions, printed, and evaluated as far as the variables are known.
//!
//! The language is defined by Google's page "Conditions reference". Operators are case-insensitive; strings are in double quotes and have no
//! escapes; a bare word is a variable. `not` binds stronger than `and`, and `and` stronger than `or`.

mod evaluate;
mod java_regex;
mod lex;
mod parse;
mod print;

use std::ops::Range;

pub use evaluate::{Variables, evaluate};
pub use java_regex::{RegexFault, java_regex_fault};
pub use parse::parse;

/// The syntax tree of a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Both are true.
    And(Box<Expr>, Box<Expr>),
    /// At least one is true.
    Or(Box<Expr>, Box<Expr>),
    /// The inner expression is false.
    Not(Box<Expr>),
    /// A comparison of two values.
    Compare(Comparison),
    /// A single value, which is true if it is `true`.
    Truth(Operand),
}

/// A comparison of two values.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The value on the left, usually a variable.
    pub left: Operand,
    /// The operator.
    pub operator: Operator,
    /// The value on the right.
    pub right: Operand,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Operand {
    /// The value.
    pub value: ConditionValue,
    /// Its range of bytes in the parsed text.
    pub span: Range<usize>,
}

/// The place does not matter for equality.
impl PartialEq for Operand {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A value as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConditionValue {
    /// The name of a flow variable.
    Variable(String),
    /// Text in double quotes.
    Text(String),
    /// A number as it was written.
    Number(String),
    /// `true` or `false`.
    Boolean(bool),
    /// `null`: the variable is not set.
    Null,
}

/// The operator of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// `=`, `==`, `Equals`, `Is`.
    Equals,
    /// `!=`, `NotEquals`, `IsNot`.
    NotEquals,
    /// `:=`, `EqualsCaseInsensitive`.
    EqualsCaseInsensitive,
    /// `>`, `GreaterThan`.
    GreaterThan,
    /// `>=`, `GreaterThanOrEquals`.
    GreaterThanOrEquals,
    /// `<`, `LesserThan`.
    LesserThan,
    /// `<=`, `LesserThanOrEquals`.
    LesserThanOrEquals,
    /// `~`, `Matches`, `Like`: `*` stands for any text.
    Like,
    /// `~/`, `MatchesPath`, `LikePath`: `*` and `{name}` stand for one segment, `**` for one or more.
    MatchesPath,
    /// `~~`, `JavaRegex`.
    JavaRegex,
    /// `=|`, `StartsWith`.
    StartsWith,
}

/// A syntax error in a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {message}", offset + 1)]
pub struct ConditionSyntaxError {
    /// The byte offset at which it was found.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// How to fix it.
    pub help: Option<String>,
}

impl Operator {
    /// Every operator with its spellings, the canonical one first. Words are case-insensitive.
    const SPELLINGS: &[(Self, &[&str])] = &[
        (Self::Equals, &["=", "==", "Equals", "Is"]),
        (Self::NotEquals, &["!=", "NotEquals", "IsNot"]),
        (Self::EqualsCaseInsensitive, &[":=", "EqualsCaseInsensitive"]),
        (Self::GreaterThan, &[">", "GreaterThan"]),
        (Self::GreaterThanOrEquals, &[">=", "GreaterThanOrEquals"]),
        (Self::LesserThan, &["<", "LesserThan"]),
        (Self::LesserThanOrEquals, &["<=", "LesserThanOrEquals"]),
        (Self::Like, &["Matches", "~", "Like"]),
        (Self::MatchesPath, &["MatchesPath", "~/", "LikePath"]),
        (Self::JavaRegex, &["JavaRegex", "~~"]),
        (Self::StartsWith, &["StartsWith", "=|"]),
    ];

    /// The operator with this spelling.
    fn spelt(text: &str) -> Option<Self> {
        let known = |spellings: &[&str]| spellings.iter().any(|spelling| spelling.eq_ignore_ascii_case(text));
        Self::SPELLINGS.iter().find(|(_, spellings)| known(spellings)).map(|(operator, _)| *operator)
    }

    /// The canonical spelling.
    pub fn as_str(self) -> &'static str {
        Self::SPELLINGS
            .iter()
            .find(|(operator, _)| *operator == self)
            .and_then(|(_, spellings)| spellings.first())
            .copied()
            .unwrap_or_default()
    }
}

impl Expr {
    /// Every comparison in it, from left to right.
    pub fn comparisons(&self) -> Vec<&Comparison> {
        let mut found = Vec::new();
        let mut waiting = vec![self];
        while let Some(expr) = waiting.pop() {
            match expr {
                Self::And(left, right) | Self::Or(left, right) => waiting.extend([right.as_ref(), left.as_ref()]),
                Self::Not(inner) => waiting.push(inner),
                Self::Compare(comparison) => found.push(comparison),
                Self::Truth(_) => {}
            }
        }
        found
    }
}
