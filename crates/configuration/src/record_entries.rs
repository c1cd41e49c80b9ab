//! The entries of the key value map that hold one record: the head, and continuations with its parts if they do not fit.
//!
//! The key of a continuation contains the digest of its content, and the head lists the keys. So new continuations never replace those that
//! the present head lists: they are written first, then the head, then the surplus ones are deleted. A run that is killed in between leaves
//! a whole record, the old or the new one, and surplus continuations that the next write of the record deletes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::record::{MAX_VALUE_BYTES, Part, Record, hex};

/// A record as entries: keys and values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordEntries {
    /// The key of the head: [`Record::key`].
    pub key: String,
    /// The value of the head.
    pub head: String,
    /// The continuations by their keys; none if the parts fit the head.
    pub continuations: BTreeMap<String, String>,
}

/// The value of a head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The record; without its parts if there are continuations.
    #[serde(flatten)]
    pub record: Record,
    /// The keys of the continuations, in the order of the parts.
    #[serde(default, rename = "continuedIn", skip_serializing_if = "Vec::is_empty")]
    pub continued_in: Vec<String>,
}

impl Head {
    /// Parses the value of an entry; `None` if it is not the head of a record.
    pub fn parse(value: &str) -> Option<Self> {
        serde_json::from_str(value).ok()
    }

    /// The record with the parts of its continuations, whose values `find` returns by their keys. The second value are the keys of
    /// continuations that are missing or do not have the listed content: then parts are unknown, not unmanaged.
    pub fn join<'v>(self, find: impl Fn(&str) -> Option<&'v str>) -> (Record, BTreeSet<String>) {
        let Self { mut record, continued_in } = self;
        let mut missing = BTreeSet::new();
        for key in continued_in {
            match find(&key).filter(|value| key == key_of(&record, value)).map(serde_json::from_str::<Vec<Part>>) {
                Some(Ok(parts)) => record.parts.extend(parts),
                _ => _ = missing.insert(key),
            }
        }
        (record, missing)
    }
}

impl Record {
    /// The entries that hold the record.
    pub fn to_entries(&self) -> RecordEntries {
        let key = Self::key(&self.id);
        let head = self.to_value();
        if head.len() <= MAX_VALUE_BYTES || self.parts.is_empty() {
            return RecordEntries { key, head, continuations: BTreeMap::new() };
        }
        let values = cut(&self.parts);
        let continuations: Vec<(String, String)> =
            values.into_iter().map(|value| (key_of(self, &value), value)).collect();
        let head = Head {
            record: Self { parts: Vec::new(), ..self.clone() },
            continued_in: continuations.iter().map(|(key, _)| key.clone()).collect(),
        };
        // A struct of strings always has a JSON form.
        let head = serde_json::to_string(&head).unwrap_or_default();
        RecordEntries { key, head, continuations: continuations.into_iter().collect() }
    }
}

/// The key of the head to which a continuation with this key belongs; `None` if it is not the key of a continuation.
pub fn head_of(key: &str) -> Option<&str> {
    key.rsplit_once('.').map(|(head, _)| head).filter(|head| head.contains('.'))
}

fn key_of(record: &Record, value: &str) -> String {
    format!("{}.{}", Record::key(&record.id), hex(&Sha256::digest(value), 24))
}

/// JSON lists of parts, each as long as an entry allows.
fn cut(parts: &[Part]) -> Vec<String> {
    let mut values = Vec::new();
    let mut value = String::new();
    for part in parts {
        // A struct of strings always has a JSON form.
        let text = serde_json::to_string(part).unwrap_or_default();
        // The brackets, and the comma.
        if !value.is_empty() && value.len() + text.len() + 2 > MAX_VALUE_BYTES {
            values.push(std::mem::take(&mut value) + "]");
        }
        value.push(if value.is_empty() { '[' } else { ',' });
        value.push_str(&text);
    }
    values.push(value + "]");
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Id;
    use apigee_flux_model::lifecycle::WhenGone;

    fn record(parts: usize) -> Record {
        let id = Id { kind: "ApigeeKeyValueMap".into(), parent: None, name: "m".into() };
        let part = |index| Part { digest: Some("d".repeat(32)), ..Part::named(&format!("entry-{index:04}")) };
        Record { parts: (0..parts).map(part).collect(), ..Record::new(id, "team", "d", WhenGone::Delete) }
    }

    fn joined(entries: &RecordEntries) -> (Record, BTreeSet<String>) {
        Head::parse(&entries.head).unwrap().join(|key| entries.continuations.get(key).map(String::as_str))
    }

    #[test]
    fn a_small_record_is_one_entry() {
        let entries = record(2).to_entries();
        assert_eq!((entries.head.clone(), entries.continuations.len()), (record(2).to_value(), 0));
        assert_eq!(joined(&entries), (record(2), BTreeSet::new()));
    }

    #[test]
    fn a_large_record_loses_no_part_and_every_entry_fits() {
        for parts in [100, 130, 150, 700, 3000, 20_000] {
            let entries = record(parts).to_entries();
            let values = entries.continuations.values().chain([&entries.head]);
            assert!(values.clone().all(|value| value.len() <= MAX_VALUE_BYTES), "{parts}");
            assert_eq!(joined(&entries), (record(parts), BTreeSet::new()));
            assert!(entries.continuations.keys().all(|key| head_of(key) == Some(&entries.key)), "{parts}");
        }
        assert_eq!(record(3000).to_entries().continuations.len(), 20);
        assert_eq!(head_of(&record(1).to_entries().key), None);
    }

    #[test]
    fn a_missing_or_edited_continuation_is_noticed() {
        let whole = record(700).to_entries();
        let keys = Head::parse(&whole.head).unwrap().continued_in;
        let mut torn = whole.clone();
        torn.continuations.remove(&keys[1]);
        let (rest, missing) = joined(&torn);
        assert_eq!(missing, [keys[1].clone()].into());
        assert!(rest.parts.len() > 300 && rest.parts.len() < 700);
        torn.continuations.insert(keys[1].clone(), "[]".to_owned());
        assert_eq!(joined(&torn).1, [keys[1].clone()].into());
    }

    #[test]
    fn new_continuations_replace_none_of_the_old_ones() {
        let (old, new) = (record(700).to_entries(), record(699).to_entries());
        assert_ne!(old.head, new.head);
        let last = Head::parse(&old.head).unwrap().continued_in.pop().unwrap();
        assert!(!new.continuations.contains_key(&last));
        let mut both = new.continuations;
        both.extend(old.continuations.clone());
        assert_eq!(joined(&RecordEntries { continuations: both, ..old }), (record(700), BTreeSet::new()));
    }
}
