//! What the reconciler reports to its cluster: a label and an annotation on its CronJob, and an Event about it.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Value, json};

use crate::in_cluster::job_report::RESULT;

/// The annotation of the CronJob with the time of the last run that changed something in Apigee.
const LAST_REPAIR: &str = "apigeeflux.dev/last-repair";

/// The result of a run, the value of the label `apigeeflux.dev/result`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CronJobResult {
    /// All was in sync.
    Unchanged,
    /// Something was left to its own Job, the rest was in sync.
    Left,
    /// Drift was repaired.
    Repaired,
    /// Resources were deleted.
    Deleted,
    /// Something failed.
    Failed,
}

impl CronJobResult {
    /// The value of the label.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Left => "left",
            Self::Repaired => "repaired",
            Self::Deleted => "deleted",
            Self::Failed => "failed",
        }
    }
}

/// The result of a run of the reconciler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronJobReport {
    /// The result.
    pub result: CronJobResult,
    /// When the run changed something in Apigee, as the time since 1970; `None` if it did not.
    pub repaired: Option<Duration>,
    /// A message for people, for the Event. A long one is truncated.
    pub note: String,
}

impl CronJobReport {
    /// The server-side apply configuration that sets only the label and the annotation. The time of the last repair stays as it is
    /// (`last`) after a run without one, since a field that is not applied again is removed.
    pub fn labels(&self, cron_job: &str, namespace: &str, last: Option<&str>) -> Value {
        let now = self.repaired.and_then(|time| i128::try_from(time.as_nanos()).ok());
        let now = now.and_then(|time| Timestamp::from_nanosecond(time).ok()).map(|time| format!("{time:.0}"));
        let mut metadata = json!({"name": cron_job, "namespace": namespace, "labels": {RESULT: self.result.word()}});
        if let Some(time) = now.as_deref().or(last) {
            metadata["annotations"] = json!({LAST_REPAIR: time});
        }
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata})
    }

    /// The time of the last repair in the annotations of a CronJob.
    pub(super) fn last_repair(annotations: Option<&std::collections::BTreeMap<String, String>>) -> Option<&str> {
        annotations.and_then(|all| all.get(LAST_REPAIR)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_repair_stays_until_the_next_one() {
        let report = |repaired| CronJobReport { result: CronJobResult::Repaired, repaired, note: String::new() };
        let labels = report(Some(Duration::from_secs(1_700_000_000))).labels("c", "n", Some("before"));
        assert_eq!(
            labels.to_string(),
            r#"{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"c","namespace":"n","labels":{"apigeeflux.dev/result":"repaired"},"annotations":{"apigeeflux.dev/last-repair":"2023-11-14T22:13:20Z"}}}"#
        );
        let labels = report(None).labels("c", "n", Some("before"));
        assert_eq!(labels["metadata"]["annotations"][LAST_REPAIR], "before");
        assert_eq!(report(None).labels("c", "n", None)["metadata"].get("annotations"), None);
    }
}
