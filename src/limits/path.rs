//! One part of a path of the management API.

/// Whether a text can be one part of a path. It is percent-encoded there, but every reader of URLs drops `.` and `..`, also when they
/// are encoded (WHATWG URL, "single-dot" and "double-dot URL path segment"), and then the path names something else.
pub fn is_part(text: &str) -> bool {
    !text.is_empty() && text != "." && text != ".."
}

/// The text as one part of a path: what is no letter, digit or harmless punctuation is percent-encoded. A colon is encoded too: behind a
/// raw one Google's servers read a custom method (AIP-136). So are tabs and line breaks, which a parser of URLs drops. The error says why a
/// text cannot be a part.
pub fn encode(text: &str) -> Result<String, String> {
    if !is_part(text) {
        return Err(format!(
            "`{text}` cannot be a segment of an API path, because URL parsers remove it: use another name"
        ));
    }
    Ok(text.bytes().fold(String::with_capacity(text.len()), |path, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~@!$'()*,".contains(&byte) {
            path + &char::from(byte).to_string()
        } else {
            path + &format!("%{byte:02X}")
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_one_part_or_none() {
        for (text, expected) in [
            ("a b/c?#%", "a%20b%2Fc%3F%23%25"),
            ("x\ty\nz\r", "x%09y%0Az%0D"),
            ("a:b+c&d=e;f", "a%3Ab%2Bc%26d%3De%3Bf"),
            ("bob@example.com", "bob@example.com"),
            ("é", "%C3%A9"),
            ("...", "..."),
            ("%2e%2e", "%252e%252e"),
            ("\\", "%5C"),
        ] {
            assert_eq!(encode(text).as_deref(), Ok(expected));
        }
        for text in ["", ".", ".."] {
            assert!(encode(text).is_err(), "{text}");
        }
    }
}
