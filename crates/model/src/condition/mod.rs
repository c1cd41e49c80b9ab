//! Conditions in Apigee's language: parsed with positions, printed, and evaluated as far as the variables are known.
//!
//! The language is that of Google's page "Conditions reference". Words of operators may be in upper or lower case; strings stand in double quotes and
//! know no escapes; a bare word is a variable. `not` binds stronger than comparisons are chained, `and` stronger than `or`.

mod evaluate;
mod java_regex;
mod lex;
mod parse;
mod print;

use std::ops::Range;

pub use evaluate::{Variables, evaluate};
pub use java_regex::{RegexFault, java_regex_fault};
pub use parse::parse;

/// A condition's tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Both hold.
    And(Box<Expr>, Box<Expr>),
    /// One of them holds.
    Or(Box<Expr>, Box<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// Two values and what is asked of them.
    Compare(Comparison),
    /// A value alone: it holds if it is `true`.
    Truth(Operand),
}

/// Two values and what is asked of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The value on the left, mostly a variable.
    pub left: Operand,
    /// What is asked.
    pub operator: Operator,
    /// The value on the right.
    pub right: Operand,
}

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Operand {
    /// The value.
    pub value: Value,
    /// Its bytes in the text that was parsed.
    pub span: Range<usize>,
}

/// Where it stands is no part of what it says.
impl PartialEq for Operand {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// A value as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
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

/// What is asked of two values.
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

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {}: {message}", offset + 1)]
pub struct Fault {
    /// The byte at which it was seen.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// The way out.
    pub help: Option<String>,
}

impl Operator {
    /// Every operator with its spellings, the canonical one first. Words may be in upper or lower case.
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

    /// The operator that a word or a symbol spells.
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
