//! Reads the fields of an X.509 certificate from its DER form (RFC 5280, section 4.1). Nothing is verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

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
    let Some(text) = std::str::from_utf8(file).ok().filter(|text| text.contains(BEGIN)) else {
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
    if let Some(text) = std::str::from_utf8(file).ok().filter(|text| text.contains(BEGIN)) {
        return text.to_owned();
    }
    let base64 = STANDARD.encode(file);
    let lines: Vec<&str> =
        (0..base64.len()).step_by(64).filter_map(|at| base64.get(at..base64.len().min(at + 64))).collect();
    format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"))
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

/// Reads one certificate.
fn parse(der: &[u8]) -> Option<Certificate> {
    let (_, certificate, _) = element(der)?;
    let (_, mut rest, _) = element(certificate)?;
    let mut version = 1;
    if let Some((0xa0, explicit, after)) = element(rest) {
        version = element(explicit)?.1.last()?.checked_add(1)?;
        rest = after;
    }
    let (_, serial, rest) = element(rest)?;
    let (_, _algorithm, rest) = element(rest)?;
    let (_, issuer, rest) = element(rest)?;
    let (_, validity, rest) = element(rest)?;
    let (_, subject, _) = element(rest)?;
    let (from_tag, from, after) = element(validity)?;
    let (to_tag, to, _) = element(after)?;
    let serial = serial.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
    Some(Certificate {
        version,
        serial,
        issuer: name(issuer),
        subject: name(subject),
        not_before: time(from_tag, from)?,
        not_after: time(to_tag, to)?,
    })
}

/// The first element: its tag, its content, and the remaining bytes.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    let mut length = usize::from(first & 0x7f);
    if first & 0x80 != 0 {
        let (digits, after) = rest.split_at_checked(length.min(4))?;
        length = digits.iter().fold(0, |length, digit| (length << 8) | usize::from(*digit));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

/// A distinguished name, the last part first as in RFC 4514.
fn name(der: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut rest = der;
    while let Some((_, set, after)) = element(rest) {
        rest = after;
        let part = element(set).and_then(|(_, pair, _)| {
            let (_, id, value) = element(pair)?;
            let (_, value, _) = element(value)?;
            let key = match id {
                [0x55, 4, 3] => "CN",
                [0x55, 4, 6] => "C",
                [0x55, 4, 7] => "L",
                [0x55, 4, 8] => "ST",
                [0x55, 4, 10] => "O",
                [0x55, 4, 11] => "OU",
                _ => return None,
            };
            Some(format!("{key}={}", String::from_utf8_lossy(value)))
        });
        parts.extend(part);
    }
    parts.reverse();
    parts.join(",")
}

/// UTCTime or GeneralizedTime in milliseconds since 1970.
fn time(tag: u8, text: &[u8]) -> Option<i64> {
    let digits: Vec<i64> = text.iter().take_while(|c| c.is_ascii_digit()).map(|c| i64::from(c - b'0')).collect();
    let two = |at: usize| Some(digits.get(at)? * 10 + digits.get(at + 1)?);
    let (year, at) = match tag {
        // Years from 50 to 99 are in the 20th century.
        0x17 => (two(0).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
        0x18 => (two(0)? * 100 + two(2)?, 4),
        _ => return None,
    };
    let (month, day, hour, minute, second) = (two(at)?, two(at + 2)?, two(at + 4)?, two(at + 6)?, two(at + 8)?);
    // Days since 1970 in the proleptic Gregorian calendar, with years that start in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
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

    #[test]
    fn times_are_counted_from_1970() {
        assert_eq!(time(0x17, b"700101000000Z"), Some(0));
        assert_eq!(time(0x18, b"20000229123456Z"), Some(951_827_696_000));
        assert_eq!(time(0x17, b"70"), None);
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
