//! What the reconciler may do in its cluster: read the Jobs, the inventory and the bundles of its namespace, and report on its CronJob.

use super::api_access::{callers, grant, rule};
use super::metadata::Metadata;
use super::object::Object;

/// The argument that makes the reconciler read the cluster.
pub(super) const ARGUMENT: &str = "--from-cluster";

/// The name of the Role and its RoleBinding.
const ROLE: &str = "apigee-deployer-reconcile";

/// The Role and RoleBinding for the CronJobs; `None` if there is none. All objects are in one namespace.
pub fn reconcile_access<'o>(objects: impl Iterator<Item = &'o Object>, metadata: &Metadata<'_>) -> Option<[Object; 2]> {
    let cron_jobs = callers(objects, ARGUMENT);
    if cron_jobs.names.is_empty() {
        return None;
    }
    let rules = vec![
        // A rule cannot restrict `list` to names or labels. Secrets are not readable.
        rule("", "configmaps", &["get", "list"], None),
        rule("batch", "jobs", &["get", "list"], None),
        rule("batch", "cronjobs", &["get", "patch"], Some(cron_jobs.names)),
        rule("events.k8s.io", "events", &["create"], None),
    ];
    Some(grant(ROLE, rules, cron_jobs.accounts, metadata))
}
