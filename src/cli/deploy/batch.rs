//! `apigee-flux deploy --batch`: deploys all bundles of an environment.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use super::tally::Tally;
use super::{DeployArgs, Log, block_on, client, desired, failed, job_report, options};
use crate::cli::log::word;
use crate::cli::sigterm::terminated;
use apigee_flux_deployer::batch::BatchEvent;
use apigee_flux_deployer::in_cluster::JobReport;
use apigee_flux_deployer::mount::{digest_of, read_batch};
use apigee_flux_deployer::termination_message::MAX_LINE;
use apigee_flux_deployer::{BatchReport, DeployReport, Error, deploy_batch};
use apigee_flux_model::diag::Severity;
use apigee_flux_model::duration::millis;
use apigee_flux_model::exit::Exit;

/// Deploys the batch. The result of each bundle is a JSON line on stdout as soon as it is known; the last line is the overall result, which
/// is also the termination log.
pub(super) fn run(args: &DeployArgs, file: &Path, folder: &Path, log: &Log) -> ExitCode {
    let log = log.of_environment(args.target.environment.as_str());
    let result = block_on(deploy_all(args, file, folder, &log)).flatten();
    log.show_status("");
    let (line, exit, report) = match &result {
        Ok(report) => {
            let line = report.to_line(&args.target.target(), millis(log.elapsed()));
            (line, exit(report), job_report_of_batch(args, report))
        }
        Err(error) => {
            let report = failed(args, error, log.elapsed());
            (report.outcome.to_line(), report.exit, job_report("Deploy", &report))
        }
    };
    debug_assert!(line.len() <= MAX_LINE);
    let level = if exit.is_ok() { Severity::Info } else { Severity::Error };
    log.write(level, "result", &summary(args, &result));
    args.output.write_result(&log, &line, &report);
    ExitCode::from(exit.code())
}

async fn deploy_all(args: &DeployArgs, file: &Path, folder: &Path, log: &Log) -> Result<BatchReport, Error> {
    let bundles = read_batch(file, folder)?;
    let digest = digest_of(file)?;
    let options = options(args, desired(args, |state| state.provenance_of_document(digest))?);
    let client = client(args, log)?;
    let (tally, environment) = (Mutex::new(Tally::new(bundles.len())), args.target.environment.to_string());
    let events = log.clone();
    let progress = move |event: BatchEvent<'_>| {
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            BatchEvent::Step(bundle, event) => {
                let name = bundle.name.as_str();
                events.of(bundle.kind, name, &environment).beside(bundle.folder()).event(event);
                if tally.works_on(bundle.kind, name) {
                    events.show_status(&tally.to_string());
                }
            }
            BatchEvent::Ended(report) => {
                events.end(report);
                if let Err(error) = events.print_result(&report.outcome.to_line()) {
                    events.write(Severity::Error, "result", &format!("a result cannot be written: {error}"));
                }
                tally.ended(report);
                events.show_status(&tally.to_string());
            }
        }
    };
    let (target, progress) = (args.target.target(), Arc::new(progress));
    deploy_batch(&client, bundles, &target, &options, args.workers, progress, terminated(log)).await
}

fn exit(report: &BatchReport) -> Exit {
    if report.stopped { Exit::Terminated } else { report.exit() }
}

fn summary(args: &DeployArgs, result: &Result<BatchReport, Error>) -> String {
    match result {
        Ok(report) => counts(args, report),
        Err(error) => format!("the batch of {}: {error}", args.target.environment),
    }
}

fn counts(args: &DeployArgs, report: &BatchReport) -> String {
    format!(
        "{} bundles in {}, {} of them failed",
        report.reports.len(),
        args.target.environment,
        failures(report).count()
    )
}

fn failures(report: &BatchReport) -> impl Iterator<Item = &DeployReport> {
    report.reports.iter().filter(|report| !report.exit.is_ok())
}

/// The report to the cluster: the overall result, and the failures.
fn job_report_of_batch(args: &DeployArgs, report: &BatchReport) -> JobReport {
    let failed = failures(report).map(|report| {
        let outcome = &report.outcome;
        format!("; {}: {}", outcome.name.as_deref().unwrap_or_default(), outcome.reason)
    });
    JobReport {
        action: "Deploy",
        result: word(report.result()),
        revision: None,
        is_failed: !exit(report).is_ok(),
        note: std::iter::once(counts(args, report)).chain(failed).collect(),
    }
}
