//! The fields of X.509 certificates that Apigee returns. Nothing is verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use x509_cert::der::{Decode as _, SliceReader};
use x509_cert::time::Time;

use apigee_flux_model::pem::{self, BEGIN, END};

/// The fields of `GoogleCloudApigeeV1CertInfo` that are supported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Certificate {
    version: u8,
    serial: String,
    issuer: String,
    subject: String,
    /// Milliseconds since 1970.
    not_before: i64,
    not_after: i64,
}

/// The certificates of a PEM text in their order, or the certificate of a DER file. The error says what is invalid.
pub(crate) fn read(file: &[u8]) -> Result<Vec<Certificate>, String> {
    let Some(text) = pem_text(file) else {
        return parse(file)
            .map(|certificate| vec![certificate])
            .ok_or_else(|| "it is not an X.509 certificate in PEM or DER".to_owned());
    };
    let mut found = Vec::new();
    for base64 in pem::certificates(text) {
        let der = STANDARD
            .decode(base64)
            .map_err(|error| format!("certificate {} is not valid base64: {error}", found.len() + 1))?;
        found.push(parse(&der).ok_or_else(|| format!("certificate {} is not an X.509 certificate", found.len() + 1))?);
    }
    Ok(found)
}

/// A certificate file in PEM, unchanged or converted from DER.
pub(crate) fn to_pem(file: &[u8]) -> String {
    pem_text(file).map_or_else(|| pem::encode_certificate(file), str::to_owned)
}

/// The text of a file with certificates in PEM.
fn pem_text(file: &[u8]) -> Option<&str> {
    std::str::from_utf8(file).ok().filter(|text| !pem::certificates(text).is_empty())
}

/// Whether a chain has two certificates without a newline between them.
pub(crate) fn runs_together(file: &[u8]) -> bool {
    std::str::from_utf8(file).is_ok_and(|text| text.contains(&format!("{END}{BEGIN}")))
}

impl Certificate {
    /// Whether it has expired at `now`, in milliseconds since 1970.
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        self.not_after < i64::try_from(now).unwrap_or(i64::MAX)
    }

    /// As `GoogleCloudApigeeV1CertInfo`.
    pub(crate) fn to_json(&self, now: u64) -> Value {
        let valid = if self.is_expired(now) {
            "No"
        } else if self.not_before > i64::try_from(now).unwrap_or(i64::MAX) {
            "Not yet"
        } else {
            "Yes"
        };
        json!({
            "version": self.version,
            "serialNumber": self.serial,
            "issuer": self.issuer,
            "subject": self.subject,
            "validFrom": self.not_before.to_string(),
            "expiryDate": self.not_after.to_string(),
            "isValid": valid,
        })
    }
}

/// Reads one certificate. A name is written as in RFC 4514, the last part first.
fn parse(der: &[u8]) -> Option<Certificate> {
    // OpenSSL appends trust settings to a `TRUSTED CERTIFICATE`.
    let certificate = x509_cert::Certificate::decode(&mut SliceReader::new(der).ok()?).ok()?;
    let fields = certificate.tbs_certificate();
    let validity = fields.validity();
    let serial = fields.serial_number().as_bytes();
    Some(Certificate {
        version: fields.version() as u8 + 1,
        serial: serial.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"),
        issuer: fields.issuer().to_string(),
        subject: fields.subject().to_string(),
        not_before: milliseconds(validity.not_before)?,
        not_after: milliseconds(validity.not_after)?,
    })
}

/// A time in milliseconds since 1970.
fn milliseconds(time: Time) -> Option<i64> {
    i64::try_from(time.to_unix_duration().as_millis()).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Created with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 3650 -subj /O=Acme/CN=orders.example`.
    pub(crate) const PEM: &str = include_str!("../../../../../testdata/certificate.pem");

    #[test]
    fn a_certificate_says_who_and_how_long() {
        let certificates = read(PEM.as_bytes()).unwrap();
        let shown = certificates[0].to_json(1_800_000_000_000);
        assert_eq!(shown["subject"], "CN=orders.example,O=Acme");
        assert_eq!(shown["isValid"], "Yes");
        let length = certificates[0].not_after - certificates[0].not_before;
        assert_eq!(length, 3650 * 24 * 60 * 60 * 1000);
        assert!(certificates[0].is_expired(9_000_000_000_000));
    }

    /// The fields as `openssl x509 -nameopt RFC2253,-esc_msb,utf8` shows them.
    #[test]
    fn a_certificate_has_the_fields_that_openssl_shows() {
        let text = include_str!("../../../../../testdata/certificate-names.pem");
        let name = "CN=orders.example,DC=example,OU=a\\+b,O=Müller\\, Söhne,C=DE";
        let expected = json!([{
            "version": 1,
            "serialNumber": "00:ff:00:11:22:33",
            "issuer": name,
            "subject": name,
            // The second time is after 2049, which another ASN.1 type encodes.
            "validFrom": "1796068861000",
            "expiryDate": "3057508861000",
            "isValid": "Not yet",
        }]);
        let der = STANDARD.decode(&pem::certificates(text)[0]).unwrap();
        for file in [text.as_bytes(), &der, &[&der, "trust settings".as_bytes()].concat()] {
            let shown: Vec<Value> = read(file).unwrap().iter().map(|certificate| certificate.to_json(0)).collect();
            assert_eq!(json!(shown), expected);
        }
        assert_eq!((to_pem(&der).as_str(), to_pem(text.as_bytes()).as_str()), (text, text));
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(read(b"hello").is_err());
        assert!(read(b"").is_err());
        assert!(read(format!("{BEGIN}\nAAAA\n{END}").as_bytes()).is_err());
        assert!(read(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(runs_together(format!("{}{}", PEM.trim(), PEM).as_bytes()));
        assert!(!runs_together(format!("{PEM}{PEM}").as_bytes()));
    }
}
