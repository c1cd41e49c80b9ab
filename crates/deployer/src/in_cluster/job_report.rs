//! What a Job's pod reports to its own cluster: labels on the Job, and an Event about it.

use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use serde_json::{Value, json};

use crate::in_cluster::event::{Regarding, Statement, event};
use apigee_flux_model::names::kubernetes::label_value;

/// The label of the Job with the deployed revision.
const REVISION: &str = "apigeeflux.dev/revision";

/// The label of a Job or CronJob with its result.
pub(super) const RESULT: &str = "apigeeflux.dev/result";

/// The result of a Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReport {
    /// The action of the Job, one word in upper camel case.
    pub action: &'static str,
    /// The result, one word in lower case.
    pub result: String,
    /// The revision with the desired bundle, if there is one.
    pub revision: Option<String>,
    /// Whether the Job failed and needs attention.
    pub is_failed: bool,
    /// A message for people. A long one is truncated.
    pub note: String,
}

impl JobReport {
    /// The server-side apply configuration that sets only the labels of the Job.
    pub fn labels(&self, job: &str, namespace: &str) -> Value {
        let mut labels = json!({RESULT: label_value(&self.result)});
        if let Some(revision) = &self.revision {
            labels[REVISION] = label_value(revision).into();
        }
        json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": job, "namespace": namespace, "labels": labels},
        })
    }

    /// The Event about the Job. `kubectl describe` finds it by the Job's `uid`; `now` is the time since 1970.
    pub fn event(&self, job: &str, namespace: &str, uid: Option<&str>, now: Duration) -> Result<Event, String> {
        let regarding = Regarding { kind: "Job", name: job, namespace, uid };
        let statement =
            Statement { action: self.action, result: &self.result, is_warning: self.is_failed, note: &self.note };
        event(regarding, statement, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(note: &str) -> JobReport {
        JobReport {
            action: "Deploy",
            result: "deployed".to_owned(),
            revision: Some("7".to_owned()),
            is_failed: false,
            note: note.to_owned(),
        }
    }

    #[test]
    fn the_labels_are_all_that_is_applied() {
        let labels = report("x").labels("apigee-prod-orders", "team");
        assert_eq!(
            labels.to_string(),
            r#"{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"apigee-prod-orders","namespace":"team","labels":{"apigeeflux.dev/result":"deployed","apigeeflux.dev/revision":"7"}}}"#
        );
        let none = JobReport { revision: None, ..report("x") }.labels("j", "n");
        assert_eq!(none["metadata"]["labels"], json!({"apigeeflux.dev/result": "deployed"}));
    }

    #[test]
    fn the_event_is_one_that_the_api_takes() {
        let now = Duration::from_millis(1_700_000_000_123);
        let json = |event| serde_json::to_value(event).unwrap();
        let event = json(report("why").event("apigee-prod-orders", "team", Some("u-1"), now).unwrap());
        assert_eq!(
            event,
            json!({
                "apiVersion": "events.k8s.io/v1",
                "kind": "Event",
                "metadata": {"name": "apigee-prod-orders.17979cfe3d7ed4c0", "namespace": "team"},
                "eventTime": "2023-11-14T22:13:20.123000Z",
                "action": "Deploy",
                "reason": "Deployed",
                "note": "why",
                "type": "Normal",
                "regarding": {
                    "apiVersion": "batch/v1", "kind": "Job", "name": "apigee-prod-orders", "namespace": "team", "uid": "u-1",
                },
                "reportingController": "apigeeflux.dev/apigee-deployer",
                "reportingInstance": "apigee-prod-orders",
            })
        );
        let failed = JobReport { is_failed: true, result: "failed".to_owned(), ..report("x") };
        let event = json(failed.event("j", "n", None, now).unwrap());
        assert_eq!((&event["type"], &event["reason"]), (&"Warning".into(), &"Failed".into()));
    }
}
