//! Percent-encoding in the paths of operations.
//!
//! A client encodes what a URL cannot hold, so one path reaches Apigee in several spellings. Whether the variable `proxy.pathsuffix` holds it as sent
//! or decoded is not documented; so an operation's pattern is one of *characters*, and the condition made of it accepts both.

/// Decodes the text of a path. An error says what cannot be matched whatever Apigee does.
pub(super) fn decoded(text: &str) -> Result<String, Undecodable> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        // A `%` that starts no code stands for itself.
        let code = after.get(..2).filter(|_| first == b'%').and_then(hexadecimal);
        let Some(byte) = code else {
            bytes.push(first);
            rest = after;
            continue;
        };
        if byte == b'/' {
            return Err(Undecodable::Slash);
        }
        bytes.push(byte);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| Undecodable::NotUtf8)
}

/// Why a text cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undecodable {
    /// It holds an encoded slash.
    Slash,
    /// What it encodes is not UTF-8.
    NotUtf8,
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    u8::try_from(digit(*digits.first()?)? * 16 + digit(*digits.get(1)?)?).ok()
}

/// Whether no client encodes the character (RFC 3986, section 2.3).
pub(super) fn is_unreserved(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~".contains(character)
}
