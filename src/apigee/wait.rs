//! Waits for a deployment. Apigee has no operation to wait for; the status is asked for until it is final.

use std::time::Duration;

use tokio::time::Instant;

use super::client::{Client, ResourceName};
use super::deployment::{Deployment, RuntimeState};
use super::retry::jittered;
use super::{Error, Name, RevisionId};

/// How often the status is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Polling {
    /// Before the first question.
    pub first: Duration,
    /// No pause is longer; each is half as long again as the one before.
    pub longest: Duration,
    /// For so long a 404 is not a failure: the status of a young deployment is not there yet
    /// (<https://github.com/apigee/apigee-deploy-maven-plugin/issues/243>).
    pub grace: Duration,
}

impl Default for Polling {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(10), grace: Duration::from_mins(1) }
    }
}

/// What a status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It runs, and every base path leads to it.
    Ready,
    /// Ask again.
    NotYet,
    /// It will not become ready by itself.
    Failed(String),
}

/// Judges a status. `started` is when the deployment was accepted: an older status is of the deployment before.
///
/// Route conflicts leave the state READY (discovery document, `GoogleCloudApigeeV1Deployment.routeConflicts`), so READY alone is
/// not success.
pub fn judge(status: &Deployment, started: u64) -> Verdict {
    if status.deploy_start_time.parse().is_ok_and(|time: u64| time < started) {
        return Verdict::NotYet;
    }
    match status.state {
        RuntimeState::Ready if status.route_conflicts.is_empty() => Verdict::Ready,
        RuntimeState::Ready => {
            let conflicts: Vec<String> = status.route_conflicts.iter().map(ToString::to_string).collect();
            Verdict::Failed(format!("it runs and is not reached: {}", conflicts.join("; ")))
        }
        RuntimeState::Error => {
            let errors: Vec<&str> = status.errors.iter().map(|error| error.message.as_str()).collect();
            Verdict::Failed(match errors.as_slice() {
                [] => "its state is ERROR and Apigee gives no reason".to_owned(),
                errors => format!("its state is ERROR: {}", errors.join("; ")),
            })
        }
        RuntimeState::Progressing | RuntimeState::Unknown => Verdict::NotYet,
    }
}

/// How to wait for one resource in one environment.
#[derive(Clone, Copy)]
pub struct Wait<'a> {
    /// Asks.
    pub client: &'a Client,
    /// About this proxy or shared flow.
    pub resource: ResourceName<'a>,
    /// In this environment.
    pub environment: &'a Name,
    /// Gives up after it.
    pub timeout: Duration,
    /// How often.
    pub polling: Polling,
}

impl Wait<'_> {
    /// Waits until the revision is ready, cannot become ready, or time is up. `started` is when its deployment was accepted, in
    /// milliseconds since 1970 (0: any status counts); `seen` hears each change of the state.
    pub async fn until_ready(&self, id: RevisionId, started: u64, seen: &(dyn Fn(String) + Sync)) -> Result<(), Error> {
        let begin = Instant::now();
        let deadline = begin + self.timeout;
        let mut pause = self.polling.first;
        let mut last = String::new();
        loop {
            tokio::time::sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
            pause = jittered(pause.saturating_mul(3) / 2).max(self.polling.first).min(self.polling.longest);
            let state = match self.client.deployment(self.resource, self.environment, id).await {
                Ok(status) => match judge(&status, started) {
                    Verdict::Ready => return Ok(()),
                    Verdict::Failed(why) => return Err(Error::Refused(format!("revision {id}: {why}"))),
                    Verdict::NotYet => status.state.to_string(),
                },
                Err(error) if error.is_not_found() && begin.elapsed() < self.polling.grace => "not reported".to_owned(),
                Err(error) if error.is_temporary() && !error.is_not_found() => error.to_string(),
                Err(error) => return Err(error),
            };
            if state != last {
                seen(format!("revision {id}: {state}"));
                last = state;
            }
            if Instant::now() >= deadline {
                return Err(Error::Temporary(format!(
                    "revision {id}: not READY after {:?}; last state: {last}; a slow runtime needs a longer --timeout",
                    self.timeout
                )));
            }
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
