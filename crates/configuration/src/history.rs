//! What a reconciler deleted and repaired lately. A deleted resource has no record any more, and a repaired one looks as before: without a
//! history, Apigee would not show what happened.
//!
//! Each owner in a namespace of a cluster has its own pages in the key value map of the records, which only its reconciler writes.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::document::Id;
use super::ownership::Claimant;
use super::record::{MAX_VALUE_BYTES, hex};

/// How many entries are kept.
pub const MAX_ENTRIES: usize = 50;

/// The longest reason, in characters.
const MAX_REASON: usize = 200;

/// What happened to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When, in the format of RFC 3339.
    pub time: String,
    /// What.
    pub action: HistoryAction,
    /// The resource.
    #[serde(flatten)]
    pub id: Id,
    /// The commit of the desired state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The URL of its repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Why, or what differed, in one line without secrets.
    pub reason: String,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HistoryAction {
    /// It was removed from Git and is deleted.
    Deleted,
    /// It had drifted and is as in Git again.
    Repaired,
}

/// One page of a history: the value of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HistoryPage {
    /// The owner.
    pub owner: String,
    /// The namespace of its reconciler; `None` outside of a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The identity of the cluster; `None` if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The newest first.
    pub history: Vec<HistoryEntry>,
}

impl HistoryPage {
    /// The first page of a claimant, without entries.
    pub fn new(claimant: &Claimant) -> Self {
        let Claimant { owner, namespace, cluster, .. } = claimant.clone();
        Self { owner, namespace, cluster, history: Vec::new() }
    }

    /// The key of a page, from 1.
    pub fn key(&self, number: usize) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let whole = format!("{}\n{}\n{}", self.owner, part(&self.namespace), part(&self.cluster));
        format!("history.{}.{number}", hex(&Sha256::digest(whole), 24))
    }

    /// Parses the value of an entry; `None` if it is not a page.
    pub fn parse(value: &str) -> Option<Self> {
        serde_json::from_str(value).ok()
    }
}

/// The values of the pages after new entries, the newest first, were put before those of the pages that exist. The oldest entries are
/// dropped. An entry that is on two pages, since a run was killed between its writes, is kept once.
pub fn prepend(claimant: &Claimant, new: Vec<HistoryEntry>, pages: Vec<HistoryPage>) -> Vec<String> {
    let mut kept: Vec<HistoryEntry> = Vec::new();
    for mut entry in new.into_iter().chain(pages.into_iter().flat_map(|page| page.history)) {
        entry.reason = entry.reason.chars().take(MAX_REASON).collect();
        if kept.len() < MAX_ENTRIES && !kept.contains(&entry) {
            kept.push(entry);
        }
    }
    // A struct of strings always has a JSON form.
    let text = |page: &HistoryPage| serde_json::to_string(page).unwrap_or_default();
    let mut values = Vec::new();
    let mut page = HistoryPage::new(claimant);
    for entry in kept {
        page.history.push(entry);
        if text(&page).len() > MAX_VALUE_BYTES {
            let last = page.history.pop();
            values.push(text(&page));
            page.history = last.into_iter().collect();
        }
    }
    values.push(text(&page));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: usize, reason: &str) -> HistoryEntry {
        HistoryEntry {
            time: format!("2026-01-01T00:00:{number:02}Z"),
            action: HistoryAction::Deleted,
            id: Id { kind: "ApigeeTargetServer".into(), parent: None, name: format!("backend-{number}") },
            commit: Some("c".repeat(40)),
            source: Some("https://git.example.com/team/apis".into()),
            reason: reason.into(),
        }
    }

    fn read(values: &[String]) -> Vec<HistoryPage> {
        values.iter().map(|value| HistoryPage::parse(value).unwrap()).collect()
    }

    #[test]
    fn the_newest_fifty_are_kept_and_every_page_fits() {
        let claimant = Claimant::new("team");
        let mut values = Vec::new();
        for number in 0..60 {
            values = prepend(&claimant, vec![entry(number, &"ä".repeat(1000))], read(&values));
            assert!(values.iter().all(|value| value.len() <= MAX_VALUE_BYTES));
        }
        let names: Vec<String> =
            read(&values).into_iter().flat_map(|page| page.history).map(|entry| entry.id.name).collect();
        let expected: Vec<String> = (10..60).rev().map(|number| format!("backend-{number}")).collect();
        assert_eq!(names, expected);
        assert!(values.len() > 2, "{}", values.len());
    }

    #[test]
    fn an_entry_on_two_pages_is_kept_once() {
        let claimant = Claimant::new("team");
        let page = |entries: &[usize]| HistoryPage {
            history: entries.iter().map(|number| entry(*number, "x")).collect(),
            ..HistoryPage::new(&claimant)
        };
        let values = prepend(&claimant, vec![entry(3, "x")], vec![page(&[2, 1]), page(&[1, 0])]);
        assert_eq!(read(&values), [page(&[3, 2, 1, 0])]);
    }

    #[test]
    fn each_reconciler_has_its_own_pages() {
        let key = |owner: &str, namespace: Option<&str>| {
            let claimant = Claimant { namespace: namespace.map(str::to_owned), ..Claimant::new(owner) };
            HistoryPage::new(&claimant).key(1)
        };
        assert_eq!(key("a", Some("n")), key("a", Some("n")));
        assert_ne!(key("a", Some("n")), key("a", None));
        assert_ne!(key("a", Some("n")), key("b", Some("n")));
    }
}
