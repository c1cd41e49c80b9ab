//! Certificates and private keys in PEM format (RFC 7468), by content: line breaks, spaces, tool headers and surrounding text are ignored.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Encode as _, SliceReader, Tag, Tagged as _};
use pem::{EncodeConfig, LineEnding};
use pkcs8::PrivateKeyInfoRef;
use sec1::EcPrivateKey;

/// The line before a certificate.
pub const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The line after a certificate.
pub const END: &str = "-----END CERTIFICATE-----";

/// `rsaEncryption` (RFC 8017, appendix C).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// `id-ecPublicKey` (RFC 5480, section 2.1.1).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The suffix of the labels of certificates: OpenSSL writes `X509` or `TRUSTED` before it.
const CERTIFICATE: &str = "CERTIFICATE";

/// The suffix of the labels of private keys.
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// One section of a text, from `-----BEGIN` to `-----END`.
struct Section {
    label: String,
    /// The header lines before the base64 of an encrypted key in OpenSSL's traditional format.
    headers: String,
    /// Without line breaks.
    base64: String,
    /// The decoded bytes; `None` if the base64 is invalid.
    der: Option<Vec<u8>>,
}

/// The sections of a text in their order. [`pem::parse_many`] stops at the first section that is invalid and ends the headers at an empty
/// line, so each section is brought into its form.
fn sections(text: &str) -> Vec<Section> {
    text.split("-----BEGIN ").skip(1).filter_map(section).collect()
}

fn section(text: &str) -> Option<Section> {
    let (label, rest) = text.split_once("-----")?;
    let body = rest.split("-----END ").next().unwrap_or_default();
    let lines: Vec<&str> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // Base64 has no colon. Headers may continue in lines that begin with a space, but none of these tools writes such lines.
    let (headers, data): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| line.contains(':'));
    let base64: String = data.concat().split_whitespace().collect();
    let whole = format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n");
    let der = pem::parse(whole).ok().map(pem::Pem::into_contents);
    Some(Section { label: label.trim().to_owned(), headers: headers.join("\n"), base64, der })
}

/// The certificates of a text in their order, each as base64 without line breaks. Text between them is ignored.
pub fn certificates(text: &str) -> Vec<String> {
    let sections = sections(text).into_iter().filter(|section| section.label.ends_with(CERTIFICATE));
    sections.map(|section| section.der.map_or(section.base64, |der| STANDARD.encode(der))).collect()
}

/// A certificate in PEM format.
pub fn encode_certificate(der: &[u8]) -> String {
    pem::encode_config(&pem::Pem::new(CERTIFICATE, der), EncodeConfig::new().set_line_ending(LineEnding::LF))
}

/// Whether base64 encodes a DER SEQUENCE, as every certificate does (RFC 5280, section 4.1), and all of it. OpenSSL appends trust settings to
/// a `TRUSTED CERTIFICATE`.
pub fn is_der(base64: &str) -> bool {
    let Ok(der) = STANDARD.decode(base64) else { return false };
    let sequence = SliceReader::new(&der).and_then(|mut reader| AnyRef::decode(&mut reader));
    sequence.is_ok_and(|sequence| sequence.tag() == Tag::Sequence)
}

/// A private key in normalized form, so that the same key in different encodings compares equal.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    /// The algorithm, parameters and key; the raw bytes if the key is encrypted.
    pub meaning: Vec<u8>,
    /// Whether the key is encrypted, so that its content is not known without the password.
    pub is_encrypted: bool,
}

/// The first private key of a text: PKCS #8, or the older forms of RSA (PKCS #1) and of elliptic curves (SEC 1).
pub fn private_key(text: &str) -> Option<PrivateKey> {
    let section = sections(text).into_iter().find(|section| section.label.ends_with(PRIVATE_KEY))?;
    // Apigee reports a key with invalid base64; here it is only compared, and it is unknown whether it has a password.
    let is_encrypted = section.label.starts_with("ENCRYPTED") || !section.headers.is_empty() || section.der.is_none();
    let der = section.der.unwrap_or_else(|| section.base64.into_bytes());
    let meaning = if is_encrypted { None } else { meaning(&section.label, &der) };
    let bytes = || [section.label.as_bytes(), &[0], section.headers.as_bytes(), &[0], &der].concat();
    Some(PrivateKey { meaning: meaning.unwrap_or_else(bytes), is_encrypted })
}

