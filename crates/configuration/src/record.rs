//! Records of managed resources: the owner, a digest of what was applied, and the commit.
//!
//! Most kinds of Apigee have no field for a mark, so the records are in a key-value map of the same environment or organization, with one
//! entry for each resource (`record_entries`: more if it has many parts). A resource without a record is not managed by apigee-flux and is never changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::document::{ConfigurationDeletionPolicy, Id};
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::lifecycle::WhenGone;
use apigee_flux_model::limits::texts;
use apigee_flux_model::names::RevisionId;
use apigee_flux_model::provenance::Provenance;

/// The key-value map of each environment and organization that contains the records.
pub const MAP: &str = "apigee-flux";

/// The maximum size of the value of a key-value map entry, in bytes.
pub const MAX_VALUE_BYTES: usize = texts::MAP_VALUE.max;

/// The record of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The resource.
    #[serde(flatten)]
    pub id: Id,
    /// The owner of the resource.
    pub owner: String,
    /// The namespace whose Jobs apply it; `None` in a record of version 0.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The identity of the cluster whose Jobs apply it; `None` if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The digest of the bundle or entry that was applied, in hexadecimal digits.
    pub digest: String,
    /// What happens when the resource is removed from Git.
    #[serde(default)]
    pub when_gone: WhenGone,
    /// The managed parts of the resource: entries of a map, aliases of a keystore.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// The state of Git that made the value, which may be older than the state that last confirmed it.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// The uid of the Job whose run last wrote the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The uid of the Job in another namespace from which the resource was moved to this one: its late runs must not take it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded: Option<String>,
    /// The owner from which it was adopted: the two owners must not take it from each other in turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_from: Option<String>,
    /// The deployed revision of a proxy or shared flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RecordedRevision>,
    /// What the revisions of a proxy or shared flow contain: the first [`CONTENT_DIGITS`] hexadecimal digits of the digest, or nothing for a revision of
    /// another tool. A run that looks for a bundle need not read them again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contents: BTreeMap<RevisionId, String>,
    /// The last attempt to deploy a bundle, if it failed for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<RecordedFailure>,
}

/// The number of digits of a digest in [`Record::contents`]: what it says is verified before it is relied on.
pub const CONTENT_DIGITS: usize = 12;

/// The revision that a run deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRevision {
    /// The number.
    pub id: RevisionId,
    /// When Apigee last changed the revision, in milliseconds since 1970 (`lastModifiedAt`): a later time is an edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<u64>,
    /// When the deployment started that a run confirmed, in milliseconds since 1970 (`deployStartTime`): another time is another deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
}

/// An attempt that failed for good: the same Job does not try the same bundle again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFailure {
    /// The digest of the bundle.
    pub digest: Digest,
    /// The uid of the Job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// The exit code of the attempt.
    pub code: u8,
    /// Why, in one line.
    pub reason: String,
}

impl From<ConfigurationDeletionPolicy> for WhenGone {
    fn from(policy: ConfigurationDeletionPolicy) -> Self {
        match policy {
            ConfigurationDeletionPolicy::Orphan => Self::Orphan,
            ConfigurationDeletionPolicy::Delete => Self::Delete,
        }
    }
}

/// A part of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// The name of the part.
    pub name: String,
    /// A digest of the values that Apigee does not return, to detect new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The name that Apigee assigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

impl Part {
    /// A part without values that Apigee does not return.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), digest: None, server_name: None }
    }
}

impl Record {
    /// A record without parts and without provenance.
    pub fn new(id: Id, owner: &str, digest: &str, when_gone: WhenGone) -> Self {
        Self {
            id,
            owner: owner.to_owned(),
            namespace: None,
            cluster: None,
            digest: digest.to_owned(),
            when_gone,
            parts: Vec::new(),
            provenance: Provenance::default(),
            job: None,
            superseded: None,
            taken_from: None,
            revision: None,
            contents: BTreeMap::new(),
            failure: None,
        }
    }

    /// The key of a resource's entry, with a digest of the name, which may contain characters that are not allowed in an API path.
    pub fn key(id: &Id) -> String {
        let whole = format!("{}\n{}\n{}", id.kind, id.parent.as_deref().unwrap_or_default(), id.name);
        format!("{}.{}", id.kind, hex(&Sha256::digest(whole), 24))
    }

    /// The record as text; longer than an entry allows if it has many parts: see [`to_entries`](Self::to_entries).
    pub fn to_value(&self) -> String {
        // A struct of strings always has a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Parses the value of an entry; `None` if it is not a record.
    pub fn parse(value: &str) -> Option<Self> {
        serde_json::from_str(value).ok()
    }

    /// The record without digests of secrets.
    #[must_use]
    pub fn without_digests(mut self) -> Self {
        for part in &mut self.parts {
            part.digest = None;
        }
        self
    }

    /// Finds a part by its name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }
}

/// A digest of a secret that Apigee does not return. It includes the resource and the part, so that equal secrets have different digests.
pub fn secret_digest(id: &Id, part: &str, secret: &[u8]) -> String {
    let mut hash = Sha256::new();
    for text in [id.kind.as_str(), id.parent.as_deref().unwrap_or_default(), &id.name, part] {
        hash.update(text);
        hash.update([0]);
    }
    hash.update(secret);
    hex(&hash.finalize(), 32)
}

/// The first hexadecimal digits. Their number must be even.
pub(crate) fn hex(bytes: &[u8], digits: usize) -> String {
    bytes.iter().take(digits / 2).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(parts: usize) -> Record {
        let id = Id { kind: "ApigeeKeyValueMap".into(), parent: None, name: "a b/c".into() };
        Record {
            parts: (0..parts).map(|index| Part::named(&format!("entry-{index:04}"))).collect(),
            provenance: Provenance { commit: Some("c".into()), ..Provenance::default() },
            ..Record::new(id, "team", "d", WhenGone::Delete)
        }
    }

    #[test]
    fn a_record_is_read_back() {
        let record = record(2);
        assert_eq!(Record::parse(&record.to_value()), Some(record));
        assert_eq!(Record::parse("{}"), None);
        assert_eq!(Record::parse("hello"), None);
    }

    #[test]
    fn digests_are_taken_out() {
        let mut known = record(1);
        known.parts[0].digest = Some("d".into());
        assert_eq!(known.without_digests(), record(1));
    }

    #[test]
    fn keys_are_safe_in_a_path_and_differ() {
        let key = |parent: Option<&str>, name: &str| {
            Record::key(&Id { kind: "K".into(), parent: parent.map(str::to_owned), name: name.into() })
        };
        assert_ne!(key(Some("a"), "b"), key(None, "a\nb"));
        assert!(key(None, "a b/c?#").chars().all(|c| c.is_ascii_alphanumeric() || c == '.'));
    }
}
