//! `ExpandApigee`: the function's own configuration.

use schemars::JsonSchema;
use serde::Deserialize;

use apigee_flux_model::diag::plain::plain;

/// Configuration of the function `expand-apigee`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExpandApigeeSpec {
    /// Where this state of Git comes from; it reaches the revision's description in Apigee.
    pub provenance: Option<Provenance>,
}

/// Commit, tag, author and time: given, never read from a clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, serde::Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Provenance {
    /// The repository's URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The commit's full hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tag or branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The commit's author, as `Name <address>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The commit's time, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

impl Provenance {
    /// The same with nothing in it that acts on whoever reads it: it reaches annotations and descriptions, and an author has any name.
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
