//! What the status of a deployment means. Pure.

use std::fmt;

use crate::api::deployment::{Deployment, RoutingConflict, RuntimeState};
use crate::error::Error;
use crate::error::state_error::StateError;
use apigee_flux_model::names::RevisionId;

/// The number of consecutive reads with the state ERROR after which it is accepted: a runtime that restarts may report
/// it for a moment.
pub(crate) const ERROR_LOOKS: u32 = 3;

/// The meaning of a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is loaded, and every base path leads to it.
    Ready,
    /// The status must be read again.
    NotYet,
    /// It will not become ready by itself.
    Failed(Failure),
}

/// Why a deployment will not become ready by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The runtime reports an error.
    State(StateError),
    /// It is loaded, but another deployment has some of its base paths.
    RouteConflicts(Vec<RoutingConflict>),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::State(error) => error.fmt(f),
            Self::RouteConflicts(conflicts) => {
                let conflicts: Vec<String> = conflicts.iter().map(ToString::to_string).collect();
                write!(f, "it is READY with routeConflicts, so requests do not reach it: {}", conflicts.join("; "))
            }
        }
    }
}

impl Failure {
    /// The error of a run that deployed the revision.
    pub(crate) fn of(self, revision: RevisionId) -> Error {
        match self {
            Self::State(error) => Error::State { revision, error },
            Self::RouteConflicts(_) => Error::Refused(format!("revision {revision}: {self}")),
        }
    }
}

/// Evaluates a status. `started` is when the deployment was accepted: an older status belongs to the previous
/// deployment.
///
/// Route conflicts do not change the state READY (discovery document, `GoogleCloudApigeeV1Deployment.routeConflicts`),
/// so READY alone is not success.
pub(crate) fn judge(status: &Deployment, started: u64) -> Verdict {
    if !status.deploy_start_time.is_empty() && status.started() < started {
        return Verdict::NotYet;
    }
    match status.state {
        RuntimeState::Ready if status.route_conflicts.is_empty() => Verdict::Ready,
        RuntimeState::Ready => Verdict::Failed(Failure::RouteConflicts(status.route_conflicts.clone())),
        RuntimeState::Error => {
            let messages = status.errors.iter().map(|error| error.message.clone()).collect();
            Verdict::Failed(Failure::State(StateError { messages }))
        }
        RuntimeState::Progressing | RuntimeState::Unknown => Verdict::NotYet,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(mut status: serde_json::Value, expected: Result<Verdict, &str>) {
        status["revision"] = json!("2");
        let verdict = judge(&serde_json::from_value(status).unwrap(), 1000);
        match expected {
            Ok(expected) => assert_eq!(verdict, expected),
            Err(part) => {
                assert!(matches!(&verdict, Verdict::Failed(why) if why.to_string().contains(part)), "{verdict:?}");
            }
        }
    }

    #[test]
    fn ready_means_reached() {
        check(json!({"state": "READY"}), Ok(Verdict::Ready));
        check(json!({"state": "PROGRESSING"}), Ok(Verdict::NotYet));
        check(json!({}), Ok(Verdict::NotYet));
        check(json!({"state": "A_NEW_ONE"}), Ok(Verdict::NotYet));
        check(json!({"state": "ERROR"}), Err("gives no reason"));
        check(json!({"state": "ERROR", "errors": [{"code": 9, "message": "no such host"}]}), Err("no such host"));
        let conflict =
            json!({"environmentGroup": "g", "conflictingDeployment": {"apiProxy": "other", "basepath": "/a"}});
        check(json!({"state": "READY", "routeConflicts": [conflict]}), Err("`/a` in environment group `g`"));
        check(json!({"state": "PROGRESSING", "routeConflicts": [conflict]}), Ok(Verdict::NotYet));
    }

    #[test]
    fn a_status_of_the_deployment_before_is_not_believed() {
        check(json!({"state": "READY", "deployStartTime": "999"}), Ok(Verdict::NotYet));
        check(json!({"state": "READY", "deployStartTime": "1000"}), Ok(Verdict::Ready));
    }
}
