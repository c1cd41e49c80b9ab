//! Which commit is rendered: set in the spec, carried by a ConfigMap, and recorded in Apigee.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::diag::plain::plain;

/// Source, commit, tag, author and time of the commit. They are set explicitly, so that the output does not depend on a
/// clock.
// Unknown fields are an error in a spec, by the schema, but not in the file that a newer render wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Provenance {
    /// The URL of the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The full hash of the commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tag or branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The author of the commit, as `Name <address>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The time of the commit, in the format of RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

impl Provenance {
    /// Reads the content of the file that is mounted beside a bundle. Fields of a newer render are ignored.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        // Through a map: serde reads a struct from a list too.
        let map: Result<serde_json::Map<_, _>, _> = serde_json::from_slice(bytes);
        map.and_then(|map| serde_json::from_value(map.into())).map_err(|error| {
            format!("{error}; expected a JSON object of strings like {{\"commit\": \"…\", \"tag\": \"…\"}}")
        })
    }

    /// The same with control characters and direction marks escaped: the texts are written into annotations and
    /// descriptions, and the name of an author is arbitrary.
    #[must_use]
    pub fn plain(self) -> Self {
        let plain = |field: Option<String>| field.map(plain);
        Self {
            source: plain(self.source),
            commit: plain(self.commit),
            tag: plain(self.tag),
            author: plain(self.author),
            time: plain(self.time),
        }
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
