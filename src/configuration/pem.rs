//! Certificates in PEM (RFC 7468).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The line before a certificate.
pub const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The line behind it.
pub const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a text in their order: each in base64, without line breaks. What stands between them means nothing.
pub fn certificates(text: &str) -> Vec<String> {
    let base64 = |part: &str| part.split(END).next().unwrap_or_default().split_whitespace().collect();
    text.split(BEGIN).skip(1).map(base64).collect()
}

/// Whether base64 holds a SEQUENCE of DER, as every certificate is (RFC 5280, section 4.1).
pub fn is_der(base64: &str) -> bool {
    STANDARD.decode(base64).is_ok_and(|der| der.first() == Some(&0x30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_remarks_mean_nothing() {
        let one = format!("subject=a\n{BEGIN}\nab\ncd\n{END}\nsubject=b\n{BEGIN}\r\nef\r\n{END}\r\n");
        assert_eq!(certificates(&one), ["abcd", "ef"]);
        assert_eq!(certificates(&format!("{BEGIN}\na\nbcd\n{END}{BEGIN}ef{END}")), ["abcd", "ef"]);
        assert!(certificates("none").is_empty());
    }
}
