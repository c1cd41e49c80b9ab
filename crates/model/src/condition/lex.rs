//! Splits a condition into tokens.

use std::ops::Range;

use super::{ConditionSyntaxError, Operator};

/// A word or a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Open,
    Close,
    And,
    Or,
    Not,
    Operator(Operator),
    /// A bare word: a variable, or `true`, `false`, `null`.
    Word(String),
    /// The name of a variable in single quotes.
    Quoted(String),
    Number(String),
    Text(String),
}

/// A token and its range of bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spanned {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

/// The symbols; of two symbols with a common prefix, the longer one is first.
const SYMBOLS: &[(&str, Symbol)] = &[
    ("&&", Symbol::And),
    ("||", Symbol::Or),
    ("==", Symbol::Operator(Operator::Equals)),
    ("=|", Symbol::Operator(Operator::StartsWith)),
    ("=", Symbol::Operator(Operator::Equals)),
    ("!=", Symbol::Operator(Operator::NotEquals)),
    ("!", Symbol::Not),
    (":=", Symbol::Operator(Operator::EqualsCaseInsensitive)),
    (">=", Symbol::Operator(Operator::GreaterThanOrEquals)),
    (">", Symbol::Operator(Operator::GreaterThan)),
    ("<=", Symbol::Operator(Operator::LesserThanOrEquals)),
    ("<", Symbol::Operator(Operator::LesserThan)),
    ("~~", Symbol::Operator(Operator::JavaRegex)),
    ("~/", Symbol::Operator(Operator::MatchesPath)),
    ("~", Symbol::Operator(Operator::Like)),
    ("(", Symbol::Open),
    (")", Symbol::Close),
];

#[derive(Clone, Copy)]
enum Symbol {
    And,
    Or,
    Not,
    Open,
    Close,
    Operator(Operator),
}

/// True for a character of a variable's name. The name may contain names of policies and headers, so `-` is allowed.
fn in_word(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '_' | '.' | '-' | '$' | '#' | '@' | '[' | ']' | '{' | '}' | '%' | '*' | '/' | ':')
}

/// All tokens of a text.
pub(super) fn tokens(text: &str) -> Result<Vec<Spanned>, ConditionSyntaxError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
        if character.is_whitespace() {
            at += character.len_utf8();
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let (token, length) = token(rest, at)?;
        tokens.push(Spanned { token, span: at..at + length });
        at += length;
    }
    Ok(tokens)
}

fn token(rest: &str, at: usize) -> Result<(Token, usize), ConditionSyntaxError> {
    let fault = |message: &str, help: &str| ConditionSyntaxError {
        offset: at,
        message: message.to_owned(),
        help: Some(help.to_owned()),
    };
    if let Some(inside) = rest.strip_prefix('"') {
        let Some(end) = inside.find('"') else {
            return Err(fault("the text that starts here has no closing `\"`", "add it; text cannot contain a `\"`"));
        };
        return Ok((Token::Text(inside[..end].to_owned()), end + 2));
    }
    if let Some(inside) = rest.strip_prefix('\'') {
        let text = || "write text in double quotes, such as `\"GET\"`; single quotes are for names of variables that contain operators";
        let Some(end) = inside.find('\'') else {
            return Err(fault("the name that starts here has no closing `'`", text()));
        };
        let name = &inside[..end];
        // A name that needs no quotes is text in the wrong quotes: Apigee would compare with a variable that is never set.
        if name.trim().is_empty() || (is_plain_name(name) && !name.contains('.')) {
            return Err(fault("single quotes cannot contain text", text()));
        }
        return Ok((Token::Quoted(name.to_owned()), end + 2));
    }
    if let Some((text, symbol)) = SYMBOLS.iter().find(|(text, _)| rest.starts_with(text)) {
        let token = match symbol {
            Symbol::And => Token::And,
            Symbol::Or => Token::Or,
            Symbol::Not => Token::Not,
            Symbol::Open => Token::Open,
            Symbol::Close => Token::Close,
            Symbol::Operator(operator) => Token::Operator(*operator),
        };
        return Ok((token, text.len()));
    }
    if rest.starts_with(['`', '“', '”', '‘', '’']) {
        return Err(fault("this quote cannot start text", "write text in double quotes, such as `\"GET\"`"));
    }
    // `:=` may follow a name without a space.
    let end = rest.char_indices().find(|(index, c)| !in_word(*c) || rest[*index..].starts_with(":="));
    let word = &rest[..end.map_or(rest.len(), |(index, _)| index)];
    let Some(first) = word.chars().next() else {
        let character = rest.chars().next().unwrap_or_default();
        let message = format!("the character `{character}` is not allowed here");
        return Err(fault(&message, "write a condition such as `request.verb = \"POST\"`"));
    };
    if is_number(word) {
        return Ok((Token::Number(word.to_owned()), word.len()));
    }
    let token = match word.to_ascii_lowercase().as_str() {
        "and" => Token::And,
        "or" => Token::Or,
        "not" => Token::Not,
        lower => match Operator::spelt(lower) {
            Some(operator) => Token::Operator(operator),
            None if first == '/' && rest.starts_with("/~") => {
                return Err(fault("`/~` is not an operator", "write `~/` or `MatchesPath`"));
            }
            // A path without quotes is a common mistake: `proxy.pathsuffix MatchesPath /orders`.
            None if first == '/' => {
                return Err(fault("a path must be text", &format!("write it in double quotes: `\"{word}\"`")));
            }
            None if first == '{' => {
                return Err(fault(
                    "a variable is written without braces here",
                    &format!("write `{}`", word.trim_matches(['{', '}'])),
                ));
            }
            None => Token::Word(word.to_owned()),
        },
    };
    Ok((token, word.len()))
}

/// True for a name that needs no quotes.
pub(super) fn is_plain_name(name: &str) -> bool {
    let literal = matches!(name, "true" | "false" | "null");
    !literal && matches!(token(name, 0), Ok((Token::Word(word), _)) if word == name)
}

/// True for an integer or a decimal number, with or without one of Java's suffixes for long, float and double.
fn is_number(word: &str) -> bool {
    let digits = number(word).strip_prefix('-').unwrap_or(number(word));
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        && digits.matches('.').count() <= 1
}

/// A number without Java's suffix for long, float and double.
pub(super) fn number(word: &str) -> &str {
    word.strip_suffix(['l', 'L', 'f', 'F', 'd', 'D']).unwrap_or(word)
}
