//! What a Job needs to report to its own cluster: the variable with its name, and a Role that allows a label on the Job and an Event, and
//! no more.

use k8s_openapi::api::core::v1::EnvVar;

use super::api_access::{Callers, callers, grant, rule};
use super::client_side::{FILL_BYTES, text_bytes};
use super::metadata::Metadata;
use super::object::Object;
use super::pod::field_variable;
use apigee_flux_model::stable_parts;

/// The variable with the Job's name. It comes from a label of the pod, since kustomize does not add a name prefix to arguments.
const JOB_VARIABLE: &str = "APIGEE_FLUX_JOB";

const ARGUMENT: &str = "--report-job";

/// The name of the first Role and its RoleBinding; the others have a number after it.
const ROLE: &str = "apigee-deployer-report";

/// How much text of names a Role may have, as JSON in bytes.
const ROOM_BYTES: usize = FILL_BYTES - 4 * 1024;

/// The argument that makes the deployer report; Kubernetes expands the variable.
pub(super) fn argument() -> String {
    format!("{ARGUMENT}=$({JOB_VARIABLE})")
}

/// The variable with the Job's name.
pub(super) fn variable() -> EnvVar {
    field_variable(JOB_VARIABLE, "metadata.labels['batch.kubernetes.io/job-name']")
}

/// The Roles and RoleBindings for the Jobs that report; none if no Job reports. All objects are in one namespace. A Role names its Jobs, so many Jobs
/// have several Roles; the Role of a Job depends on its name only.
pub fn report_access<'o>(
    objects: impl Iterator<Item = &'o Object>,
    metadata: &Metadata<'_>,
) -> Result<Vec<Object>, String> {
    let Callers { names, accounts } = callers(objects, ARGUMENT);
    let size = |name: &String| Ok::<_, String>([text_bytes(name) + ",".len()]);
    let parts = stable_parts::split(names.into_iter().collect(), String::clone, size, ROOM_BYTES)?;
    let used = parts.into_iter().enumerate().filter(|(_, names)| !names.is_empty());
    let granted = used.flat_map(|(number, names)| {
        let role = if number == 0 { ROLE.to_owned() } else { format!("{ROLE}-{}", number + 1) };
        let rules = vec![
            rule("batch", "jobs", &["patch"], Some(names.into_iter().collect())),
            // A rule cannot restrict `create` to names.
            rule("events.k8s.io", "events", &["create"], None),
        ];
        grant(&role, rules, accounts.clone(), metadata)
    });
    Ok(granted.collect())
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::JobSpec;

    use super::*;
    use crate::k8s::json_bytes;

    #[test]
    fn no_role_grows_with_the_jobs() {
        let metadata = Metadata { namespace: None, owner: "test", role: "report", bundle: None, component: "deployer" };
        let pod = serde_json::json!({"spec": {"containers": [{"name": "deploy", "args": [argument()]}]}});
        let job = |number: u32| {
            let spec = JobSpec { template: serde_json::from_value(pod.clone()).unwrap(), ..JobSpec::default() };
            Object::job(metadata.object(&format!("apigee-prod-orders-service-{number:05}")), spec)
        };
        let made = |count| {
            let jobs: Vec<Object> = (0..count).map(job).collect();
            report_access(jobs.iter(), &metadata).unwrap()
        };
        assert_eq!(made(0).len(), 0);
        assert_eq!(made(10).iter().map(|object| object.id.name.as_str()).collect::<Vec<_>>(), [ROLE, ROLE]);
        let many = made(20_000);
        assert!(many.len() > 4 && many.iter().all(|object| json_bytes(object).unwrap() <= FILL_BYTES));
    }
}
