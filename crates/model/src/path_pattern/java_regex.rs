//! Regular expressions of Java for what `MatchesPath` cannot express.
//!
//! They hold no backslash, which a condition could take for its own, and no `"`, which would end its text.

use super::Piece;
use super::percent::is_unreserved;

/// Some characters of a segment.
const SOME: &str = "[^/]+";
/// One character of a segment.
const ONE: &str = "[^/]";

/// The character `"` without writing it, and the same in plain words.
const QUOTE: (&str, &str) = ("(?![!#])[!-#]", "\"");

/// One of the four characters between `Z` and `_`, which no class can name without a backslash, and the same in plain words.
const BRACKETS: (&str, &str) = ("(?![Z_])[Z-_]", "[\\[\\\\\\]^]");

/// Whether the character is one of those that an expression does not tell apart.
pub(super) fn is_bracket(character: char) -> bool {
    ('['..='^').contains(&character)
}

/// A percent sign that starts no code: in a path as it was sent, every other one does.
const BARE_PERCENT: &str = "%(?![0-9A-Fa-f][0-9A-Fa-f])";

/// A character that no path has, for a percent sign that starts no code.
const BARE: char = '\u{f8ff}';

/// An expression and a text for libraries that cannot look ahead. Only the forms that conditions of operations have are known.
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

/// The expression for all of a path.
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

/// A text, and whether a placeholder is behind it.
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
    // Java tries again for every way to share a text among the placeholders. With three and more of them a request could keep a gateway busy; then
    // each takes as little as it can, which is enough to find out whether the whole matches.
    let many = groups.iter().filter(|group| group.placeholder).count() > 2;
    let mut regex = String::new();
    // Whether the text ends placeholders that take as little as they can.
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

/// A text in all of its spellings.
fn spelled(text: &[char]) -> String {
    let mut regex = String::new();
    for (index, character) in text.iter().enumerate() {
        let code = text.get(index + 1..index + 3).is_some_and(|code| code.iter().all(char::is_ascii_hexdigit));
        // A text that looks like a code is meant as it is.
        if *character == '%' && code {
            regex.push_str("(%25|%)");
        } else {
            regex.push_str(&spellings(*character));
        }
    }
    regex
}

/// The ways in which a character may stand in a path: as it is, and encoded.
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

/// A hexadecimal digit, whose letters clients write in either case.
fn digit(value: u8) -> String {
    match char::from_digit(u32::from(value), 16) {
        Some(letter) if letter.is_ascii_alphabetic() => format!("[{}{letter}]", letter.to_ascii_uppercase()),
        Some(digit) => digit.to_string(),
        None => String::new(),
    }
}
