//! How often a state in Apigee is polled.

use std::time::Duration;

use crate::api::retry::jittered;

/// How often the status is polled.
#[derive(Debug, Clone, Copy)]
pub struct Polling {
    /// The pause before the first request.
    pub first: Duration,
    /// The longest pause; each pause is one and a half times the previous one.
    pub longest: Duration,
    /// How long after the start of a deployment a 404 is not a failure: the status of a new deployment is not available
    /// yet (<https://github.com/apigee/apigee-deploy-maven-plugin/issues/243>).
    pub grace: Duration,
}

impl Polling {
    /// The pause between two reads of the state ERROR: with the defaults five seconds, so that ERROR is accepted after
    /// ten.
    pub(crate) fn between_errors(self) -> Duration {
        self.longest / 2
    }

    /// The pause after the given one: one and a half times as long, within the limits.
    pub(crate) fn longer(self, pause: Duration) -> Duration {
        jittered(pause.saturating_mul(3) / 2).max(self.first).min(self.longest)
    }
}

impl Default for Polling {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(10), grace: Duration::from_mins(1) }
    }
}
