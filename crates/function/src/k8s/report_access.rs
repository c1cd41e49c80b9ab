//! What a Job needs to report to its own cluster: the variable with its name, and a Role that allows a label on the Job and an Event, and
//! no more.

use k8s_openapi::api::core::v1::EnvVar;

use super::api_access::{callers, grant, rule};
use super::metadata::Metadata;
use super::object::Object;
use super::pod::field_variable;

/// The variable with the Job's name. It comes from a label of the pod, since kustomize does not add a name prefix to arguments.
const JOB_VARIABLE: &str = "APIGEE_FLUX_JOB";

const ARGUMENT: &str = "--report-job";

/// The name of the Role and its RoleBinding.
const ROLE: &str = "apigee-deployer-report";

/// The argument that makes the deployer report; Kubernetes expands the variable.
pub(super) fn argument() -> String {
    format!("{ARGUMENT}=$({JOB_VARIABLE})")
}

/// The variable with the Job's name.
pub(super) fn variable() -> EnvVar {
    field_variable(JOB_VARIABLE, "metadata.labels['batch.kubernetes.io/job-name']")
}

/// The Role and RoleBinding for the Jobs that report; `None` if no Job reports. All objects are in one namespace.
pub fn report_access<'o>(objects: impl Iterator<Item = &'o Object>, metadata: &Metadata<'_>) -> Option<[Object; 2]> {
    let jobs = callers(objects, ARGUMENT);
    if jobs.names.is_empty() {
        return None;
    }
    let rules = vec![
        rule("batch", "jobs", &["patch"], Some(jobs.names)),
        // A rule cannot restrict `create` to names.
        rule("events.k8s.io", "events", &["create"], None),
    ];
    Some(grant(ROLE, rules, jobs.accounts, metadata))
}
