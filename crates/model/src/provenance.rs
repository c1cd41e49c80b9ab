//! The origin of a bundle: the provenance `ConfigMap`, mounted beside the bundle.

use serde::{Deserialize, Serialize};

/// The optional provenance file. Every field is optional, and unknown fields of a newer render are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Provenance {
    /// The commit that was rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tag that was rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The author of the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When the commit was made, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The folder in the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl Provenance {
    /// Reads the file's content.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        // Through a map: serde reads a struct from a list too.
        let map: Result<serde_json::Map<_, _>, _> = serde_json::from_slice(bytes);
        map.and_then(|map| serde_json::from_value(map.into())).map_err(|error| {
            format!("{error}; expected a JSON object of strings like {{\"commit\": \"…\", \"tag\": \"…\"}}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_optional_and_more_is_ignored() {
        assert_eq!(Provenance::parse(b"{}"), Ok(Provenance::default()));
        let read = Provenance::parse(br#"{"commit": "abc", "author": "Jo", "later": {"x": 1}}"#).unwrap();
        assert_eq!((read.commit.as_deref(), read.author.as_deref()), (Some("abc"), Some("Jo")));
        assert!(Provenance::parse(b"[]").is_err());
        assert!(Provenance::parse(br#"{"commit": 1}"#).is_err());
    }
}
