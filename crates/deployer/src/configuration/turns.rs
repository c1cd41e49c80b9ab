//! The order in which the resources of a document are tried.
//!
//! Each resource is tried once before any waits: in the order of the kinds, since a kind comes after those that it refers to. What waits
//! (for a proxy to be deployed, for a product that waits itself) holds no worker and is tried again in the next turn, until the deadline
//! that all of them share. So a neighbour that fails for hours delays nothing but what needs it.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use crate::api::work_time::WorkTime;
use crate::configuration::convergence::{Convergence, Shared};
use crate::configuration::event::ApplyEvent;
use crate::configuration::outcome::{Applied, failed};
use apigee_flux_configuration::{Entry, KINDS};

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

/// Resources of one kind that wait, with their positions in the document.
type Waiting<'a> = Vec<(usize, Convergence<'a>)>;

/// Applies the resources; the results in their order, `None` for a kind that is unknown.
pub(super) async fn run(shared: &Shared, entries: &[Entry]) -> Vec<Option<Applied>> {
    let mut results = vec![None; entries.len()];
    let mut waiting = first(shared, entries, &mut results).await;
    let deadline = shared.client.now() + shared.options.timeout;
    let mut pause = shared.options.polling.first;
    while !waiting.is_empty() {
        let count = u32::try_from(waiting.iter().map(Vec::len).sum::<usize>()).unwrap_or(u32::MAX);
        let left = deadline.since(shared.client.now());
        shared.client.stop().sleep(pause.max(PAUSE_FOR_ONE.saturating_mul(count)).min(left)).await;
        pause = shared.options.polling.longer(pause);
        let turn = Turn { started: Instant::now(), deadline };
        let mut still = Vec::new();
        for of_kind in waiting {
            let mut again = Vec::new();
            for (index, mut one) in of_kind {
                again.push(async move {
                    let applied = one.attempt(turn).await;
                    (index, Some(one), applied)
                });
            }
            still.push(ended(shared, again, &mut results).await);
        }
        still.retain(|of_kind| !of_kind.is_empty());
        waiting = still;
    }
    results
}

/// The first turn, in which each resource has the whole time. Returns those that wait, by kind.
async fn first<'a>(shared: &'a Shared, entries: &'a [Entry], results: &mut [Option<Applied>]) -> Vec<Waiting<'a>> {
    let started = Instant::now();
    let mut waiting = Vec::new();
    for kind in KINDS {
        let mut tried = Vec::new();
        for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.id.kind == kind.name) {
            tried.push(async move {
                match Convergence::new(shared, entry, kind.crud) {
                    Ok(mut one) => {
                        let turn = Turn { started, deadline: shared.client.now() + shared.options.timeout };
                        let applied = one.attempt(turn).await;
                        (index, Some(one), applied)
                    }
                    Err(error) => (index, None, Some(failed(&entry.id, &error))),
                }
            });
        }
        waiting.push(ended(shared, tried, results).await);
    }
    waiting.retain(|of_kind| !of_kind.is_empty());
    waiting
}

/// Makes the attempts, several at a time, and reports those that ended. Returns the others, in their order.
async fn ended<'a>(
    shared: &Shared,
    attempts: Vec<impl Future<Output = (usize, Option<Convergence<'a>>, Option<Applied>)>>,
    results: &mut [Option<Applied>],
) -> Waiting<'a> {
    let mut waiting = Vec::new();
    let mut attempts = stream::iter(attempts).buffer_unordered(shared.options.workers.get());
    while let Some((index, one, applied)) = attempts.next().await {
        match (one, applied) {
            (_, Some(applied)) => {
                shared.options.failed.note(&applied.id, applied.exit);
                (shared.progress)(ApplyEvent::Ended(shared.place.as_place(), &applied));
                if let Some(result) = results.get_mut(index) {
                    *result = Some(applied);
                }
            }
            (Some(one), None) => waiting.push((index, one)),
            (None, None) => {}
        }
    }
    waiting.sort_by_key(|(index, _)| *index);
    waiting
}
