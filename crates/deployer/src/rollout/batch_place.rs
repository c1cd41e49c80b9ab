//! The place of a bundle in a batch: a worker, which it gives away while it waits, and its share of the memory, which it keeps.
//!
//! A runtime may need a minute for each revision. If a waiting bundle kept its worker, 500 first deployments by 16 workers would take half an
//! hour, of which nearly all is waiting.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::stop::Stop;

/// The places of a batch.
#[derive(Debug, Clone)]
pub(crate) struct BatchPlaces {
    workers: Arc<Semaphore>,
    /// The memory, in units.
    room: Arc<Semaphore>,
    stop: Stop,
}

impl BatchPlaces {
    /// The places for a number of workers and units of memory.
    pub(crate) fn new(workers: usize, units: usize, stop: Stop) -> Self {
        Self { workers: Arc::new(Semaphore::new(workers)), room: Arc::new(Semaphore::new(units)), stop }
    }

    /// Waits for a place. The memory comes first: who has a worker never waits for memory, so a bundle that has both, and gives its worker away,
    /// always gets one again.
    pub(crate) async fn take(&self, units: u32) -> BatchPlace {
        // The semaphores are never closed; without a permit only the limit would be missing.
        let room = Arc::clone(&self.room).acquire_many_owned(units).await.ok();
        let worker = Arc::clone(&self.workers).acquire_owned().await.ok();
        BatchPlace(Some(Arc::new(Taken {
            workers: Arc::clone(&self.workers),
            worker: Mutex::new(worker),
            stop: self.stop.clone(),
            _room: room,
        })))
    }
}

/// The place of one bundle. By default it is in no batch, and has no limit.
#[derive(Debug, Clone, Default)]
pub struct BatchPlace(Option<Arc<Taken>>);

#[derive(Debug)]
struct Taken {
    workers: Arc<Semaphore>,
    worker: Mutex<Option<OwnedSemaphorePermit>>,
    stop: Stop,
    _room: Option<OwnedSemaphorePermit>,
}

impl Taken {
    fn put(&self, worker: Option<OwnedSemaphorePermit>) -> Option<OwnedSemaphorePermit> {
        std::mem::replace(&mut *self.worker.lock().unwrap_or_else(PoisonError::into_inner), worker)
    }
}

impl BatchPlace {
    /// Runs a future that mostly waits. Another bundle has the worker until it completes; then this one gets a worker again, in turn. After a
    /// stop nothing new begins, so nobody has to wait for a worker.
    pub(crate) async fn without_worker<T>(&self, waiting: impl Future<Output = T>) -> T {
        let Some(place) = &self.0 else { return waiting.await };
        let had_worker = place.put(None).is_some();
        let result = waiting.await;
        if had_worker {
            tokio::select! {
                worker = Arc::clone(&place.workers).acquire_owned() => drop(place.put(worker.ok())),
                () = place.stop.requested() => {}
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Whether there is a place now.
    async fn is_free(places: &BatchPlaces) -> bool {
        tokio::time::timeout(Duration::from_millis(5), places.take(1)).await.is_ok()
    }

    #[tokio::test]
    async fn who_waits_lends_its_worker_and_keeps_its_memory() {
        let places = BatchPlaces::new(1, 2, Stop::default());
        let first = places.take(1).await;
        assert!(!is_free(&places).await, "there is one worker");
        let inner = async {
            first.without_worker(async { assert!(is_free(&places).await) }).await;
            assert!(is_free(&places).await, "a wait within a wait ends without a worker");
            let second = places.take(1).await;
            second.without_worker(async { assert!(!is_free(&places).await, "there is memory for two") }).await;
        };
        first.without_worker(inner).await;
        assert!(!is_free(&places).await, "it has its worker again");
        drop(first);
        assert!(is_free(&places).await);
    }

    #[tokio::test]
    async fn after_a_stop_nobody_waits_for_a_worker() {
        let stop = Stop::default();
        let places = BatchPlaces::new(1, 2, stop.clone());
        let first = places.take(1).await;
        let stopped = async {
            tokio::time::sleep(Duration::from_millis(5)).await;
            stop.request();
        };
        // The second one has the only worker when the first one ends its wait.
        let (second, ()) = tokio::join!(first.without_worker(places.take(1)), stopped);
        drop(second);
    }
}
