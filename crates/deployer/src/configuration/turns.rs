//! The order in which the resources of a document are tried.
//!
//! Each resource is tried once before any waits: in the order of the kinds, since a kind comes after those that it refers to. What waits
//! (for a proxy to be deployed, for a product that waits itself) holds no worker and is tried again in the next turn, until the deadline
//! that all of them share. So a neighbour that fails for hours delays nothing but what needs it.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;

use crate::api::work_time::WorkTime;
use crate::configuration::convergence::{Convergence, Shared};
use crate::configuration::event::ApplyEvent;
use crate::configuration::outcome::{Applied, failed};
use apigee_flux_configuration::{Crud, Entry, KINDS};

/// The pause between two turns for each resource that waits: however many they are, at most twenty a second are tried.
const PAUSE_FOR_ONE: Duration = Duration::from_millis(50);

/// One turn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// When it began.
    pub started: Instant,
    /// Until when a resource may wait for the next turn.
    pub deadline: WorkTime,
}

/// A resource whose turn it is.
enum Candidate<'a> {
    /// It was not tried yet.
    New(&'a Entry, &'static dyn Crud),
    /// It waited.
    Again(Box<Convergence<'a>>),
}

/// Resources of one kind that wait, with their positions in the document.
type Waiting<'a> = Vec<(usize, Box<Convergence<'a>>)>;

/// Applies the resources; the results in their order, `None` for a kind that is unknown.
pub(super) async fn run(shared: &Shared, entries: &[Entry]) -> Vec<Option<Applied>> {
    let mut results = vec![None; entries.len()];
    let mut waiting = Vec::new();
    let started = Instant::now();
    for kind in KINDS {
        let new = entries.iter().enumerate().filter(|(_, entry)| entry.id.kind == kind.name);
        let new = new.map(|(index, entry)| (index, Candidate::New(entry, kind.crud))).collect();
        // Each has the whole time.
        waiting.push(take_turns(shared, new, started, None, &mut results).await);
    }
    let deadline = shared.client.now() + shared.options.timeout;
    let mut pause = shared.options.polling.first;
    loop {
        waiting.retain(|of_kind| !of_kind.is_empty());
        if waiting.is_empty() {
            return results;
        }
        let count = u32::try_from(waiting.iter().map(Vec::len).sum::<usize>()).unwrap_or(u32::MAX);
        let left = deadline.since(shared.client.now());
        shared.client.stop().sleep(pause.max(PAUSE_FOR_ONE.saturating_mul(count)).min(left)).await;
        pause = shared.options.polling.longer(pause);
        let started = Instant::now();
        for of_kind in &mut waiting {
            let again = std::mem::take(of_kind).into_iter();
            let again = again.map(|(index, one)| (index, Candidate::Again(one))).collect();
            *of_kind = take_turns(shared, again, started, Some(deadline), &mut results).await;
        }
    }
}

/// Tries the resources, several at a time, and reports those that ended. Returns those that wait, in their order. The deadline is by default
/// that of each resource.
async fn take_turns<'a>(
    shared: &'a Shared,
    candidates: Vec<(usize, Candidate<'a>)>,
    started: Instant,
    deadline: Option<WorkTime>,
    results: &mut [Option<Applied>],
) -> Waiting<'a> {
    let mut waiting = Vec::new();
    let mut candidates = candidates.into_iter();
    // An attempt takes kilobytes, so it is made when there is a worker for it.
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < shared.options.workers.get()
            && let Some((index, candidate)) = candidates.next()
        {
            running.push(async move {
                let turn = Turn {
                    started,
                    deadline: deadline.unwrap_or_else(|| shared.client.now() + shared.options.timeout),
                };
                let ended = match candidate {
                    Candidate::Again(one) => attempt(one, turn).await,
                    Candidate::New(entry, crud) => match Convergence::new(shared, entry, crud) {
                        Ok(one) => attempt(Box::new(one), turn).await,
                        Err(error) => Ok(failed(&entry.id, &error)),
                    },
                };
                (index, ended)
            });
        }
        let Some((index, ended)) = running.next().await else { break };
        match ended {
            Ok(applied) => {
                shared.options.failed.note(&applied.id, applied.exit);
                (shared.progress)(ApplyEvent::Ended(shared.place.as_place(), &applied));
                if let Some(result) = results.get_mut(index) {
                    *result = Some(applied);
                }
            }
            Err(one) => waiting.push((index, one)),
        }
    }
    waiting.sort_by_key(|(index, _)| *index);
    waiting
}

/// The result of a resource; the resource itself if it waits.
async fn attempt(mut one: Box<Convergence<'_>>, turn: Turn) -> Result<Applied, Box<Convergence<'_>>> {
    one.attempt(turn).await.ok_or(one)
}
