//! Names of organizations, environments, proxies and shared flows.

use std::fmt;
use std::str::FromStr;

use crate::limits::{path, texts};

/// A name that is safe as one part of a URL's path: 1 to 255 characters of `A-Z a-z 0-9 . _ -`, except `.` and `..`.
///
/// The set is that of proxy names (discovery document `apigee.v1`, `organizations.apis.create`, parameter `name`); the
/// names of organizations and environments are more restricted, which Apigee checks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The name as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !path::is_part(text) || text.len() > texts::BUNDLE.max || !text.chars().all(allowed) {
            return Err(format!(
                "`{text}` is not a valid name in Apigee; expected 1 to 255 of the characters A-Z a-z 0-9 . _ -"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_part_of_a_path() {
        for good in ["orders-v1", "a.b_c", "A"] {
            assert_eq!(good.parse::<Name>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", ".", "..", "a/b", "a b", "ä", "a?b", "a:b"] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
