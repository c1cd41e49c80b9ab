//! A run that is told to stop: it starts nothing more, a request that changes something is heard to its end, any other is dropped.
//!
//! A write whose answer is lost leaves the next run to find out what happened; a few seconds of patience are cheaper. A pod has
//! `terminationGracePeriodSeconds` for all of it, 60 in our Jobs, so that a run has a bound of its own below that: a killed one
//! leaves no result.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// For so long after the stop the answer of a request that changes something is waited for.
pub const WRITE_PATIENCE: Duration = Duration::from_secs(20);

/// After so long a run that was told to stop is over, whatever it is doing: the patience with a write, and time for the rest.
pub const RUN_PATIENCE: Duration = Duration::from_secs(30);

/// Tells all parts of a run to stop. A clone is the same one.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Tells all to stop; there is no way back.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// True once it was told to stop.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is told to stop.
    pub async fn requested(&self) {
        // The sender lives as long as `self`, so there is no error.
        let _ = self.0.subscribe().wait_for(|requested| *requested).await;
    }

    /// Waits until it was told to stop and `patience` has passed since.
    pub async fn overdue(&self, patience: Duration) {
        self.requested().await;
        tokio::time::sleep(patience).await;
    }

    /// Runs to its end. When `told` is ready, all is told to stop, and the run has [`RUN_PATIENCE`] from there; none if that was not
    /// enough.
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

    /// Sleeps, and wakes up early when it is told to stop.
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
