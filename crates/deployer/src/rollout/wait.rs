//! Waits for a deployment. Apigee has no operation to wait for, so the status is polled until it is final.

use std::time::Duration;

use tokio::time::Instant;

use crate::api::deployment::{Deployment, RuntimeState};
use crate::api::retry::jittered;
use crate::error::Error;
use crate::rollout::deploy::Phase;
use crate::rollout::site::Site;
use apigee_flux_model::names::RevisionId;

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

/// The number of consecutive reads with the state ERROR after which it is accepted: a runtime that restarts may report
/// it for a moment.
pub const ERROR_LOOKS: u32 = 3;

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

/// Precedes the runtime's error messages.
pub(crate) const STATE_ERROR: &str = "its state is ERROR: ";

/// The meaning of a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is loaded, and every base path leads to it.
    Ready,
    /// The status must be read again.
    NotYet,
    /// It will not become ready by itself.
    Failed(String),
}

/// Evaluates a status. `started` is when the deployment was accepted: an older status belongs to the previous
/// deployment.
///
/// Route conflicts do not change the state READY (discovery document, `GoogleCloudApigeeV1Deployment.routeConflicts`),
/// so READY alone is not success.
pub fn judge(status: &Deployment, started: u64) -> Verdict {
    if !status.deploy_start_time.is_empty() && status.started() < started {
        return Verdict::NotYet;
    }
    match status.state {
        RuntimeState::Ready if status.route_conflicts.is_empty() => Verdict::Ready,
        RuntimeState::Ready => {
            let conflicts: Vec<String> = status.route_conflicts.iter().map(ToString::to_string).collect();
            Verdict::Failed(format!(
                "it is READY with routeConflicts, so requests do not reach it: {}",
                conflicts.join("; ")
            ))
        }
        RuntimeState::Error => {
            let errors: Vec<&str> = status.errors.iter().map(|error| error.message.as_str()).collect();
            Verdict::Failed(match errors.as_slice() {
                [] => "its state is ERROR and Apigee gives no reason".to_owned(),
                errors => format!("{STATE_ERROR}{}", errors.join("; ")),
            })
        }
        RuntimeState::Progressing | RuntimeState::Unknown => Verdict::NotYet,
    }
}

/// Why a revision did not become ready.
#[derive(Debug)]
pub(crate) struct NotReady {
    pub error: Error,
    /// Apigee reported the failure. Otherwise the last read had no reliable status, so the revision may be ready.
    pub is_seen: bool,
}

impl NotReady {
    /// Apigee reported the failure.
    pub(crate) fn seen(error: Error) -> Self {
        Self { error, is_seen: true }
    }

    fn unseen(error: Error) -> Self {
        Self { error, is_seen: false }
    }
}

/// Waits for one revision.
#[derive(Clone, Copy)]
pub(crate) struct Wait<'a> {
    pub site: Site<'a>,
    pub id: RevisionId,
    /// When its deployment was accepted, in milliseconds since 1970; 0: any status counts.
    pub started: u64,
    /// When to give up.
    pub deadline: Instant,
}

impl Wait<'_> {
    /// Waits until the revision is ready, fails, is replaced by another deployer, or the deadline passes. It has failed
    /// if [`ERROR_LOOKS`] consecutive reads say so.
    pub(crate) async fn until_ready(&self) -> Result<(), NotReady> {
        let Site { client, resource, environment, options, .. } = self.site;
        let (id, polling, begin) = (self.id, options.polling, Instant::now());
        let mut pause = polling.first;
        let (mut last, mut errors) = (String::new(), 0);
        loop {
            client.stop().sleep(pause.min(self.deadline.saturating_duration_since(Instant::now()))).await;
            pause = polling.longer(pause);
            let found = client.deployment(resource, environment, id).await;
            let is_seen = found.is_ok();
            let state = match found {
                Ok(status) => match judge(&status, self.started) {
                    Verdict::Ready => return Ok(()),
                    Verdict::Failed(why) => {
                        errors += 1;
                        if errors >= ERROR_LOOKS {
                            return Err(NotReady::seen(Error::Refused(format!("revision {id}: {why}"))));
                        }
                        pause = polling.between_errors();
                        why
                    }
                    Verdict::NotYet => {
                        errors = 0;
                        status.state.to_string()
                    }
                },
                Err(error) if error.is_not_found() => {
                    self.why_missing(begin.elapsed() < polling.grace).await.map_err(NotReady::unseen)?
                }
                Err(error) if error.is_temporary() => error.to_string(),
                Err(error) => return Err(NotReady::unseen(error)),
            };
            if state != last {
                self.site.say(Phase::Wait, format!("revision {id}: {state}"));
                last = state;
            }
            if Instant::now() >= self.deadline {
                let error = Error::Temporary(format!(
                    "revision {id}: not READY after {:.0?}; last state: {last}; if the runtime is slow, increase \
                     --timeout",
                    begin.elapsed()
                ));
                // An ERROR that was not read often enough is not accepted.
                return Err(NotReady { error, is_seen: is_seen && errors == 0 });
            }
        }
    }

    /// Why there is no status: the deployment is too new, or it is no longer deployed.
    async fn why_missing(&self, young: bool) -> Result<String, Error> {
        let id = self.id;
        match self.site.deployed().await {
            Ok(Some(now)) if now.revision != id && now.started() >= self.started => Err(Error::Overtaken(format!(
                "another deployer deployed revision {} in place of revision {id} before it was ready; that deployment \
                 is not changed",
                now.revision
            ))),
            Ok(None) if !young => {
                Err(Error::Overtaken(format!("revision {id} was undeployed by another client before it was ready")))
            }
            Ok(_) => Ok("not reported".to_owned()),
            Err(error) if error.is_temporary() => Ok(error.to_string()),
            Err(error) => Err(error),
        }
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
            Err(part) => assert!(matches!(&verdict, Verdict::Failed(why) if why.contains(part)), "{verdict:?}"),
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
