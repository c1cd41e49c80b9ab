//! The syntax of Java's regular expressions, which Apigee compiles: `JavaRegex` in conditions, RegularExpressionProtection,
//! `replaceAll` in message templates.
//!
//! The parser reports errors of `java.util.regex.Pattern` (Java 17, the documentation of the class) and never rejects a pattern that Java
//! accepts: it does not look up names of properties and characters or check the length of a look-behind, and it reports nothing after the
//! flag `x`, which changes the syntax of everything that follows. Rust crates support other dialects: they lack look-around, possessive
//! quantifiers, `\Q…\E` and `&&` in classes, and stop at the first of them.

/// A syntax error in a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegexFault {
    /// The byte offset in the pattern at which it was found.
    pub offset: usize,
    /// What is wrong.
    pub message: &'static str,
}

/// The syntax error in a pattern; `None` if Java accepts it or if that is unknown.
pub fn java_regex_fault(pattern: &str) -> Option<RegexFault> {
    let mut reader =
        RegexReader { characters: unquoted(pattern), at: 0, end: pattern.len(), groups: Vec::new(), depth: 0 };
    match reader.alternatives() {
        Err(RegexStop::Fault(fault)) => Some(fault),
        Err(RegexStop::Unknown) => None,
        // Only a closing parenthesis ends the pattern early.
        Ok(()) => reader.peek().map(|_| reader.fault("this `)` has no matching `(`")),
    }
}

/// The maximum depth of nested groups and classes; deeper patterns are not checked.
const DEPTH: usize = 200;

/// The pattern without `\Q…\E`: the text between them is escaped instead. Each character has its byte offset.
fn unquoted(pattern: &str) -> Vec<(char, usize)> {
    let mut out = Vec::new();
    let mut quoted = false;
    let mut characters = pattern.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let following = characters.peek().copied();
        match (character, following) {
            ('\\', Some((_, 'Q'))) if !quoted => {
                quoted = true;
                characters.next();
            }
            ('\\', Some((_, 'E'))) if quoted => {
                quoted = false;
                characters.next();
            }
            ('\\', Some((next_at, next))) if !quoted => {
                out.extend([(character, at), (next, next_at)]);
                characters.next();
            }
            // A quoted letter or digit stays as it is; a backslash would change its meaning.
            _ if quoted && !character.is_alphanumeric() => out.extend([('\\', at), (character, at)]),
            _ => out.push((character, at)),
        }
    }
    out
}

enum RegexStop {
    Fault(RegexFault),
    Unknown,
}

/// The meaning of an escape.
enum Escape {
    Character(char),
    /// A class of characters, a boundary or a reference.
    Other,
}

struct RegexReader {
    characters: Vec<(char, usize)>,
    at: usize,
    /// The length of the pattern: the offset of a fault at its end.
    end: usize,
    /// The names of groups.
    groups: Vec<String>,
    depth: usize,
}

impl RegexReader {
    fn peek(&self) -> Option<char> {
        self.ahead(0)
    }

    fn ahead(&self, by: usize) -> Option<char> {
        self.characters.get(self.at + by).map(|(character, _)| *character)
    }

