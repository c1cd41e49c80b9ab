//! The report to the cluster about one resource.

use super::log::word;
use apigee_flux_deployer::DeployReport;
use apigee_flux_deployer::in_cluster::JobReport;

/// The report to the cluster about one resource.
pub(super) fn job_report(action: &'static str, report: &DeployReport) -> JobReport {
    let outcome = &report.outcome;
    let what = outcome.name.as_deref().unwrap_or("the bundle");
    JobReport {
        action,
        result: word(outcome.result),
        revision: outcome.revision.map(|revision| revision.to_string()),
        is_failed: !report.exit.is_ok(),
        note: format!("{what} in {}: {}", outcome.environment, outcome.reason),
    }
}
