//! `$ref`: references to other parts of a document.

use std::borrow::Cow;

use serde_json::Value as Json;

/// The reference of a value, as written.
pub(super) fn of(value: &Json) -> Option<&str> {
    value.get("$ref").and_then(Json::as_str)
}

/// The value that a reference within the document points to.
pub(super) fn find<'d>(document: &'d Json, target: &str) -> Option<&'d Json> {
    document.pointer(&decoded(target.strip_prefix('#')?))
}

/// Percent-decodes a JSON pointer in a URI fragment (RFC 6901, section 6).
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return text.into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = code.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}
