//! Reports a Job's result, on the Job and as an Event.

use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::api::batch::v1::Job;

use crate::in_cluster::kubernetes_error::Call;
use crate::in_cluster::{ApiServer, JobReport};
use apigee_flux_model::names::kubernetes::FIELD_MANAGER;

/// Creates an Event.
pub(super) const CREATE_EVENT: Call = Call { verb: "create", resource: "events" };

/// Sets the labels of the Job and creates an Event about it. Each is attempted even if the other one fails; the error
/// contains both.
pub async fn report(server: &ApiServer, job: &str, report: &JobReport) -> Result<(), String> {
    let namespace = server.namespace();
    let labels = report.labels(job, namespace);
    let call = Call { verb: "patch", resource: "jobs" };
    let labelled = server.apply::<Job>(call, job, FIELD_MANAGER, &labels).await;
    let uid = labelled.as_ref().ok().and_then(|job| job.metadata.uid.as_deref());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let event = report.event(job, namespace, uid, now)?;
    let created = server.create(CREATE_EVENT, &event).await;
    let errors: Vec<String> =
        [labelled.err(), created.err()].into_iter().flatten().map(|error| error.to_string()).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}
