//! `apigee-flux apply`: the command of the Job that applies the configuration of an environment or an organization.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::apigee_args::ApigeeArgs;
use super::block_on::block_on;
use super::log::{Log, word};
use super::output_args::OutputArgs;
use super::provenance_args::ProvenanceArgs;
use super::secrets;
use super::sigterm::until_terminated;
use apigee_flux_configuration::{Id, OwnedPlace, Place};
use apigee_flux_deployer::Error;
use apigee_flux_deployer::apply::{
    ApplyEvent, ApplyListener, ApplyOptions, ApplyReport, ResourceResult, Secrets, apply,
};
use apigee_flux_deployer::in_cluster::JobReport;
use apigee_flux_deployer::mount::read_configuration;
use apigee_flux_model::diag::Severity;
use apigee_flux_model::diag::plain::plain;
use apigee_flux_model::duration;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::Name;

/// Apply a rendered configuration to an environment or an organization.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The rendered configuration.json
    #[arg(long, value_name = "FILE")]
    configuration: PathBuf,
    /// Folder of the mounted Secrets, with a file SECRET/KEY for each key
    #[arg(long, value_name = "DIR", default_value = "secrets")]
    secrets: PathBuf,
    /// Another folder from which files may be read as secrets, in addition to /secrets-store and /vault/secrets; may be given several times
    #[arg(long = "secret-folder", value_name = "DIR")]
    secret_folders: Vec<String>,
    /// Owner of the desired state: resources of another owner are not changed
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// The Apigee organization
    #[arg(long = "org", value_name = "ORG")]
    organization: Name,
    /// The Apigee environment; without it, the configuration is that of the organization
    #[arg(long = "env", value_name = "ENV")]
    environment: Option<Name>,
    /// How long a resource may wait for the resources that it needs
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    provenance: ProvenanceArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    apigee: ApigeeArgs,
}

/// Applies the configuration. The result of each resource is a JSON line on stdout as soon as it is known; the last line is the overall
/// result, which is also the termination log.
pub(super) fn run(args: &Args) -> ExitCode {
    let log = args.output.start_log();
    let place = place(args);
    let log = place.environment.as_deref().map_or_else(|| log.clone(), |environment| log.of_environment(environment));
    let result = block_on(apply_all(args, &place, &log)).flatten();
    end(&log, &args.output, "Apply", &place, &result)
}

/// The result of a run.
pub(super) struct Ended {
    pub report: ApplyReport,
    pub commit: Option<String>,
    /// The run was stopped by SIGTERM.
    pub stopped: bool,
    /// The run only compared: any difference is reported by the exit code.
    pub look: bool,
}

impl Ended {
    fn exit(&self) -> Exit {
        match self.report.exit() {
            _ if self.stopped => Exit::Terminated,
            Exit::Ok if self.look && self.report.count(ResourceResult::Unchanged) < self.report.resources.len() => {
                Exit::Different
            }
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

/// Looks up secrets in the folder of the mounted Secrets, and files in the folders for files.
pub(super) fn secrets(folder: &Path, for_files: &[String]) -> Secrets {
    let (folder, for_files) = (folder.to_owned(), for_files.to_vec());
    Arc::new(move |place: &_| secrets::look_up(&folder, &for_files, place))
}

/// Writes the overall result.
pub(super) fn end(
    log: &Log,
    output: &OutputArgs,
    action: &'static str,
    place: &OwnedPlace,
    result: &Result<Ended, Error>,
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

async fn apply_all(args: &Args, place: &OwnedPlace, log: &Log) -> Result<Ended, Error> {
    let document = read_configuration(&args.configuration)?;
    let provenance = args.provenance.read()?;
    let commit = provenance.commit.clone();
    let client = args.apigee.client()?.with_listener(log.retries());
    let options = ApplyOptions { provenance, timeout: args.timeout, ..ApplyOptions::new(&args.owner) };
    let run =
        apply(&client, place, &document, secrets(&args.secrets, &args.secret_folders), &options, progress(log, place));
    let report = until_terminated(log, &client, run).await??;
    Ok(Ended { report, commit, stopped: client.stop().is_requested(), look: false })
}

fn place(args: &Args) -> OwnedPlace {
    OwnedPlace {
        organization: args.organization.to_string(),
        environment: args.environment.as_ref().map(Name::to_string),
    }
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
