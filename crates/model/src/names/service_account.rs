//! The name of a Google service account on the command line.

use std::fmt;
use std::str::FromStr;

/// The email address of a Google service account.
///
/// Invariant: it has only characters that need no encoding in a URL path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceAccount(String);

impl ServiceAccount {
    /// The email address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The resource name by which IAM Credentials knows a delegate (discovery document `iamcredentials.v1`,
    /// `GenerateAccessTokenRequest.delegates`).
    pub fn delegate(&self) -> String {
        format!("projects/-/serviceAccounts/{}", self.0)
    }
}

impl FromStr for ServiceAccount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        };
        match text.split_once('@') {
            Some((name, domain)) if word(name) && word(domain) && domain.contains('.') => Ok(Self(text.to_owned())),
            _ => Err(format!(
                "`{text}` is not the email address of a Google service account; expected an address like \
                 deployer@project.iam.gserviceaccount.com; separate several addresses by commas without spaces"
            )),
        }
    }
}

impl fmt::Display for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_email_address_will_do() {
        for text in ["deployer@acme.iam.gserviceaccount.com", "12-compute@developer.gserviceaccount.com"] {
            assert_eq!(text.parse::<ServiceAccount>().map(|account| account.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "deployer", "@acme.com", "a@b", "a/../b@c.com", "a@c.com:signBlob", "a@c.com ", "a@b@c.com"] {
            assert!(text.parse::<ServiceAccount>().is_err(), "{text}");
        }
    }
}
