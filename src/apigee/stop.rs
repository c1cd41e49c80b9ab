//! A run that is told to stop: it starts nothing more, a request that changes something is heard to its end, any other is dropped.
//!
//! A write whose answer is lost leaves the next run to find out what happened; a few seconds of patience are cheaper. A pod has
//! `terminationGracePeriodSeconds` for all of it, 60 in our Jobs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// For so long after the stop the answer of a request that changes something is waited for.
pub const WRITE_PATIENCE: Duration = Duration::from_secs(20);

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
