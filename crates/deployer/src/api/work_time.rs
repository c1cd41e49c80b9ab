//! The clock of deadlines, which stands still while the organization's quota is used up.

use std::ops::Add;
use std::time::Duration;

/// A moment on that clock: the time since the client was made, without the pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WorkTime(Duration);

impl WorkTime {
    pub(super) fn new(worked: Duration) -> Self {
        Self(worked)
    }

    /// The time from an earlier moment; zero from a later one.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for WorkTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}
