//! The one gate that all requests of a process pass: its rate, and its pauses while the organization's quota is used up.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::api::retry::Backoff;
use crate::api::throttle::{Refusal, Throttle, Turn};
use crate::api::work_time::WorkTime;

/// Spaces requests, and stops them while the quota is used up.
#[derive(Debug)]
pub(crate) struct Pace {
    start: Instant,
    throttle: Mutex<Throttle>,
}

impl Pace {
    /// At most `per_second` requests a second.
    pub(crate) fn new(per_second: NonZeroU32, backoff: Backoff) -> Self {
        // A new `RandomState` differs in each process.
        let seed = RandomState::new().build_hasher().finish();
        Self { start: Instant::now(), throttle: Mutex::new(Throttle::new(per_second, backoff, seed)) }
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a request may be sent. The turn is lost if a pause begins before it is used.
    pub(crate) async fn turn(&self) -> Turn {
        loop {
            let turn = self.throttle().turn(self.start.elapsed());
            tokio::time::sleep_until(self.start + turn.at).await;
            if self.is_due(turn) {
                return turn;
            }
        }
    }

    /// Whether the request may still be sent.
    pub(crate) fn is_due(&self, turn: Turn) -> bool {
        self.throttle().is_due(turn, self.start.elapsed())
    }

    /// Handles a response that says that the quota is used up.
    pub(crate) fn refuse(&self, asked: Option<Duration>) -> Refusal {
        self.throttle().refuse(self.start.elapsed(), asked)
    }

    /// How many pauses have begun.
    pub(crate) fn pauses(&self) -> u64 {
        self.throttle().pauses()
    }

    /// The time now, on the clock of deadlines.
    pub(crate) fn now(&self) -> WorkTime {
        self.throttle().work_time(self.start.elapsed())
    }

    /// Runs a future until a deadline; `None` if it did not complete in time.
    pub(crate) async fn within<T>(&self, deadline: WorkTime, future: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(future);
        loop {
            // A pause that begins meanwhile moves the deadline.
            let left = self.throttle().time_until(deadline, self.start.elapsed());
            tokio::select! {
                biased;
                done = &mut future => return Some(done),
                () = tokio::time::sleep(left) => {}
            }
            if self.now() >= deadline {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn pace() -> Pace {
        Pace::new(NonZeroU32::new(1000).unwrap(), Backoff { quota_window: ms(200), ..Backoff::default() })
    }

    #[tokio::test]
    async fn whoever_waits_for_a_turn_waits_for_a_pause_that_begins_meanwhile() {
        let pace = Pace::new(NonZeroU32::new(10).unwrap(), Backoff::default());
        let start = Instant::now();
        pace.turn().await;
        let late = async {
            pace.turn().await;
            start.elapsed()
        };
        let refusal = async {
            tokio::time::sleep(ms(20)).await;
            assert!(matches!(pace.refuse(Some(ms(300))), Refusal::Begun(_)));
        };
        let (elapsed, ()) = tokio::join!(late, refusal);
        assert!(elapsed >= ms(320), "{elapsed:?}");
    }

    #[tokio::test]
    async fn a_deadline_does_not_pass_in_a_pause() {
        let pace = pace();
        let deadline = pace.now() + ms(100);
        assert!(matches!(pace.refuse(Some(ms(300))), Refusal::Begun(_)));
        let slept = pace.within(deadline, tokio::time::sleep(ms(310))).await;
        assert_eq!(slept, Some(()), "the future had 100 ms more than the pause");
        let slept = pace.within(deadline, tokio::time::sleep(ms(5000))).await;
        assert_eq!(slept, None);
        assert!(pace.now() >= deadline);
    }

    #[tokio::test]
    async fn a_pause_that_begins_later_moves_the_deadline() {
        let pace = pace();
        let deadline = pace.now() + ms(150);
        let refusal = async {
            tokio::time::sleep(ms(20)).await;
            pace.refuse(Some(ms(400)));
        };
        let (slept, ()) = tokio::join!(pace.within(deadline, tokio::time::sleep(ms(450))), refusal);
        assert_eq!(slept, Some(()));
    }
}
