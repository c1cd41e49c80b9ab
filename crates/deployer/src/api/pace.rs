//! A client-side limit of requests per second: many Jobs share the organization's quota (6,000 a minute, Apigee limits page).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Spaces requests at equal intervals.
#[derive(Debug)]
pub(crate) struct Pace {
    gap: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most `per_second` requests a second.
    pub(crate) fn new(per_second: std::num::NonZeroU32) -> Self {
        Self { gap: Duration::from_secs(1) / per_second.get(), next: Mutex::new(None) }
    }

    /// Sends no request for the given time, because the server asked for a pause.
    pub(crate) fn hold(&self, pause: Duration) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let until = Instant::now() + pause;
        *next = Some(next.map_or(until, |next| next.max(until)));
    }

    /// Waits until this request may be sent.
    pub(crate) async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + self.gap);
            turn
        };
        tokio::time::sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hold_is_for_all() {
        let pace = Pace::new(std::num::NonZeroU32::new(1000).unwrap());
        let start = Instant::now();
        pace.hold(Duration::from_millis(40));
        pace.turn().await;
        assert!(start.elapsed() >= Duration::from_millis(40), "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn requests_are_spaced() {
        let pace = Pace::new(std::num::NonZeroU32::new(100).unwrap());
        let start = Instant::now();
        for _ in 0..6 {
            pace.turn().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(50), "{:?}", start.elapsed());
    }
}
