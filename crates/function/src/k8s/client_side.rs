//! The size of an object that a client-side apply can store.
//!
//! `kubectl apply` and Argo CD's default apply write the whole object as JSON into its annotation `kubectl.kubernetes.io/last-applied-configuration`.
//! All annotations of an object together may have 256 KiB (Kubernetes, `apimachinery/pkg/api/validation`, `TotalAnnotationSizeLimitB`), so such a tool
//! cannot apply a larger object at all. etcd's own limit of 1.5 MiB is far above it.

use std::io::{self, Write};

use serde::Serialize;

/// Objects that can be split are filled up to this size of their JSON, in bytes.
pub(crate) const FILL_BYTES: usize = 240 * 1024;

/// The largest object that is rendered, in bytes of JSON: the limit without 4 KiB for other annotations and for what kustomize adds to the object.
pub(crate) const MAX_BYTES: usize = 252 * 1024;

/// The size of a value as the JSON that `kubectl` writes into the annotation, in bytes.
pub(crate) fn json_bytes(value: &impl Serialize) -> Result<usize, String> {
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value).map_err(|error| error.to_string())?;
    Ok(counter.0)
}

/// The size of a text as a string in that JSON, in bytes, with its quotation marks.
pub(crate) fn text_bytes(text: &str) -> usize {
    2 + text.bytes().map(escaped).sum::<usize>()
}

/// The size of bytes as base64 text with its quotation marks, in bytes.
pub(crate) fn binary_bytes(length: usize) -> usize {
    2 + length.div_ceil(3) * 4
}

/// The size of one byte of a text. Go's encoder escapes the characters of HTML too (package `encoding/json`, `HTMLEscape`).
fn escaped(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        b'<' | b'>' | b'&' | 0..=0x1f => 6,
        _ => 1,
    }
}

/// Counts JSON as Go would write it.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        // Only the characters of HTML are written differently; they are in strings only.
        let html = json.iter().filter(|byte| matches!(byte, b'<' | b'>' | b'&')).count();
        self.0 += json.len() + 5 * html;
        Ok(json.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_that_of_go() {
        // fmt.Println(len(json.Marshal("<a b=\"c\">\n&é</a>")))
        let text = "<a b=\"c\">\n&é</a>";
        assert_eq!(text_bytes(text), "\"\\u003ca b=\\\"c\\\"\\u003e\\n\\u0026é\\u003c/a\\u003e\"".len());
        assert_eq!(json_bytes(&text), Ok(text_bytes(text)));
        assert_eq!(binary_bytes(4), "\"AAAAAA==\"".len());
    }
}