/// The algorithm, parameters and key, for the supported forms.
fn meaning(label: &str, der: &[u8]) -> Option<Vec<u8>> {
    let of = |algorithm: ObjectIdentifier, parameters: &[u8], key: &[u8]| {
        Some([algorithm.as_bytes(), &[0], parameters, &[0], key].concat())
    };
    let of_curve = |parameters: &[u8], key: &EcPrivateKey<'_>| of(EC, parameters, key.private_key);
    match label {
        "RSA PRIVATE KEY" => of(RSA, &[], der),
        "EC PRIVATE KEY" => {
            let key = EcPrivateKey::from_der(der).ok()?;
            of_curve(&key.parameters.as_ref()?.to_der().ok()?, &key)
        }
        "PRIVATE KEY" => {
            let info = PrivateKeyInfoRef::from_der(der).ok()?;
            let (algorithm, inner) = (info.algorithm.oid, info.private_key.as_bytes());
            let parameters = match info.algorithm.parameters {
                Some(parameters) => parameters.to_der().ok()?,
                None => Vec::new(),
            };
            match algorithm {
                RSA => of(RSA, &[], inner),
                EC => of_curve(&parameters, &EcPrivateKey::from_der(inner).ok()?),
                other => of(other, &parameters, inner),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_remarks_mean_nothing() {
        let one = format!("subject=a\n{BEGIN}\nab\ncd\n{END}\nsubject=b\n{BEGIN}\r\nefgh\r\n{END}\r\n");
        assert_eq!(certificates(&one), ["abcd", "efgh"]);
        assert_eq!(certificates(&format!("{BEGIN}\na\nbcd\n{END}{BEGIN}efgh{END}")), ["abcd", "efgh"]);
        let spaced = format!("  {BEGIN} \n\n  ab\tcd \n\n  {END}");
        assert_eq!(certificates(&spaced), ["abcd"]);
        assert_eq!(certificates(&spaced.replace("CERTIFICATE", "X509 CERTIFICATE")), ["abcd"]);
        assert_eq!(certificates(&format!("{BEGIN}\n?\n{END}")), ["?"], "the caller reports it");
        assert!(certificates("none").is_empty());
    }

    #[test]
    fn a_certificate_is_a_whole_sequence() {
        for (der, expected) in [
            (&[0x30, 1, 1][..], true),
            (&[0x30, 1, 1, 0x30, 0], true),
            (&[0x30, 2, 1], false),
            (&[0x30, 0x82, 1, 0], false),
            (&[4, 1, 1], false),
            (&[], false),
        ] {
            assert_eq!(is_der(&STANDARD.encode(der)), expected, "{der:?}");
        }
        assert!(!is_der("?"));
    }

    /// The same key in the older form and as PKCS #8, created with OpenSSL.
    const EC_OLD: &str = include_str!("../../../testdata/keys/ec-sec1.pem");
    const EC_NEW: &str = include_str!("../../../testdata/keys/ec-pkcs8.pem");
    const RSA_OLD: &str = include_str!("../../../testdata/keys/rsa-pkcs1.pem");
    const RSA_NEW: &str = include_str!("../../../testdata/keys/rsa-pkcs8.pem");
    const ENCRYPTED: &str = include_str!("../../../testdata/keys/rsa-encrypted.pem");

    fn key(text: &str) -> Vec<u8> {
        private_key(text).unwrap().meaning
    }

    #[test]
    fn a_key_is_the_same_in_every_form() {
        assert!(key(EC_OLD) == key(EC_NEW) && key(RSA_OLD) == key(RSA_NEW) && key(EC_OLD) != key(RSA_OLD));
        for text in [EC_OLD, EC_NEW, RSA_OLD, RSA_NEW, ENCRYPTED] {
            for other in [
                text.replace('\n', "\r\n"),
                text.trim_end().to_owned(),
                format!("Bag Attributes\n    friendlyName: a\n{text}"),
                format!("{text}{BEGIN}\nMAEB\n{END}\n"),
                text.replace('\n', " \n  "),
            ] {
                assert!(key(text) == key(&other), "{other}");
            }
        }
        assert!(private_key(ENCRYPTED).unwrap().is_encrypted && !private_key(RSA_NEW).unwrap().is_encrypted);
        assert!(private_key(&format!("{BEGIN}\nMAEB\n{END}")).is_none());
    }

    #[test]
    fn the_headers_of_an_encrypted_key_belong_to_it() {
        let with = |salt: &str| {
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{salt}\n\nMAEB\n-----END RSA PRIVATE KEY-----\n"
            )
        };
        assert!(key(&with("AA")) == key(&with("AA").replace('\n', "\r\n")) && key(&with("AA")) != key(&with("BB")));
        assert!(private_key(&with("AA")).unwrap().is_encrypted);
    }
}
