//! Segments of paths of the management API.

/// True if a text can be a segment of a path. Segments are percent-encoded, but every URL parser removes `.` and `..`, even if they are
/// encoded (WHATWG URL, "single-dot" and "double-dot URL path segment"), and then the path names another resource.
pub fn is_part(text: &str) -> bool {
    !text.is_empty() && text != "." && text != ".."
}

/// The text as a segment of a path: everything except letters, digits and harmless punctuation is percent-encoded. A colon is encoded too,
/// because Google's servers read a custom method after a plain one (AIP-136). So are tabs and line breaks, which URL parsers remove. The
/// error says why a text cannot be a segment.
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
