//! `apigee-flux deploy --batch`: all bundles of an environment.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::{Args, Log, client, failed, options, read_provenance, target, terminated, write_existing};
use crate::apigee::batch::BatchEvent;
use crate::apigee::error::TERMINATED;
use crate::apigee::mount::read_batch;
use crate::apigee::outcome::MAX_LINE;
use crate::apigee::{BatchReport, Error, deploy_batch};
use crate::duration::millis;

/// Deploys. Each bundle's result is a JSON line on stdout as it ends, and the last line there, which is also the termination log, is
/// that of all.
pub(super) fn run(args: &Args, file: &Path, folder: &Path, log: Log) -> ExitCode {
    let result = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(deploy_all(args, file, folder, log)),
        Err(error) => Err(Error::Temporary(format!("the runtime cannot start: {error}"))),
    };
    let (line, code) = match &result {
        Ok(report) => (report.to_line(&target(args), millis(log.start.elapsed())), exit_code(report)),
        Err(error) => (failed(args, error, log.start).outcome.to_line(), error.exit_code()),
    };
    debug_assert!(line.len() <= MAX_LINE);
    log.write("result", &summary(args, &result));
    write_line(log, &line);
    if let Err(error) = write_existing(&args.termination_log, &format!("{line}\n")) {
        log.write("result", &format!("the result cannot be written: {error}"));
    }
    ExitCode::from(code)
}

async fn deploy_all(args: &Args, file: &Path, folder: &Path, log: Log) -> Result<BatchReport, Error> {
    let bundles = read_batch(file, folder)?;
    let options = options(args, read_provenance(args.provenance.as_deref())?);
    let client = client(args, log)?;
    let progress = move |event: BatchEvent<'_>| match event {
        BatchEvent::Step(bundle, event) => log.event_of(bundle.name.as_str(), event),
        BatchEvent::Ended(report) => {
            log.end(report);
            write_line(log, &report.outcome.to_line());
        }
    };
    deploy_batch(&client, bundles, &target(args), &options, args.workers, Arc::new(progress), terminated()).await
}

fn exit_code(report: &BatchReport) -> u8 {
    if report.stopped { TERMINATED } else { report.exit_code() }
}

fn summary(args: &Args, result: &Result<BatchReport, Error>) -> String {
    let environment = &args.environment;
    match result {
        Ok(report) => {
            let failed = report.reports.iter().filter(|report| report.exit_code != 0).count();
            format!("{} bundles in {environment}, {failed} of them failed", report.reports.len())
        }
        Err(error) => format!("the batch of {environment}: {error}"),
    }
}

fn write_line(log: Log, line: &str) {
    if let Err(error) = std::io::stdout().write_all(format!("{line}\n").as_bytes()) {
        log.write("result", &format!("the result cannot be written: {error}"));
    }
}
