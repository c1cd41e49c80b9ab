//! Parses a text into a syntax tree, by recursive descent.

use super::lex::{Spanned, Token, tokens};
use super::{Comparison, ConditionSyntaxError, ConditionValue, Expr, Operand};

/// The maximum depth of nesting of `not`, `and` and `or`, more than people write.
const DEEPEST: usize = 64;

/// The maximum recursion of the parser, which prevents a stack overflow. A printed condition has parentheses around every part, so parsing a
/// printed tree of depth [`DEEPEST`] needs twice as much.
const MOST_RECURSION: usize = 3 * DEEPEST;

/// The maximum number of `and` and `or`, more than people write; each one nests the tree by one more level.
const MOST: usize = 500;

/// Parses a condition.
pub fn parse(text: &str) -> Result<Expr, ConditionSyntaxError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(ConditionSyntaxError {
            offset: 0,
            message: "the condition is empty".to_owned(),
            help: Some("remove it, or write one such as `request.verb = \"POST\"`".to_owned()),
        });
    }
    let mut parser = Parser { tokens: &tokens, at: 0, end: text.len(), depth: 0, joined: 0 };
    let expr = parser.or()?;
    match parser.tokens.get(parser.at) {
        None if nesting(&expr) > DEEPEST => Err(too_deep(0)),
        None => Ok(expr),
        Some(Spanned { token: Token::Close, .. }) => {
            Err(parser.fault("this `)` has no matching `(`", "remove it, or add the `(`"))
        }
        Some(_) => Err(parser.fault("`and` or `or` is missing here", "join two comparisons with `and` or `or`")),
    }
}

fn too_deep(offset: usize) -> ConditionSyntaxError {
    ConditionSyntaxError {
        offset,
        message: "the condition is nested too deeply".to_owned(),
        help: Some("split it over several steps or flows".to_owned()),
    }
}

/// The depth of a tree; a chain of the same operator counts as one level.
fn nesting(expr: &Expr) -> usize {
    match expr {
        Expr::Compare(_) | Expr::Truth(_) => 0,
        Expr::Not(inner) => 1 + nesting(inner),
        Expr::And(left, right) | Expr::Or(left, right) => {
            let is_chain = matches!((expr, &**left), (Expr::And(..), Expr::And(..)) | (Expr::Or(..), Expr::Or(..)));
            (nesting(left) + usize::from(!is_chain)).max(1 + nesting(right))
        }
    }
}

