//! `ExpandApigee`: the configuration of the function `expand-apigee`.

use schemars::JsonSchema;
use serde::Deserialize;

use apigee_flux_model::diag::plain::plain;

/// Configuration of the function `expand-apigee`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpandApigeeSpec {
    /// The commit that is rendered; it is written into the description of the revision in Apigee.
    pub provenance: Option<Provenance>,
}

/// Source, commit, tag, author and time of the commit. They are set explicitly, so that the output does not depend on a
/// clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
