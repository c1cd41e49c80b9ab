//! The end of a command that writes configuration: `apply` and `reconcile`.

use std::process::ExitCode;
use std::sync::Arc;

use super::args::OutputArgs;
use super::log::{Log, word};
use apigee_flux_configuration::{Id, OwnedPlace, Place};
use apigee_flux_deployer::Error;
use apigee_flux_deployer::apply::{Applied, ApplyEvent, ApplyListener, ApplyReport, ResourceResult};
use apigee_flux_deployer::in_cluster::JobReport;
use apigee_flux_model::diag::Severity;
use apigee_flux_model::diag::plain::plain;
use apigee_flux_model::duration;
use apigee_flux_model::exit::Exit;

/// The result of a run.
pub(super) struct CompletedRun {
    pub report: ApplyReport,
    pub commit: Option<String>,
    /// The run was stopped by SIGTERM.
    pub stopped: bool,
    /// The run only compared: any difference is reported by the exit code.
    pub look: bool,
}

/// What is left to its own Job is neither in sync nor a difference.
fn is_different(applied: &Applied) -> bool {
    !matches!(applied.result, ResourceResult::Unchanged | ResourceResult::Left)
}

impl CompletedRun {
    fn exit(&self) -> Exit {
        match self.report.exit() {
            _ if self.stopped => Exit::Terminated,
            Exit::Ok if self.look && self.report.resources.iter().any(is_different) => Exit::Different,
            exit => exit,
        }
    }
}

/// A listener that logs each step and writes each result.
pub(super) fn progress(log: &Log, place: &OwnedPlace) -> ApplyListener {
    let (log, place) = (log.clone(), place.clone());
    let of = move |log: &Log, id: &Id| log.of(&id.kind, &id.path(), place.environment.as_deref().unwrap_or_default());
    Arc::new(move |event: ApplyEvent<'_>| match event {
        ApplyEvent::Step(id, event) => of(&log, id).event(event),
        ApplyEvent::Ended(place, applied) => {
            if !applied.exit.is_ok() {
                of(&log, &applied.id).write(Severity::Error, "result", &applied.reason);
            }
            if let Err(error) = log.print_result(&applied.to_line(place)) {
                log.write(Severity::Error, "result", &format!("a result cannot be written: {error}"));
            }
        }
    })
}

/// Writes the overall result.
pub(super) fn end(
    log: &Log,
    output: &OutputArgs,
    action: &'static str,
    place: &OwnedPlace,
    result: &Result<CompletedRun, Error>,
) -> ExitCode {
    let took = duration::millis(log.elapsed());
    let place = place.as_place();
    let (line, exit, note) = match &result {
        Ok(ended) => {
            let resources = &ended.report.resources;
            let failed = resources.iter().filter(|applied| !applied.exit.is_ok()).count();
            let note = format!("{} resources of {place}, {failed} of them failed", resources.len());
            (ended.report.to_line(place, ended.commit.as_deref(), took), ended.exit(), note)
        }
        Err(error) => (failure(place, error, took), error.exit(), format!("{place}: {error}")),
    };
    log.write(if exit.is_ok() { Severity::Info } else { Severity::Error }, "result", &note);
    let ending = match result {
        Ok(ended) => ended.report.result(),
        Err(_) => ResourceResult::Failed,
    };
    let report = JobReport { action, result: word(ending), revision: None, is_failed: !exit.is_ok(), note };
    output.write_result(log, &line, &report);
    ExitCode::from(exit.code())
}

fn failure(place: Place<'_>, error: &Error, took: u64) -> String {
    serde_json::json!({
        "result": "failed",
        "organization": place.organization,
        "environment": place.environment,
        "durationMs": took,
        "reason": plain(apigee_flux_deployer::termination_message::cut(&error.to_string())),
    })
    .to_string()
}
