//! Java regular expressions for patterns that `MatchesPath` cannot express.
//!
//! They contain no backslash, which a condition might interpret itself, and no `"`, which would end the text.

use super::Piece;
use super::percent::is_unreserved;

/// One or more characters of a segment.
const SOME: &str = "[^/]+";
/// One character of a segment.
const ONE: &str = "[^/]";

/// An expression for the character `"` without that character, and the same in plain syntax.
const QUOTE: (&str, &str) = ("(?![!#])[!-#]", "\"");

/// An expression for one of the four characters between `Z` and `_`, which a class cannot contain without a backslash, and the same in plain
/// syntax.
const BRACKETS: (&str, &str) = ("(?![Z_])[Z-_]", "[\\[\\\\\\]^]");

/// True for a character that [`BRACKETS`] matches: an expression does not distinguish these characters.
pub(super) fn is_bracket(character: char) -> bool {
    ('['..='^').contains(&character)
}

/// A percent sign that does not start an encoded byte: in a path as it was sent, all percent signs start one.
const BARE_PERCENT: &str = "%(?![0-9A-Fa-f][0-9A-Fa-f])";

/// A character that no path contains, as a replacement for a percent sign that does not start an encoded byte.
const BARE: char = '\u{f8ff}';

/// Converts an expression and a text for regular expression libraries without lookahead. Only the forms in conditions of operations are
/// supported.
pub fn without_lookahead(regex: &str, text: &str) -> (String, String) {
    let plain = regex.replace(QUOTE.0, QUOTE.1).replace(BRACKETS.0, BRACKETS.1);
    if !plain.contains(BARE_PERCENT) {
        return (plain, text.to_owned());
    }
    let mut marked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        let code = after.as_bytes().get(..2).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit));
        marked.push_str(before);
        marked.push(if code { '%' } else { BARE });
        rest = after;
    }
    (plain.replace(BARE_PERCENT, &BARE.to_string()), marked + rest)
}

/// The expression for a whole path.
pub(super) fn of(pieces: &[Piece]) -> String {
    let mut regex = "^".to_owned();
    for (index, segment) in pieces.split(|piece| *piece == Piece::Char('/')).enumerate() {
        if index > 0 {
            regex.push('/');
        }
        regex.push_str(&of_segment(segment));
    }
    regex.push('$');
    regex
}

/// A text, and whether a placeholder follows it.
struct Group {
    text: Vec<char>,
    placeholder: bool,
}

fn groups(segment: &[Piece]) -> Vec<Group> {
    let mut groups = vec![Group { text: Vec::new(), placeholder: false }];
    for piece in segment {
        let Some(last) = groups.last_mut() else { continue };
        match piece {
            Piece::Char(character) if !last.placeholder => last.text.push(*character),
            Piece::Char(character) => groups.push(Group { text: vec![*character], placeholder: false }),
            Piece::One => last.placeholder = true,
            Piece::Any | Piece::All => {}
        }
    }
    groups
}

fn of_segment(segment: &[Piece]) -> String {
    if segment == [Piece::All] {
        return ".*".to_owned();
    }
    let groups = groups(segment);
    // Java backtracks over every way to divide a text among the placeholders. With three or more of them, a request could keep a gateway busy;
    // then each placeholder matches as little as possible, which is enough to decide whether the whole matches.
    let many = groups.iter().filter(|group| group.placeholder).count() > 2;
    let mut regex = String::new();
    // Whether the text follows a placeholder that matches as little as possible.
    let mut ends = false;
    for (index, group) in groups.iter().enumerate() {
        let text = spelled(&group.text);
        match group.text.as_slice() {
            [only] if ends && is_unreserved(*only) => regex.extend(["[^/", &only.to_string(), "]*", &text]),
            [_, ..] if ends => regex.extend(["(?>[^/]*?", &text, ")"]),
            _ => regex.push_str(&text),
        }
        if !group.placeholder {
            break;
        }
        ends = many && groups.get(index + 1).is_some_and(|next| next.placeholder);
        regex.push_str(if ends { ONE } else { SOME });
    }
    regex
}

/// An expression for all spellings of a text.
fn spelled(text: &[char]) -> String {
    let mut regex = String::new();
    for (index, character) in text.iter().enumerate() {
        let code = text.get(index + 1..index + 3).is_some_and(|code| code.iter().all(char::is_ascii_hexdigit));
        // Text that looks like an encoded byte is meant literally.
        if *character == '%' && code {
            regex.push_str("(%25|%)");
        } else {
            regex.push_str(&spellings(*character));
        }
    }
    regex
}

/// An expression for the spellings of a character in a path: plain and encoded.
fn spellings(character: char) -> String {
    if character == '.' {
        return "[.]".to_owned();
    }
    if is_unreserved(character) {
        return character.to_string();
    }
    let mut buffer = [0; 4];
    let bytes = character.encode_utf8(&mut buffer).as_bytes();
    let encoded: String = bytes.iter().flat_map(|byte| ["%".to_owned(), digit(byte >> 4), digit(byte & 15)]).collect();
    let plain = match character {
        '"' => QUOTE.0.to_owned(),
        '%' => BARE_PERCENT.to_owned(),
        _ if is_bracket(character) => BRACKETS.0.to_owned(),
        '$' | '&' | '(' | ')' | '*' | '+' | '?' | '{' | '|' | '}' => format!("[{character}]"),
        _ => character.to_string(),
    };
    format!("({plain}|{encoded})")
}

/// An expression for a hexadecimal digit in upper or lower case.
fn digit(value: u8) -> String {
    match char::from_digit(u32::from(value), 16) {
        Some(letter) if letter.is_ascii_alphabetic() => format!("[{}{letter}]", letter.to_ascii_uppercase()),
        Some(digit) => digit.to_string(),
        None => String::new(),
    }
}
