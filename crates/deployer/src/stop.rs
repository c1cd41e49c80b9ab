//! Stops a run: it starts no further request, a request that changes something may complete, any other is aborted.
//!
//! After a write whose response is lost, the next run must find out whether it succeeded, so it is worth waiting a few
//! seconds for it. A pod has `terminationGracePeriodSeconds` for everything, 60 in the rendered Jobs, and a run has a
//! shorter limit, because a killed run reports no result.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// How long the response of a request that changes something is awaited after the stop.
pub const WRITE_PATIENCE: Duration = Duration::from_secs(20);

/// How long a run may continue after the stop, whatever it is doing: the wait for a write, and time for the rest.
pub const RUN_PATIENCE: Duration = Duration::from_secs(30);

/// Stops all parts of a run. A clone refers to the same stop.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Requests the stop; it cannot be revoked.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// True once the stop was requested.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the stop.
    pub async fn requested(&self) {
        // The sender lives as long as `self`, so there is no error.
        let _ = self.0.subscribe().wait_for(|requested| *requested).await;
    }

    /// Waits until `patience` has passed since the stop.
    pub async fn overdue(&self, patience: Duration) {
        self.requested().await;
        tokio::time::sleep(patience).await;
    }

    /// Runs a future to completion. When `told` is ready, the stop is requested, and the future has [`RUN_PATIENCE`]
    /// from then on; `None` if it did not complete in time.
    pub async fn run<T>(&self, told: impl Future<Output = ()>, run: impl Future<Output = T>) -> Option<T> {
        self.run_with_patience(told, RUN_PATIENCE, run).await
    }

    async fn run_with_patience<T>(
        &self,
        told: impl Future<Output = ()>,
        patience: Duration,
        run: impl Future<Output = T>,
    ) -> Option<T> {
        tokio::pin!(run);
        tokio::select! {
            done = &mut run => return Some(done),
            () = told => {}
        }
        self.request();
        tokio::time::timeout(patience, run).await.ok()
    }

    /// Sleeps, but not longer than until the stop.
    pub async fn sleep(&self, duration: Duration) {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            () = self.requested() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_ends_by_itself_or_soon_after_the_stop() {
        let short = Duration::from_millis(20);
        let never = std::future::pending::<()>;
        let stop = Stop::default();
        assert_eq!(stop.run_with_patience(never(), short, async { 1 }).await, Some(1));
        assert!(!stop.is_requested());
        let slow = async {
            stop.requested().await;
            tokio::time::sleep(short / 4).await;
            2
        };
        assert_eq!(stop.run_with_patience(async {}, short * 50, slow).await, Some(2));
        assert_eq!(stop.run_with_patience(async {}, short, never()).await, None);
        assert!(WRITE_PATIENCE < RUN_PATIENCE);
    }

    #[tokio::test]
    async fn whoever_sleeps_wakes_up_and_nobody_sleeps_again() {
        let stop = Stop::default();
        stop.sleep(Duration::from_millis(1)).await;
        assert!(!stop.is_requested());
        let sleeper = stop.clone();
        let asleep = tokio::spawn(async move { sleeper.sleep(Duration::from_hours(1)).await });
        tokio::task::yield_now().await;
        stop.request();
        asleep.await.unwrap();
        stop.sleep(Duration::from_hours(1)).await;
        stop.overdue(Duration::ZERO).await;
        assert!(stop.is_requested());
    }
}
