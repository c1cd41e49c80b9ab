//! What a run shows on its CronJob, and what it adds to the history. Pure.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::configuration::outcome::{Applied, ApplyReport, ResourceResult};
use crate::error::Error;
use crate::in_cluster::{CronJobReport, CronJobResult};
use apigee_flux_configuration::history::{HistoryAction, HistoryEntry};
use apigee_flux_model::diag::plain::plain;
use apigee_flux_model::provenance::Provenance;

/// The results that are changes in Apigee, with their words in a note.
const CHANGES: [(ResourceResult, &str); 4] = [
    (ResourceResult::Created, "created"),
    (ResourceResult::Updated, "updated"),
    (ResourceResult::Adopted, "adopted"),
    (ResourceResult::Deleted, "deleted"),
];

/// The number of resources of one result that a note names.
const NAMED: usize = 5;

/// What a run shows on its CronJob. `now` is the time since 1970.
pub fn cron_job_report(run: &Result<ApplyReport, Error>, now: Duration) -> CronJobReport {
    let report = match run {
        Ok(report) => report,
        Err(error) => {
            return CronJobReport { result: CronJobResult::Failed, repaired: None, note: error.to_string() };
        }
    };
    let has = |result| report.count(result) > 0;
    let is_changed = CHANGES.iter().any(|(result, _)| has(*result));
    let result = match () {
        () if !report.exit().is_ok() => CronJobResult::Failed,
        () if has(ResourceResult::Deleted) => CronJobResult::Deleted,
        () if is_changed => CronJobResult::Repaired,
        () if has(ResourceResult::Left) => CronJobResult::Left,
        () => CronJobResult::Unchanged,
    };
    let others = [(ResourceResult::Failed, "failed"), (ResourceResult::Left, "left to their own Jobs")];
    let parts = others.into_iter().chain(CHANGES).filter_map(|(result, word)| named(report, result, word));
    let parts: Vec<String> = parts.collect();
    let note = if parts.is_empty() { "all resources are in sync".to_owned() } else { parts.join("; ") };
    CronJobReport { result, repaired: is_changed.then_some(now), note }
}

/// What a run changed, for the history. `now` is the time since 1970.
pub(crate) fn history_entries(report: &ApplyReport, provenance: &Provenance, now: Duration) -> Vec<HistoryEntry> {
    let Some(time) = i128::try_from(now.as_nanos()).ok().and_then(|now| Timestamp::from_nanosecond(now).ok()) else {
        return Vec::new();
    };
    let entry = |applied: &Applied| {
        let action = match applied.result {
            ResourceResult::Deleted => HistoryAction::Deleted,
            ResourceResult::Created | ResourceResult::Updated | ResourceResult::Adopted => HistoryAction::Repaired,
            ResourceResult::Failed | ResourceResult::Left | ResourceResult::Unchanged => return None,
        };
        Some(HistoryEntry {
            time: format!("{time:.0}"),
            action,
            id: applied.id.clone(),
            commit: provenance.commit.clone(),
            source: provenance.source.clone(),
            reason: plain(&applied.reason),
        })
    };
    report.resources.iter().filter_map(entry).collect()
}

/// How many resources have a result, and the first of them.
fn named(report: &ApplyReport, result: ResourceResult, word: &str) -> Option<String> {
    let all: Vec<String> = report
        .resources
        .iter()
        .filter(|applied| applied.result == result)
        .map(|applied| match result {
            ResourceResult::Failed => format!("{}: {}", applied.id, applied.reason),
            _ => applied.id.to_string(),
        })
        .collect();
    if all.is_empty() {
        return None;
    }
    let more = if all.len() > NAMED { ", …" } else { "" };
    let first = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    Some(format!("{} {word} ({first}{more})", all.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::outcome::failed;
    use apigee_flux_configuration::Id;
    use apigee_flux_model::exit::Exit;

    fn applied(name: &str, result: ResourceResult) -> Applied {
        let id = Id { kind: "ApigeeProxy".to_owned(), parent: None, name: name.to_owned() };
        match result {
            ResourceResult::Failed => failed(&id, &Error::Temporary("why".to_owned())),
            ResourceResult::Left => failed(&id, &Error::Left("why".to_owned())),
            _ => Applied { id, result, reason: String::new(), fields: Vec::new(), exit: Exit::Ok },
        }
    }

    #[track_caller]
    fn check(results: &[ResourceResult], result: CronJobResult, is_repaired: bool, note: &str) {
        let resources = results.iter().enumerate().map(|(at, result)| applied(&format!("p{at}"), *result)).collect();
        let now = Duration::from_secs(1);
        let report = cron_job_report(&Ok(ApplyReport { resources, writes: 0 }), now);
        let repaired = is_repaired.then_some(now);
        assert_eq!(report, CronJobReport { result, repaired, note: note.to_owned() });
    }

    #[test]
    fn only_changes_are_history() {
        use ResourceResult::{Deleted, Failed, Left, Unchanged, Updated};
        let results = [Failed, Left, Unchanged, Updated, Deleted];
        let resources = results.iter().enumerate().map(|(at, result)| applied(&format!("p{at}"), *result)).collect();
        let report = ApplyReport { resources, writes: 0 };
        let entries = history_entries(&report, &Provenance::default(), Duration::from_secs(1_700_000_000));
        let shown: Vec<_> = entries.iter().map(|entry| (entry.id.name.as_str(), entry.action)).collect();
        assert_eq!(shown, [("p3", HistoryAction::Repaired), ("p4", HistoryAction::Deleted)]);
        assert_eq!(entries[0].time, "2023-11-14T22:13:20Z");
    }

    #[test]
    fn the_worst_is_shown_and_all_changes_are_named() {
        use ResourceResult::{Deleted, Failed, Left, Unchanged, Updated};
        check(&[Unchanged], CronJobResult::Unchanged, false, "all resources are in sync");
        check(&[Unchanged, Left], CronJobResult::Left, false, "1 left to their own Jobs (ApigeeProxy p1)");
        check(&[Updated], CronJobResult::Repaired, true, "1 updated (ApigeeProxy p0)");
        let note = "1 updated (ApigeeProxy p0); 1 deleted (ApigeeProxy p1)";
        check(&[Updated, Deleted], CronJobResult::Deleted, true, note);
        let note = "1 failed (ApigeeProxy p0: why); 1 updated (ApigeeProxy p1)";
        check(&[Failed, Updated], CronJobResult::Failed, true, note);
        let six = "6 updated (ApigeeProxy p0, ApigeeProxy p1, ApigeeProxy p2, ApigeeProxy p3, ApigeeProxy p4, …)";
        check(&[Updated; 6], CronJobResult::Repaired, true, six);
    }
}
