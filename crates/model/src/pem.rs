//! Certificates and private keys in PEM (RFC 7468), by what they hold: line ends, blanks, headers of tools and text around them mean nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use pkcs8::PrivateKeyInfoRef;
use sec1::EcPrivateKey;

/// The line before a certificate.
pub const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// The line behind it.
pub const END: &str = "-----END CERTIFICATE-----";

/// `rsaEncryption` (RFC 8017, appendix C).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// `id-ecPublicKey` (RFC 5480, section 2.1.1).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// What the labels of certificates end with: OpenSSL writes `X509` or `TRUSTED` before it.
const CERTIFICATE: &str = "CERTIFICATE";

/// What the labels of private keys end with.
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// One part of a text, from `-----BEGIN` to `-----END`.
struct Section {
    label: String,
    /// The lines before the base64, which an encrypted key of OpenSSL's old form has.
    headers: String,
    /// Without line breaks.
    base64: String,
    /// None: it is no base64.
    der: Option<Vec<u8>>,
}

/// The parts of a text in their order.
fn sections(text: &str) -> Vec<Section> {
    text.split("-----BEGIN ").skip(1).filter_map(section).collect()
}

fn section(text: &str) -> Option<Section> {
    let (label, rest) = text.split_once("-----")?;
    let body = rest.split("-----END ").next().unwrap_or_default();
    let lines: Vec<&str> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    // Base64 has no colon. A header goes on in lines that begin with a blank, which none of these tools writes.
    let (headers, data): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| line.contains(':'));
    let base64: String = data.concat().split_whitespace().collect();
    let whole = format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n");
    let der = pem::parse(whole).ok().map(pem::Pem::into_contents);
    Some(Section { label: label.trim().to_owned(), headers: headers.join("\n"), base64, der })
}

/// The certificates of a text in their order: each in base64, without line breaks. What stands between them means nothing.
pub fn certificates(text: &str) -> Vec<String> {
    let sections = sections(text).into_iter().filter(|section| section.label.ends_with(CERTIFICATE));
    sections.map(|section| section.der.map_or(section.base64, |der| STANDARD.encode(der))).collect()
}

/// Whether base64 holds a SEQUENCE of DER, as every certificate is (RFC 5280, section 4.1).
pub fn is_der(base64: &str) -> bool {
    STANDARD.decode(base64).is_ok_and(|der| der.first() == Some(&0x30))
}

/// A private key by what it is, so that the same key in another form is the same.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    /// What it is, unless it is encrypted; then its bytes.
    pub meaning: Vec<u8>,
    /// Its meaning is not known here without its password.
    pub is_encrypted: bool,
}

/// The first private key of a text: PKCS #8, and the forms of RSA (PKCS #1) and of elliptic curves (SEC 1) before it.
pub fn private_key(text: &str) -> Option<PrivateKey> {
    let section = sections(text).into_iter().find(|section| section.label.ends_with(PRIVATE_KEY))?;
    // Apigee says what is wrong with one that is no base64; here it is only compared, and nothing is known of its password.
    let is_encrypted = section.label.starts_with("ENCRYPTED") || !section.headers.is_empty() || section.der.is_none();
    let der = section.der.unwrap_or_else(|| section.base64.into_bytes());
    let meaning = if is_encrypted { None } else { meaning(&section.label, &der) };
    let bytes = || [section.label.as_bytes(), &[0], section.headers.as_bytes(), &[0], &der].concat();
    Some(PrivateKey { meaning: meaning.unwrap_or_else(bytes), is_encrypted })
}

/// Algorithm, parameters and key, for the forms that are known.
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
        assert_eq!(certificates(&format!("{BEGIN}\n?\n{END}")), ["?"], "it is reported by who checks it");
        assert!(certificates("none").is_empty());
    }

    /// A key of the old form and of PKCS #8, made with OpenSSL.
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
