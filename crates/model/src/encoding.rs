//! Decodes bytes as text. All files that people write must be UTF-8; otherwise the error says which encoding it is and how to convert it.

/// Bytes that are not UTF-8.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct NotUtf8 {
    /// The encoding of the bytes, or the invalid byte: one line.
    pub message: String,
    /// How to convert them.
    pub help: String,
    /// Line and column of the first invalid byte, from 1; `None` if the whole text has another encoding.
    pub position: Option<(usize, usize)>,
}

/// The text of bytes without a byte order mark at the start, which only marks the encoding.
pub fn text(bytes: &[u8]) -> Result<&str, NotUtf8> {
    utf8(bytes).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The text of bytes, as it is.
pub fn utf8(bytes: &[u8]) -> Result<&str, NotUtf8> {
    if let Some((name, iconv)) = other_encoding(bytes) {
        return Err(NotUtf8 {
            message: format!("the encoding is {name}, not UTF-8"),
            help: format!(
                "convert it with `iconv -f {iconv} -t UTF-8 FILE > NEW`, or choose UTF-8 in the editor; PowerShell writes UTF-8 with \
                 `-Encoding utf8`"
            ),
            position: None,
        });
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let before = bytes.get(..at).unwrap_or_default();
        let line = before.split(|byte| *byte == b'\n').count();
        let line_start = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let column = String::from_utf8_lossy(line_start).trim_start_matches('\u{feff}').chars().count() + 1;
        let byte = bytes.get(at).copied().unwrap_or_default();
        NotUtf8 {
            message: format!("byte {at} (0x{byte:02X}) is not UTF-8"),
            help: "save the text as UTF-8; from a Windows code page, `iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW` converts it".to_owned(),
            position: Some((line, column)),
        }
    })
}

/// The encoding according to the byte order mark, or to the zero bytes of ASCII characters (YAML 1.2.2, 5.2): its name, and iconv's name.
pub fn other_encoding(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    Some(match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => ("UTF-32", "UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => ("UTF-16", "UTF-16"),
        [1..=255, 0, 0, 0, ..] => ("UTF-32", "UTF-32LE"),
        [0, 0, 0, 1..=255, ..] => ("UTF-32", "UTF-32BE"),
        [1..=255, 0, 1..=255, 0, ..] => ("UTF-16", "UTF-16LE"),
        [0, 1..=255, 0, 1..=255, ..] => ("UTF-16", "UTF-16BE"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(text(b"\xEF\xBB\xBFa"), Ok("a"));
        assert_eq!(utf8(b"\xEF\xBB\xBFa"), Ok("\u{feff}a"));
    }

    #[test]
    fn other_encodings_are_named() {
        let utf16 = |order: fn(u16) -> [u8; 2], mark: bool| {
            let mark = if mark { "\u{feff}" } else { "" };
            format!("{mark}kind: A\n").encode_utf16().flat_map(order).collect::<Vec<u8>>()
        };
        for (bytes, name, iconv) in [
            (utf16(u16::to_le_bytes, true), "UTF-16", "-f UTF-16 "),
            (utf16(u16::to_be_bytes, true), "UTF-16", "-f UTF-16 "),
            (utf16(u16::to_le_bytes, false), "UTF-16", "-f UTF-16LE "),
            (utf16(u16::to_be_bytes, false), "UTF-16", "-f UTF-16BE "),
            ("ki".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect(), "UTF-32", "-f UTF-32LE "),
        ] {
            let error = utf8(&bytes).unwrap_err();
            assert!(error.message.contains(name) && error.help.contains(iconv), "{error}");
        }
    }

    #[test]
    fn a_wrong_byte_has_its_place() {
        let error =
            utf8("\u{feff}a: b\r\nc: é".as_bytes().iter().chain(b"\xe9\r\n").copied().collect::<Vec<u8>>().as_slice())
                .unwrap_err();
        assert_eq!(error.position, Some((2, 5)));
        assert!(error.message.starts_with("byte 14 (0xE9)"), "{error}");
    }
}
