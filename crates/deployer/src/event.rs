//! What a run reports while it works: its steps.

use std::time::Duration;

use serde::Serialize;

use crate::error::Error;
use crate::error::blame::Blame;
use apigee_flux_model::diag::Severity;

/// One step of a deployment, for people and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The phase of the step.
    pub phase: Phase,
    /// The severity.
    pub level: Severity,
    /// The message, in one line.
    pub message: String,
    /// The place in the bundle that the event is about.
    pub blame: Option<Blame>,
}

impl Event {
    /// A normal step.
    pub fn new(phase: Phase, message: impl Into<String>) -> Self {
        Self { phase, level: Severity::Info, message: message.into(), blame: None }
    }

    /// A problem that does not stop the run.
    pub fn warning(phase: Phase, message: impl Into<String>) -> Self {
        Self { level: Severity::Warning, ..Self::new(phase, message) }
    }

    /// A request that is sent again after a pause.
    pub fn retry(error: &Error, pause: Duration) -> Self {
        let what = if error.is_over_quota() { "no request is sent for" } else { "retrying in" };
        Self::warning(Phase::Retry, format!("{error}; {what} {pause:.1?}"))
    }

    /// A place in the bundle that Apigee rejects.
    pub fn refused(phase: Phase, blame: Blame) -> Self {
        Self { phase, level: Severity::Error, message: blame.to_string(), blame: Some(blame) }
    }
}

/// The phases of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Reads the state in Apigee.
    Read,
    /// Retries a request.
    Retry,
    /// Decides.
    Plan,
    /// Validates and imports.
    Import,
    /// Deploys.
    Deploy,
    /// Waits for the runtime.
    Wait,
    /// Rolls back.
    Rollback,
    /// Deletes old revisions.
    Keep,
}

/// Receives each step.
pub type EventListener<'a> = &'a (dyn Fn(&Event) + Sync);
