//! Records of managed resources: the owner, a digest of what was applied, and the commit.
//!
//! Most kinds of Apigee have no field for a mark, so the records are in a key-value map of the same environment or organization, with one
//! entry for each resource. A resource without a record is not managed by apigee-flux and is never changed.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::document::{ConfigurationDeletionPolicy, Id};
use apigee_flux_model::limits::texts;

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
    /// The digest of the entry that was applied.
    pub digest: String,
    /// What happens when the resource is removed from Git.
    #[serde(default)]
    pub when_gone: WhenGone,
    /// The managed parts of the resource: entries of a map, aliases of a keystore.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// The commit that was applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The tag of the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The author of the commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// When the commit was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

/// What happens in Apigee when a resource is removed from Git.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WhenGone {
    /// It is kept unchanged.
    #[default]
    Orphan,
    /// The proxy or shared flow is undeployed from the environment.
    Undeploy,
    /// It is deleted.
    Delete,
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
    /// The key of a resource's entry, with a digest of the name, which may contain characters that are not allowed in an API path.
    pub fn key(id: &Id) -> String {
        let whole = format!("{}\n{}\n{}", id.kind, id.parent.as_deref().unwrap_or_default(), id.name);
        format!("{}.{}", id.kind, hex(&Sha256::digest(whole), 24))
    }

    /// The value of the entry. Parts that do not fit are left out: they are then kept in Apigee when they are removed from Git.
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
