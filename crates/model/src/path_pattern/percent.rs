//! Percent-encoding in the paths of operations.
//!
//! A client encodes characters that a URL cannot contain, so one path reaches Apigee in several spellings. It is not documented whether the
//! variable `proxy.pathsuffix` contains the encoded or the decoded path; so an operation's pattern consists of *characters*, and its condition
//! accepts both.

/// Decodes the text of a path. The error says what no condition can match.
pub(super) fn decoded(text: &str) -> Result<String, Undecodable> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        // A `%` without two hexadecimal digits after it is a plain character.
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
    /// It contains an encoded slash.
    Slash,
    /// The encoded bytes are not UTF-8.
    NotUtf8,
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16);
    u8::try_from(digit(*digits.first()?)? * 16 + digit(*digits.get(1)?)?).ok()
}

/// True for an unreserved character, which no client encodes (RFC 3986, section 2.3).
pub(super) fn is_unreserved(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~".contains(character)
}