struct Parser<'t> {
    tokens: &'t [Spanned],
    at: usize,
    /// The length of the text.
    end: usize,
    depth: usize,
    /// How many `and` and `or` were read.
    joined: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|spanned| &spanned.token)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.at += usize::from(found);
        found
    }

    /// Consumes an `and` or an `or`.
    fn join(&mut self, token: &Token) -> Result<bool, ConditionSyntaxError> {
        if self.peek() != Some(token) {
            return Ok(false);
        }
        self.joined += 1;
        if self.joined > MOST {
            return Err(self.fault("the condition is too long", "split it over several steps or flows"));
        }
        Ok(self.take(token))
    }

    /// A fault at the current token, or at the end of the text.
    fn fault(&self, message: &str, help: &str) -> ConditionSyntaxError {
        let offset = self.tokens.get(self.at).map_or(self.end, |spanned| spanned.span.start);
        ConditionSyntaxError { offset, message: message.to_owned(), help: Some(help.to_owned()) }
    }

    fn or(&mut self) -> Result<Expr, ConditionSyntaxError> {
        let mut left = self.and()?;
        while self.join(&Token::Or)? {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, ConditionSyntaxError> {
        let mut left = self.not()?;
        while self.join(&Token::And)? {
            left = Expr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expr, ConditionSyntaxError> {
        self.depth += 1;
        if self.depth > MOST_RECURSION {
            return Err(too_deep(self.tokens.get(self.at).map_or(self.end, |spanned| spanned.span.start)));
        }
        let expr = if self.take(&Token::Not) {
            Expr::Not(Box::new(self.not()?))
        } else if self.peek() == Some(&Token::Open) {
            self.group()?
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn group(&mut self) -> Result<Expr, ConditionSyntaxError> {
        let open = self.fault("this `(` is not closed", "add the `)`");
        self.at += 1;
        let inner = self.or()?;
        if self.take(&Token::Close) {
            // `(a) = "b"`: parentheses around a single value.
            if let (Expr::Truth(left), Some(Token::Operator(_) | Token::Not)) = (&inner, self.peek()) {
                return self.rest(left.clone());
            }
            return Ok(inner);
        }
        if self.peek().is_some() {
            return Err(self.fault("`and`, `or` or `)` is missing here", "join two comparisons with `and` or `or`"));
        }
        Err(open)
    }

    fn comparison(&mut self) -> Result<Expr, ConditionSyntaxError> {
        let left = self.operand("a variable or a value is missing here")?;
        self.rest(left)
    }

    /// Parses what follows the left value: an operator and the right value, or nothing.
    fn rest(&mut self, left: Operand) -> Result<Expr, ConditionSyntaxError> {
        // `a not Matches "b"`.
        let negated = self.peek() == Some(&Token::Not)
            && matches!(self.tokens.get(self.at + 1).map(|spanned| &spanned.token), Some(Token::Operator(_)));
        self.at += usize::from(negated);
        let Some(Token::Operator(operator)) = self.peek().cloned() else {
            return Ok(Expr::Truth(left));
        };
        self.at += 1;
        let bracket = self.take(&Token::Open);
        let right = self.operand("the value to compare with is missing here")?;
        if bracket && !self.take(&Token::Close) {
            return Err(self.fault("a `)` is missing here", "close the parenthesis around the value"));
        }
        let comparison = Expr::Compare(Comparison { left, operator, right });
        Ok(if negated { Expr::Not(Box::new(comparison)) } else { comparison })
    }

    fn operand(&mut self, missing: &str) -> Result<Operand, ConditionSyntaxError> {
        let help = "write a comparison such as `request.verb = \"POST\"`";
        let Some(Spanned { token, span }) = self.tokens.get(self.at) else {
            return Err(self.fault(missing, help));
        };
        let value = match token {
            Token::Word(word) => match word.as_str() {
                "true" => ConditionValue::Boolean(true),
                "false" => ConditionValue::Boolean(false),
                "null" => ConditionValue::Null,
                _ => ConditionValue::Variable(word.clone()),
            },
            Token::Quoted(name) => ConditionValue::Variable(name.clone()),
            Token::Number(number) => ConditionValue::Number(number.clone()),
            Token::Text(text) => ConditionValue::Text(text.clone()),
            Token::Open | Token::Close | Token::And | Token::Or | Token::Not | Token::Operator(_) => {
                return Err(self.fault(missing, help));
            }
        };
        self.at += 1;
        Ok(Operand { value, span: span.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_symbols_say_the_same() {
        for (a, b) in [
            ("request.verb = \"GET\"", "request.verb Equals \"GET\""),
            ("request.verb == \"GET\"", "request.verb is \"GET\""),
            ("a != null", "a NotEquals null"),
            ("a:=\"x\"", "a EqualsCaseInsensitive \"x\""),
            ("a >= 5 and b < 3", "a GreaterThanOrEquals 5 AND b LesserThan 3"),
            ("p ~/ \"/a/*\" || p ~ \"x*\"", "(p MatchesPath \"/a/*\") or (p Matches \"x*\")"),
            ("!a", "not a"),
            ("not (a = true)", "NOT (a = true)"),
            ("a =| \"x\" && !(b ~~ \"y\")", "a StartsWith \"x\" and not b JavaRegex \"y\""),
            ("a not Matches \"x\"", "not (a Matches \"x\")"),
            ("(a) = (\"b\")", "a = \"b\""),
            ("request.header.Content-Type=\"x\"", "request.header.Content-Type = \"x\""),
            ("a or b and c", "a or (b and c)"),
            ("p !~ \"x\"", "not (p Matches \"x\")"),
            ("'request.header.host' = \"x\"", "request.header.host = \"x\""),
        ] {
            assert_eq!(parse(a).unwrap(), parse(b).unwrap(), "{a}   {b}");
        }
    }

    #[test]
    fn a_name_with_operators_stands_in_single_quotes() {
        let expr = parse("'request.header.help!me' = \"b\" and x != 'and'").unwrap();
        let names: Vec<&ConditionValue> =
            expr.comparisons().iter().flat_map(|c| [&c.left.value, &c.right.value]).collect();
        assert_eq!(names[0], &ConditionValue::Variable("request.header.help!me".to_owned()));
        assert_eq!(names[3], &ConditionValue::Variable("and".to_owned()));
    }

    #[test]
    fn a_fault_says_where() {
        for (text, offset, message) in [
            ("", 0, "the condition is empty"),
            ("request.verb = \"GET", 15, "the text that starts here has no closing `\"`"),
            ("(a = \"b\"", 0, "this `(` is not closed"),
            ("a = \"b\")", 7, "this `)` has no matching `(`"),
            ("a = 'b'", 4, "single quotes cannot contain text"),
            ("a = 'b", 4, "the name that starts here has no closing `'`"),
            ("a = “b”", 4, "this quote cannot start text"),
            ("p /~ \"/a\"", 2, "`/~` is not an operator"),
            ("a = \"b\" c = \"d\"", 8, "`and` or `or` is missing here"),
            ("a = ", 4, "the value to compare with is missing here"),
            ("= \"b\"", 0, "a variable or a value is missing here"),
            ("a and", 5, "a variable or a value is missing here"),
            ("p MatchesPath /a", 14, "a path must be text"),
            ("{a} = \"b\"", 0, "a variable is written without braces here"),
            ("a = \"b\" and ()", 13, "a variable or a value is missing here"),
            ("a & b", 2, "the character `&` is not allowed here"),
        ] {
            let fault = parse(text).unwrap_err();
            assert_eq!((fault.offset, fault.message.as_str()), (offset, message), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_fatal() {
        assert!(parse(&format!("{}a{}", "(".repeat(10_000), ")".repeat(10_000))).is_err());
        assert!(parse(&"!".repeat(10_000)).is_err());
        assert!(parse(&vec!["a"; 100_000].join(" and ")).is_err());
        let long = parse(&vec!["a = 1"; MOST].join(" or ")).unwrap();
        assert_eq!(parse(&long.to_string()), Ok(long));
    }
}
