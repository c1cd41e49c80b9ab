//! What this program remembers of a resource that it made: who owns it, what it was, and which commit said so.
//!
//! Apigee has no place for a mark on most kinds, so the records stand beside them, in a key value map of the same place: an entry for
//! each resource. What has no record is somebody else's and is never touched.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::document::{DeletionPolicy, Id};
use apigee_flux_model::limits::texts;

/// The key value map of each environment and organization that holds the records.
pub const MAP: &str = "apigee-flux";

/// The longest value of a key value map's entry, in bytes.
pub const MAX_VALUE_BYTES: usize = texts::MAP_VALUE.max;

/// The record of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// What it is about.
    #[serde(flatten)]
    pub id: Id,
    /// Whose desired state it belongs to.
    pub owner: String,
    /// Of the entry, as it was applied.
    pub digest: String,
    /// What happens when it leaves Git.
    #[serde(default)]
    pub when_gone: WhenGone,
    /// Its parts that are ours: entries of a map, aliases of a keystore.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Who wrote the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When the commit was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// What happens in Apigee when a resource leaves Git.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenGone {
    /// It stays as it is.
    #[default]
    Orphan,
    /// A proxy or shared flow is taken out of the environment.
    Undeploy,
    /// It is deleted.
    Delete,
}

impl From<DeletionPolicy> for WhenGone {
    fn from(policy: DeletionPolicy) -> Self {
        match policy {
            DeletionPolicy::Orphan => Self::Orphan,
            DeletionPolicy::Delete => Self::Delete,
        }
    }
}

/// A part of a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Its name.
    pub name: String,
    /// A digest of what Apigee does not give back, so that a new value is seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The name that Apigee gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

impl Part {
    /// A part that can be read back.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), digest: None, server_name: None }
    }
}

impl Record {
    /// The key of a resource's entry: a name may hold what a path of the API may not.
    pub fn key(id: &Id) -> String {
        let whole = format!("{}\n{}\n{}", id.kind, id.parent.as_deref().unwrap_or_default(), id.name);
        format!("{}.{}", id.kind, hex(&Sha256::digest(whole), 24))
    }

    /// The value of the entry. Parts that do not fit are left out: then they stay in Apigee when they leave Git.
    pub fn to_value(&self) -> String {
        let mut record = self.clone();
        loop {
            // A struct of strings always has a JSON form.
            let text = serde_json::to_string(&record).unwrap_or_default();
            if text.len() <= MAX_VALUE_BYTES || record.parts.is_empty() {
                return text;
            }
            let kept = record.parts.len() / 2;
            record.parts.truncate(kept);
        }
    }

    /// Reads an entry's value; none if it is not one of ours.
    pub fn parse(value: &str) -> Option<Self> {
        serde_json::from_str(value).ok()
    }

    /// The record without what it knows of secrets.
    #[must_use]
    pub fn without_digests(mut self) -> Self {
        for part in &mut self.parts {
            part.digest = None;
        }
        self
    }

    /// A part by its name.
    pub fn part(&self, name: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.name == name)
    }
}

/// A digest of a secret that Apigee does not give back. It is bound to its place, so that equal secrets do not show as equal.
pub fn secret_digest(id: &Id, part: &str, secret: &[u8]) -> String {
    let mut hash = Sha256::new();
    for text in [id.kind.as_str(), id.parent.as_deref().unwrap_or_default(), &id.name, part] {
        hash.update(text);
        hash.update([0]);
    }
    hash.update(secret);
    hex(&hash.finalize(), 32)
}

/// The first hexadecimal digits, an even number.
fn hex(bytes: &[u8], digits: usize) -> String {
    bytes.iter().take(digits / 2).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(parts: usize) -> Record {
        Record {
            id: Id { kind: "ApigeeKeyValueMap".into(), parent: None, name: "a b/c".into() },
            owner: "team".into(),
            digest: "d".into(),
            when_gone: WhenGone::Delete,
            parts: (0..parts).map(|index| Part::named(&format!("entry-{index:04}"))).collect(),
            commit: Some("c".into()),
            tag: None,
            author: None,
            time: None,
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
    fn a_record_fits_an_entry() {
        let value = record(2000).to_value();
        assert!(value.len() <= MAX_VALUE_BYTES);
        assert!(Record::parse(&value).unwrap().parts.len() > 50);
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