    fn next(&mut self) -> Option<char> {
        let found = self.peek();
        self.at += usize::from(found.is_some());
        found
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn fault(&self, message: &'static str) -> RegexFault {
        RegexFault { offset: self.characters.get(self.at).map_or(self.end, |(_, offset)| *offset), message }
    }

    fn stop<T>(&self, message: &'static str) -> Result<T, RegexStop> {
        Err(RegexStop::Fault(self.fault(message)))
    }

    /// Sequences with `|` between them, until the end or a `)`.
    fn alternatives(&mut self) -> Result<(), RegexStop> {
        while let Some(character) = self.peek() {
            match character {
                ')' => break,
                '|' => self.at += 1,
                '(' => {
                    // Flags without a group cannot be repeated.
                    if self.group()? {
                        self.quantifier()?;
                    }
                }
                '[' => {
                    self.at += 1;
                    self.class(true)?;
                    self.quantifier()?;
                }
                '?' | '*' | '+' => return self.stop("the quantifier has nothing before it to repeat"),
                // Java accepts a count at the start or after another quantifier.
                '{' => self.quantifier()?,
                '\\' => {
                    self.at += 1;
                    self.escape(false)?;
                    self.quantifier()?;
                }
                _ => {
                    self.at += 1;
                    self.quantifier()?;
                }
            }
        }
        Ok(())
    }

    fn nested(&mut self, inner: impl FnOnce(&mut Self) -> Result<(), RegexStop>) -> Result<(), RegexStop> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(RegexStop::Unknown);
        }
        inner(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// Parses a group; returns false for flags without a group.
    fn group(&mut self) -> Result<bool, RegexStop> {
        let open = self.fault("the group has no closing `)`");
        self.at += 1;
        if self.eat('?') {
            match self.next() {
                Some(':' | '=' | '!' | '>') => {}
                Some('<') if matches!(self.peek(), Some('=' | '!')) => self.at += 1,
                Some('<') => {
                    let name = self.group_name()?;
                    if self.groups.contains(&name) {
                        return self.stop("more than one group has this name");
                    }
                    self.groups.push(name);
                }
                other => {
                    self.at -= usize::from(other.is_some());
                    let (mut comments, mut added) = (false, true);
                    while let Some(flag) = self.peek() {
                        match flag {
                            'i' | 'm' | 's' | 'd' | 'u' | 'c' | 'U' => {}
                            'x' => comments |= added,
                            '-' if added => added = false,
                            _ => break,
                        }
                        self.at += 1;
                    }
                    if comments {
                        return Err(RegexStop::Unknown);
                    }
                    match self.peek() {
                        Some(')') => {
                            self.at += 1;
                            return Ok(false);
                        }
                        Some(':') => self.at += 1,
                        None => return Err(RegexStop::Fault(open)),
                        Some(_) => {
                            return self.stop(
                                "after `(?` Java allows `:`, `=`, `!`, `>`, `<=`, `<!`, `<name>` and the flags \
                                 `idmsuxU`",
                            );
                        }
                    }
                }
            }
        }
        self.nested(Self::alternatives)?;
        if self.eat(')') { Ok(true) } else { Err(RegexStop::Fault(open)) }
    }

    /// Parses a group's name and the `>` after it.
    fn group_name(&mut self) -> Result<String, RegexStop> {
        let mut name = String::new();
        while let Some(character) = self.peek().filter(char::is_ascii_alphanumeric) {
            if name.is_empty() && character.is_ascii_digit() {
                break;
            }
            name.push(character);
            self.at += 1;
        }
        if name.is_empty() {
            return self.stop("the name of a group must start with a letter from a to z");
        }
        if self.eat('>') {
            Ok(name)
        } else {
            self.stop("the name of a group must contain only letters and digits and end with `>`")
        }
    }

    /// Parses a quantifier, if there is one.
    fn quantifier(&mut self) -> Result<(), RegexStop> {
        match self.peek() {
            Some('?' | '*' | '+') => self.at += 1,
            Some('{') => self.count()?,
            _ => return Ok(()),
        }
        if matches!(self.peek(), Some('?' | '+')) {
            self.at += 1;
        }
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,3}`.
    fn count(&mut self) -> Result<(), RegexStop> {
        let open = self
            .fault("a number must follow `{`, as in `{2}`, `{2,}` or `{2,3}`; for the character itself write `\\{`");
        self.at += 1;
        let Some(least) = self.number()? else { return Err(RegexStop::Fault(open)) };
        let mut most = Some(least);
        if self.eat(',') {
            most = self.number()?;
            if most.is_none() && self.peek() != Some('}') {
                return Err(RegexStop::Fault(open));
            }
        }
        if !self.eat('}') {
            return self.stop("the count has no closing `}`");
        }
        if most.is_some_and(|most| most < least) {
            return Err(RegexStop::Fault(RegexFault {
                message: "the maximum of the count is below its minimum",
                ..open
            }));
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Option<u32>, RegexStop> {
        let mut number: Option<u32> = None;
        while let Some(digit) = self.peek().and_then(|character| character.to_digit(10)) {
            let more = number.unwrap_or(0).checked_mul(10).and_then(|tens| tens.checked_add(digit));
            match more.filter(|number| *number <= i32::MAX.unsigned_abs()) {
                Some(more) => number = Some(more),
                None => return self.stop("the count is too large"),
            }
            self.at += 1;
        }
        Ok(number)
    }

    /// Parses what follows a backslash.
    fn escape(&mut self, in_class: bool) -> Result<Escape, RegexStop> {
        self.at -= 1;
        let unknown = self.fault("Java has no such escape: only certain letters are allowed after `\\`");
        self.at += 1;
        let Some(character) = self.next() else {
            return self.stop("the pattern ends with a `\\`");
        };
        let hex = |character: Option<char>| character.is_some_and(|character| character.is_ascii_hexdigit());
        match character {
            // At the start of a range it is a single character, as before Java 8.
            'v' if in_class && self.peek() == Some('-') => Ok(Escape::Character('\u{b}')),
            'd' | 'D' | 'h' | 'H' | 's' | 'S' | 'v' | 'V' | 'w' | 'W' => Ok(Escape::Other),
            'A' | 'B' | 'G' | 'R' | 'X' | 'Z' | 'z' | '1'..='9' if !in_class => Ok(Escape::Other),
            'b' if !in_class => {
                if self.peek() == Some('{') && self.ahead(1) == Some('g') && self.ahead(2) == Some('}') {
                    self.at += 3;
                }
                Ok(Escape::Other)
            }
            'k' if !in_class => {
                if !self.eat('<') {
                    return self.stop("`\\k` must be followed by the name of a group, as in `\\k<name>`");
                }
                let name = self.group_name()?;
                if self.groups.contains(&name) {
                    Ok(Escape::Other)
                } else {
                    self.stop("no earlier group has this name")
                }
            }
            'p' | 'P' => {
                self.property()?;
                Ok(Escape::Other)
            }
            'N' => {
                if !self.eat('{') {
                    return self
                        .stop("`\\N` must be followed by the name of a character, as in `\\N{WHITE SMILING FACE}`");
                }
                self.until_brace()?;
                // The character depends on its name, which is not looked up.
                Err(RegexStop::Unknown)
            }
            'a' => Ok(Escape::Character('\u{7}')),
            'e' => Ok(Escape::Character('\u{1b}')),
            'f' => Ok(Escape::Character('\u{c}')),
            'n' => Ok(Escape::Character('\n')),
            'r' => Ok(Escape::Character('\r')),
            't' => Ok(Escape::Character('\t')),
            'c' => match self.next() {
                Some(control) => Ok(Escape::Character(char::from_u32(u32::from(control) ^ 64).unwrap_or('\0'))),
                None => self.stop("`\\c` must be followed by a character"),
            },
            '0' => {
                let mut value = 0;
                let mut digits = 0;
                while let Some(digit) = self.peek().and_then(|character| character.to_digit(8)) {
                    if digits == 3 || value * 8 + digit > 0o377 {
                        break;
                    }
                    value = value * 8 + digit;
                    digits += 1;
                    self.at += 1;
                }
                if digits == 0 {
                    return self.stop("`\\0` must be followed by one to three octal digits");
                }
                Ok(Escape::Character(char::from_u32(value).unwrap_or('\0')))
            }
            'u' => {
                let digits: String = (0..4).filter_map(|by| self.ahead(by).filter(char::is_ascii_hexdigit)).collect();
                if !(0..4).all(|by| hex(self.ahead(by))) {
                    return self.stop("`\\u` must be followed by four hexadecimal digits");
                }
                self.at += 4;
                // One half of a surrogate pair is not a Rust `char`.
                let value = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                value.map(Escape::Character).ok_or(RegexStop::Unknown)
            }
            'x' => {
                let braces = self.eat('{');
                let mut digits = String::new();
                while let Some(digit) = self.peek().filter(char::is_ascii_hexdigit) {
                    if !braces && digits.len() == 2 {
                        break;
                    }
                    digits.push(digit);
                    self.at += 1;
                }
                if digits.is_empty() || (!braces && digits.len() < 2) || (braces && !self.eat('}')) {
                    return self.stop(
                        "`\\x` must be followed by two hexadecimal digits, or by some in braces, as in `\\x{1F600}`",
                    );
                }
                match u32::from_str_radix(&digits, 16).ok().filter(|value| *value <= u32::from(char::MAX)) {
                    Some(value) => char::from_u32(value).map(Escape::Character).ok_or(RegexStop::Unknown),
                    None => self.stop("no character has such a large code point"),
                }
            }
            letter if letter.is_ascii_alphabetic() => Err(RegexStop::Fault(unknown)),
            digit if digit.is_ascii_digit() => Err(RegexStop::Fault(unknown)),
            other => Ok(Escape::Character(other)),
        }
    }

    /// Parses what follows `\p`.
    fn property(&mut self) -> Result<(), RegexStop> {
        if self.eat('{') {
            if self.peek() == Some('}') {
                return self.stop("the name of the property is empty");
            }
            return self.until_brace();
        }
        match self.next() {
            Some(_) => Ok(()),
            None => self.stop("`\\p` must be followed by a property, as in `\\p{Alpha}`"),
        }
    }

    fn until_brace(&mut self) -> Result<(), RegexStop> {
        let open = self.fault("the name has no closing `}`");
        while let Some(character) = self.next() {
            if character == '}' {
                return Ok(());
            }
        }
        Err(RegexStop::Fault(open))
    }

    /// Parses a class after its `[`, or, if `closes` is false, the part of a class after `&&`, without its `]`.
    fn class(&mut self, closes: bool) -> Result<(), RegexStop> {
        let at = self.at.saturating_sub(1);
        let offset = self.characters.get(at).map_or(self.end, |(_, offset)| *offset);
        let open = RegexFault { offset, message: "the class has no closing `]`" };
        if closes {
            self.eat('^');
        }
        let mut empty = true;
        loop {
            match self.peek() {
                None => return Err(RegexStop::Fault(open)),
                Some(']') if !empty => {
                    self.at += usize::from(closes);
                    return Ok(());
                }
                Some('[') => {
                    self.at += 1;
                    self.nested(|reader| reader.class(true))?;
                    empty = false;
                }
                Some('&') if self.ahead(1) == Some('&') => {
                    self.at += 2;
                    let mut right = false;
                    while let Some(character) = self.peek().filter(|character| !matches!(character, ']' | '&')) {
                        if character == '[' {
                            self.at += 1;
                            self.nested(|reader| reader.class(true))?;
                        } else {
                            self.nested(|reader| reader.class(false))?;
                        }
                        right = true;
                    }
                    if empty && !right {
                        return self.stop("`&&` has no operands");
                    }
                    empty = false;
                }
                Some(_) => {
                    self.range()?;
                    empty = false;
                }
            }
        }
    }

    /// Parses one character of a class, or a range.
    fn range(&mut self) -> Result<(), RegexStop> {
        let from = match self.next() {
            Some('\\') => self.escape(true)?,
            Some(character) => Escape::Character(character),
            None => return Ok(()),
        };
        let Escape::Character(from) = from else { return Ok(()) };
        if self.peek() != Some('-') || matches!(self.ahead(1), Some('[' | ']')) {
            return Ok(());
        }
        let range = self.fault("the range ends before it starts");
        self.at += 1;
        let to = match self.next() {
            Some('\\') => self.escape(true)?,
            Some(character) => Escape::Character(character),
            None => return self.stop("the class has no closing `]`"),
        };
        match to {
            Escape::Character(to) if from <= to => Ok(()),
            Escape::Character(_) | Escape::Other => Err(RegexStop::Fault(range)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_java_takes_is_not_refused() {
        for pattern in [
            "",
            "a|b",
            "|",
            "a||",
            "(?i)GET|POST",
            "^/v[0-9]+(/.*)?$",
            "(?<year>\\d{4})-\\k<year>",
            "(?<=a)b(?!c)(?>d)(?=e)(?<!f)",
            "a*+b++c?+d{2,}+e{2}?",
            "(\\Q(a[b\\E)?",
            "\\b{2}",
            "[a-z&&[^aeiou]]",
            "[\\]\\[]",
            "[]a]",
            "[^]a]",
            "[a-]",
            "[-a]",
            "[a&b]",
            "[[a][b]]",
            "\\p{Alpha}\\P{IsLatin}\\pL",
            "\\x41\\x{1F600}\\u00e9\\0101\\cA",
            "\\R\\X\\h\\v\\H\\b{g}",
            "}",
            "]",
            "a{2}{3}",
            "{2}",
            "(?x) a ( # not closed",
            "\\/\\-\\_",
            "[\\w.-]+@[\\w-]+",
            "(?i:a)(?-i)b",
            "[\\Qa-z]\\E]",
            "\\N{WHITE SMILING FACE}(",
            "[a-c&&b-d]",
            "(?s).*",
            "\\1",
            "é+",
            "[a&&&&b]",
            "a{0,2147483647}",
        ] {
            assert_eq!(java_regex_fault(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn what_java_refuses_is_found_where_it_stands() {
        for (pattern, offset, message) in [
            ("v([0-9", 2, "the class has no closing `]`"),
            ("v(a", 1, "the group has no closing `)`"),
            ("a)b", 1, "this `)` has no matching `(`"),
            ("*a", 0, "the quantifier has nothing before it to repeat"),
            ("a**", 2, "the quantifier has nothing before it to repeat"),
            ("a(?i)*", 5, "the quantifier has nothing before it to repeat"),
            (
                "/{id}",
                1,
                "a number must follow `{`, as in `{2}`, `{2,}` or `{2,3}`; for the character itself write `\\{`",
            ),
            ("a{2", 3, "the count has no closing `}`"),
            ("a{3,2}", 1, "the maximum of the count is below its minimum"),
            ("a{2147483648}", 11, "the count is too large"),
            ("[z-a]", 2, "the range ends before it starts"),
            ("[a-\\d]", 2, "the range ends before it starts"),
            ("a\\", 2, "the pattern ends with a `\\`"),
            ("a\\y", 1, "Java has no such escape: only certain letters are allowed after `\\`"),
            ("[\\b]", 1, "Java has no such escape: only certain letters are allowed after `\\`"),
            ("(?P<a>b)", 2, "after `(?` Java allows `:`, `=`, `!`, `>`, `<=`, `<!`, `<name>` and the flags `idmsuxU`"),
            ("(?<1>b)", 3, "the name of a group must start with a letter from a to z"),
            ("(?<a_b>b)", 4, "the name of a group must contain only letters and digits and end with `>`"),
            ("\\k<a>", 5, "no earlier group has this name"),
            ("[&&]", 3, "`&&` has no operands"),
            ("\\x4", 3, "`\\x` must be followed by two hexadecimal digits, or by some in braces, as in `\\x{1F600}`"),
            ("\\p{}", 3, "the name of the property is empty"),
        ] {
            assert_eq!(java_regex_fault(pattern), Some(RegexFault { offset, message }), "{pattern}");
        }
    }

    #[test]
    fn deep_nesting_is_left_alone() {
        assert_eq!(java_regex_fault(&"(".repeat(100_000)), None);
        assert_eq!(java_regex_fault(&"[".repeat(100_000)), None);
    }
}
