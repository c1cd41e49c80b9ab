//! The result of a deployment: one JSON object for the termination message, for `status` and for the Job's log.

use std::time::Duration;

use serde::Serialize;

use crate::api::target::Target;
use crate::error::Error;
use crate::termination_message::MAX_LINE;
use apigee_flux_model::bundle::{BundleKind, Digest};
use apigee_flux_model::diag::plain;
use apigee_flux_model::duration::millis;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::RevisionId;

/// The result of a deployment or removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BundleResult {
    /// The bundle was deployed as desired; nothing was written.
    Unchanged,
    /// A new revision was imported and deployed.
    Deployed,
    /// An existing revision was deployed.
    Redeployed,
    /// It was undeployed or deleted.
    Removed,
    /// It is left to its own Job.
    Left,
    /// It failed; see the reason.
    Failed,
}

impl BundleResult {
    /// The result of a bundle that an error stopped.
    pub(crate) fn of_error(error: &Error) -> Self {
        if matches!(error, Error::Left(_)) { Self::Left } else { Self::Failed }
    }
}

/// The outcome of a deployment or removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// The result.
    pub result: BundleResult,
    /// Proxy or shared flow; `None` if the manifest could not be read.
    pub kind: Option<BundleKind>,
    /// Its name.
    pub name: Option<String>,
    /// The organization.
    pub organization: String,
    /// The environment.
    pub environment: String,
    /// The revision with the desired bundle; `None` if the run failed before it was known.
    pub revision: Option<RevisionId>,
    /// The revision that was deployed before.
    pub previous_revision: Option<RevisionId>,
    /// The bundle's digest.
    pub digest: Option<Digest>,
    /// The commit that was rendered.
    pub commit: Option<String>,
    /// A new revision was imported.
    pub imported: bool,
    /// Number of requests that change something.
    pub writes: u32,
    /// Elapsed time in milliseconds.
    pub duration_ms: u64,
    /// The reason for the result, in one line.
    #[serde(serialize_with = "plain::serialize")]
    pub reason: String,
}

impl Outcome {
    /// An outcome with a result and a reason only.
    pub fn new(result: BundleResult, target: &Target, reason: String) -> Self {
        Self {
            result,
            kind: None,
            name: None,
            organization: target.organization.to_string(),
            environment: target.environment.to_string(),
            revision: None,
            previous_revision: None,
            digest: None,
            commit: None,
            imported: false,
            writes: 0,
            duration_ms: 0,
            reason,
        }
    }

    /// The JSON object in one line of at most [`MAX_LINE`] bytes; a longer reason is truncated.
    pub fn to_line(&self) -> String {
        let mut outcome = self.clone();
        loop {
            // A struct of strings and numbers always has a JSON form.
            let line = serde_json::to_string(&outcome).unwrap_or_default();
            let length = outcome.reason.chars().count();
            if line.len() <= MAX_LINE || length < 2 {
                return line;
            }
            outcome.reason = outcome.reason.chars().take(length * 3 / 4).chain(['…']).collect();
        }
    }
}

/// The outcome, and how the program ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployReport {
    /// The outcome.
    pub outcome: Outcome,
    /// How the program ends.
    pub exit: Exit,
}

impl DeployReport {
    /// The report of a run that failed before its first request.
    pub fn failed(target: &Target, error: &Error, took: Duration) -> Self {
        let outcome = Outcome::new(BundleResult::Failed, target, error.to_string());
        Self { outcome: Outcome { duration_ms: millis(took), ..outcome }, exit: error.exit() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(reason: String) -> Outcome {
        let target = Target { organization: "o".parse().unwrap(), environment: "e".parse().unwrap() };
        Outcome {
            kind: Some(BundleKind::SharedFlow),
            name: Some("a".into()),
            duration_ms: 1,
            ..Outcome::new(BundleResult::Failed, &target, reason)
        }
    }

    #[test]
    fn the_line_has_the_documented_fields() {
        assert_eq!(
            outcome("why".into()).to_line(),
            r#"{"result":"failed","kind":"sharedFlow","name":"a","organization":"o","environment":"e","revision":null,"previousRevision":null,"digest":null,"commit":null,"imported":false,"writes":0,"durationMs":1,"reason":"why"}"#
        );
    }

    #[test]
    fn the_line_fits_a_termination_message() {
        for reason in ["\"\n".repeat(5000), "ä".repeat(9000), "x".repeat(4000)] {
            let line = outcome(reason).to_line();
            assert!(line.len() <= MAX_LINE && line.len() > MAX_LINE / 2, "{}", line.len());
            assert!(serde_json::from_str::<serde_json::Value>(&line).is_ok());
        }
    }
}
