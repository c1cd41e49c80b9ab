//! The results of the bundles of a batch, and their summary for the termination message.

use serde::Serialize;

use crate::api::target::Target;
use crate::rollout::outcome::{BundleResult, DeployReport, Outcome};
use crate::termination_message::{MAX_LINE, cut};
use apigee_flux_model::bundle::{BundleKind, Digest};
use apigee_flux_model::diag::plain::plain;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::RevisionId;

/// What happened to the bundles of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchReport {
    /// One report for each bundle, in the order of the batch.
    pub reports: Vec<DeployReport>,
    /// The run was stopped before all bundles had ended.
    pub stopped: bool,
}

impl BatchReport {
    /// How the program ends: see [`Exit::of_all`]. A retry costs one request for each bundle that is deployed as desired.
    pub fn exit(&self) -> Exit {
        Exit::of_all(self.reports.iter().map(|report| report.exit))
    }

    /// The result of the batch: the worst result of its bundles.
    pub fn result(&self) -> BundleResult {
        let has = |ending: &BundleResult| self.reports.iter().any(|report| report.outcome.result == *ending);
        let worst_first = [BundleResult::Failed, BundleResult::Deployed, BundleResult::Redeployed];
        worst_first.into_iter().find(has).unwrap_or(BundleResult::Unchanged)
    }

    /// Totals, and as many bundles as fit into [`MAX_LINE`] bytes: failures first, then changes. One JSON object.
    pub fn to_line(&self, target: &Target, duration_ms: u64) -> String {
        let count = |ending| self.reports.iter().filter(|report| report.outcome.result == ending).count();
        let mut summary = BatchSummary {
            result: self.result(),
            organization: target.organization.as_str(),
            environment: target.environment.as_str(),
            commit: self.reports.iter().find_map(|report| report.outcome.commit.as_deref()),
            unchanged: count(BundleResult::Unchanged),
            deployed: count(BundleResult::Deployed),
            redeployed: count(BundleResult::Redeployed),
            failed: count(BundleResult::Failed),
            writes: self.reports.iter().map(|report| report.outcome.writes).sum(),
            duration_ms,
            omitted: self.reports.len(),
            bundles: Vec::new(),
        };
        let mut order: Vec<&Outcome> = self.reports.iter().map(|report| &report.outcome).collect();
        order.sort_by_key(|outcome| match outcome.result {
            BundleResult::Failed => 0,
            BundleResult::Deployed | BundleResult::Redeployed | BundleResult::Removed => 1,
            BundleResult::Left => 2,
            BundleResult::Unchanged => 3,
        });
        // A struct of strings and numbers always has a JSON form.
        let length = |summary: &dyn Fn() -> Result<String, serde_json::Error>| summary().unwrap_or_default().len();
        let mut used = length(&|| serde_json::to_string(&summary));
        for outcome in order {
            let entry = BundleEntry::of(outcome);
            used += length(&|| serde_json::to_string(&entry)) + 1;
            if used > MAX_LINE {
                break;
            }
            summary.bundles.push(entry);
            summary.omitted -= 1;
        }
        serde_json::to_string(&summary).unwrap_or_default()
    }
}

/// The termination message of a batch.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchSummary<'a> {
    result: BundleResult,
    organization: &'a str,
    environment: &'a str,
    commit: Option<&'a str>,
    unchanged: usize,
    deployed: usize,
    redeployed: usize,
    failed: usize,
    writes: u32,
    duration_ms: u64,
    /// How many bundles are not listed.
    omitted: usize,
    bundles: Vec<BundleEntry<'a>>,
}

/// A bundle in the summary.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BundleEntry<'a> {
    result: BundleResult,
    kind: Option<BundleKind>,
    name: Option<&'a str>,
    revision: Option<RevisionId>,
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl<'a> BundleEntry<'a> {
    fn of(outcome: &'a Outcome) -> Self {
        let reason = (outcome.result == BundleResult::Failed).then(|| plain(cut(&outcome.reason)));
        Self {
            result: outcome.result,
            kind: outcome.kind,
            name: outcome.name.as_deref(),
            revision: outcome.revision,
            digest: outcome.digest,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, exit: Exit, reason: &str) -> DeployReport {
        let result = if exit.is_ok() { BundleResult::Unchanged } else { BundleResult::Failed };
        let target = Target { organization: "o".parse().unwrap(), environment: "e".parse().unwrap() };
        let outcome = Outcome {
            kind: Some(BundleKind::Proxy),
            name: Some(name.to_owned()),
            ..Outcome::new(result, &target, reason.to_owned())
        };
        DeployReport { outcome, exit }
    }

    fn batch(exits: &[Exit]) -> BatchReport {
        BatchReport { reports: exits.iter().map(|exit| report("a", *exit, "why")).collect(), stopped: false }
    }

    #[test]
    fn the_line_fits_and_tells_failures_first() {
        let target = Target { organization: "o".parse().unwrap(), environment: "e".parse().unwrap() };
        let mut long = batch(&[Exit::Ok; 500]);
        long.reports.push(report("bad", Exit::DataError, &"ä\"".repeat(3000)));
        let line = long.to_line(&target, 1);
        assert!(line.len() <= MAX_LINE && line.len() > MAX_LINE * 3 / 4, "{}", line.len());
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&value["failed"], &value["unchanged"], &value["result"]),
            (&1.into(), &500.into(), &"failed".into())
        );
        assert_eq!(value["bundles"][0]["name"], "bad");
        let listed = value["bundles"].as_array().unwrap().len() as u64;
        assert_eq!(value["omitted"].as_u64().unwrap() + listed, 501);
    }
}
