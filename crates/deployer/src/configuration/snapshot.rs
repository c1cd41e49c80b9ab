//! What the lists of an organization say about the resources of one run.
//!
//! A list is read when the first of its resources is, and only if there are more than a few. An error of a list is not an error of the run:
//! then each resource is read by itself. The state that a list shows may be older than a write of another client, so the run concludes
//! from it only that a resource is in sync, and only for [`MAX_AGE`]; everything else is read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::api::client::Client;
use crate::error::Error;
use apigee_flux_configuration::listing::{Found, ListKey, Pages, list_key};
use apigee_flux_configuration::{Answer, Form, Read};

/// For how long what was read is believed.
const MAX_AGE: Duration = Duration::from_mins(2);

/// The lists that one run needs.
#[derive(Default)]
pub(super) struct Snapshot {
    organization: String,
    /// What the run reads.
    needed: BTreeSet<ListKey>,
    /// By the position in the registry of lists.
    lists: BTreeMap<usize, OnceCell<Option<List>>>,
    /// Lists that several resources read as they are, such as the catalog items of a portal.
    shared: BTreeMap<Read, OnceCell<Option<(Answer, Instant)>>>,
    /// The paths of resources that exist, with the time at which that was known.
    seen: Mutex<Noted>,
    /// The paths of resources that did not exist, with the time at which that was known.
    missed: Mutex<Noted>,
}

/// A list that was read.
struct List {
    found: Found,
    since: Instant,
}

impl Snapshot {
    /// The lists for the reads of a run.
    pub(super) fn of(organization: &str, reads: impl Iterator<Item = Read>) -> Self {
        let (mut needed, mut counts) = (BTreeSet::new(), BTreeMap::<Read, usize>::new());
        for read in reads {
            if let Some(key) = list_key(&read) {
                needed.insert(key);
            } else if matches!(read.form, Form::Pages(_)) {
                *counts.entry(read).or_default() += 1;
            }
        }
        let lists = needed.iter().map(|key| (key.listing, OnceCell::new())).collect();
        let shared = counts.into_iter().filter(|(_, count)| *count > 1).map(|(read, _)| (read, OnceCell::new()));
        Self { organization: organization.to_owned(), needed, lists, shared: shared.collect(), ..Self::default() }
    }

    /// The answer to a read according to its list; `None` if the resource must be read by itself. `failed` gets the error
    /// of a list that cannot be read, once.
    pub(super) async fn answer(&self, client: &Client, read: &Read, failed: impl Fn(&Error)) -> Option<Answer> {
        if let Some(shared) = self.shared.get(read) {
            let first = async || {
                let since = Instant::now();
                client.read(read).await.map(|answer| (answer, since)).ok()
            };
            let (answer, since) = shared.get_or_init(first).await.as_ref()?;
            return (since.elapsed() <= MAX_AGE).then(|| answer.clone());
        }
        let key = list_key(read)?;
        let list = self.lists.get(&key.listing)?;
        let list = list.get_or_init(|| self.read(client, key.listing, failed)).await.as_ref()?;
        if list.since.elapsed() > MAX_AGE {
            return None;
        }
        list.found.answer(&key)
    }

    async fn read(&self, client: &Client, listing: usize, failed: impl Fn(&Error)) -> Option<List> {
        let known = self.lists.values().filter_map(|list| list.get()?.as_ref());
        let owners = known.flat_map(|list| list.found.owners()).collect();
        let pages = Pages::of(&self.organization, listing, &self.needed)?.with_owners(owners);
        let since = Instant::now();
        match client.pages(pages).await {
            Ok(found) => Some(List { found, since }),
            Err(error) => {
                failed(&error);
                None
            }
        }
    }

    /// Notes that a resource exists.
    pub(super) fn note(&self, path: &[String], since: Instant) {
        locked(&self.seen).insert(path.to_vec(), since);
        locked(&self.missed).remove(path);
    }

    /// Notes that a resource does not exist.
    pub(super) fn note_missing(&self, path: &[String]) {
        locked(&self.missed).insert(path.to_vec(), Instant::now());
    }

    /// Whether this run has seen lately that a resource exists.
    pub(super) fn has_seen(&self, path: &[String]) -> bool {
        locked(&self.seen).get(path).is_some_and(|since| since.elapsed() <= MAX_AGE)
    }

    /// Whether this run has found after a time that a resource does not exist.
    pub(super) fn has_missed(&self, path: &[String], after: Instant) -> bool {
        locked(&self.missed).get(path).is_some_and(|at| *at >= after && at.elapsed() <= MAX_AGE)
    }
}

type Noted = BTreeMap<Vec<String>, Instant>;

/// A thread that stopped while it held the lock leaves a whole map: an entry is inserted at once.
fn locked(noted: &Mutex<Noted>) -> MutexGuard<'_, Noted> {
    noted.lock().unwrap_or_else(PoisonError::into_inner)
}
