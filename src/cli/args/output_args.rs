//! The output options of every command that runs in a Job: the log, the result, and the report to the cluster.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::block_on::block_on;
use crate::cli::log::{Log, LogFormat};
use apigee_flux_deployer::in_cluster::JobReport;
use apigee_flux_deployer::in_cluster::{self, ApiServer};
use apigee_flux_model::diag::Severity;
use apigee_flux_model::diag::plain::PlainText;
use apigee_flux_model::names::kubernetes::ACCOUNT_PATH;

/// The kubelet reads this file when the container ends (Kubernetes, `terminationMessagePath`).
const TERMINATION_LOG: &str = "/dev/termination-log";

/// The time limit for a report to the cluster.
const REPORT_PATIENCE: Duration = Duration::from_secs(5);

/// Where the log and the result are written.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(in crate::cli) struct OutputArgs {
    /// Format of the log on stderr
    #[arg(long, value_name = "FORM", value_enum, default_value_t = LogFormat::Auto)]
    log: LogFormat,
    /// Also write the result to this file, if it exists
    #[arg(long, value_name = "FILE", default_value = TERMINATION_LOG)]
    termination_log: PathBuf,
    /// In a pod: write the result to this Job in the same namespace, as labels, and create an Event for it
    #[arg(long, value_name = "JOB")]
    report_job: Option<String>,
    /// Folder with the token, ca.crt and namespace that the pod uses for that
    #[arg(long, value_name = "DIR", default_value = ACCOUNT_PATH)]
    report_account: PathBuf,
}

impl OutputArgs {
    /// Starts a log; its times are relative to now.
    pub(in crate::cli) fn start_log(&self) -> Log {
        Log::start(self.log)
    }

    /// Writes the result, one line, to stdout and to the termination log; then reports it to the cluster, if a Job is given.
    pub(in crate::cli) fn write_result(&self, log: &Log, line: &str, report: &JobReport) {
        let printed = log.print_result(line);
        let logged = write_existing(&self.termination_log, PlainText::of_json(line).as_str());
        for error in [printed.err(), logged.err()].into_iter().flatten() {
            log.write(Severity::Error, "result", &format!("the result cannot be written: {error}"));
        }
        if let Some(job) = &self.report_job
            && let Err(why) = self.report(job, report)
        {
            // The operation itself is complete; a missing report does not change its result.
            log.write(
                Severity::Warning,
                "report",
                &format!("the result is missing on the Job and in its Events: {why}"),
            );
        }
    }

    /// The API server of the cluster, with the credential of the pod.
    pub(in crate::cli) fn api_server(&self) -> Result<ApiServer, String> {
        ApiServer::from_pod(&self.report_account)
    }

    fn report(&self, job: &str, report: &JobReport) -> Result<(), String> {
        let bounded = async {
            let server = self.api_server()?;
            let told = in_cluster::report(&server, job, report);
            let late = |_| format!("the Kubernetes API gave no answer within {REPORT_PATIENCE:?}");
            tokio::time::timeout(REPORT_PATIENCE, told).await.map_err(late)?
        };
        block_on(bounded).map_err(|error| error.to_string())?
    }
}

/// Writes to an existing file. Outside a container there is no termination log, and none is created.
fn write_existing(file: &Path, line: &str) -> std::io::Result<()> {
    match std::fs::OpenOptions::new().write(true).truncate(true).open(file) {
        Ok(mut file) => file.write_all(line.as_bytes()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(std::io::Error::new(error.kind(), format!("`{}`: {error}", file.display()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_termination_log_is_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("log");
        write_existing(&file, "x\n").unwrap();
        assert!(!file.exists());
        std::fs::write(&file, "something longer").unwrap();
        write_existing(&file, "x\n").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "x\n");
    }
}
