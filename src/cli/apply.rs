//! `apigee-flux apply`: what the Job of an environment's or an organization's configuration runs.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::apigee_args::ApigeeArgs;
use super::deploy::{Log, TERMINATION_LOG, read_provenance, terminated, write_existing};
use super::secrets;
use crate::apigee::apply::{ApplyEvent, ApplyReport, Ending, Options, Progress, Secrets, apply};
use crate::apigee::error::TERMINATED;
use crate::apigee::{Client, Error, Name};
use crate::configuration::{Document, OwnedPlace, Place};
use crate::duration;

/// Make the configuration of an environment or an organization equal to a rendered document.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration.json
    #[arg(long, value_name = "FILE")]
    configuration: PathBuf,
    /// Where the keys of Secrets lie, as SECRET/KEY
    #[arg(long, value_name = "DIR", default_value = "secrets")]
    secrets: PathBuf,
    /// Whose desired state it is: resources of another owner are left alone
    #[arg(long, value_name = "NAME")]
    owner: String,
    /// The Apigee organization
    #[arg(long = "org", value_name = "ORG")]
    organization: Name,
    /// The Apigee environment; without it the configuration is that of the organization
    #[arg(long = "env", value_name = "ENV")]
    environment: Option<Name>,
    /// How long a resource may wait for what it needs
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    /// Commit, tag, author and time as JSON; the file may be missing
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    /// Write the result there too, if the file exists
    #[arg(long, value_name = "FILE", default_value = TERMINATION_LOG)]
    termination_log: PathBuf,
    #[command(flatten)]
    apigee: ApigeeArgs,
}

/// Applies. Each resource's result is a JSON line on stdout as it ends, and the last line there, which is also the termination log, is
/// that of all.
pub(super) fn run(args: &Args) -> ExitCode {
    let log = Log::start();
    let place = place(args);
    let result = block_on(apply_all(args, &place, log));
    end(log, &args.termination_log, &place, &result)
}

/// What came of a run.
pub(super) struct Ended {
    pub report: ApplyReport,
    pub commit: Option<String>,
    /// It was told to stop before its end.
    pub stopped: bool,
    /// Nothing was to be changed: a difference is a failure.
    pub look: bool,
}

impl Ended {
    /// What `diff` exits with, too.
    const DIFFERS: u8 = 2;

    fn exit_code(&self) -> u8 {
        match self.report.exit_code() {
            _ if self.stopped => TERMINATED,
            0 if self.look && self.report.count(Ending::Unchanged) < self.report.resources.len() => Self::DIFFERS,
            code => code,
        }
    }
}

/// Runs to its end.
pub(super) fn block_on<T>(run: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run),
        Err(error) => Err(Error::Temporary(format!("the runtime cannot start: {error}"))),
    }
}

/// Runs until the end or until SIGTERM, after which nothing more is started. True: it was told to stop.
pub(super) async fn until_terminated(
    log: Log,
    client: &Client,
    run: impl Future<Output = Result<ApplyReport, Error>>,
) -> Result<(ApplyReport, bool), Error> {
    tokio::pin!(run);
    tokio::select! {
        report = &mut run => return Ok((report?, false)),
        () = terminated() => {}
    }
    log.write("stop", "SIGTERM: nothing more is started; a request that changes something is heard to its end");
    client.stop().request();
    Ok((run.await?, true))
}

/// Hears each step, and writes each result.
pub(super) fn progress(log: Log, place: &OwnedPlace) -> Progress {
    let place = place.clone();
    Arc::new(move |event: ApplyEvent<'_>| match event {
        ApplyEvent::Step(id, event) => log.event_of(&id.to_string(), event),
        ApplyEvent::Ended(applied) => write_line(log, &applied.to_line(place.as_place())),
    })
}

/// Looks secrets up in a folder.
pub(super) fn secrets(folder: &Path) -> Secrets {
    let folder = folder.to_owned();
    Arc::new(move |place: &_| secrets::look_up(&folder, place))
}

/// Writes the result of all.
pub(super) fn end(log: Log, termination_log: &Path, place: &OwnedPlace, result: &Result<Ended, Error>) -> ExitCode {
    let took = duration::millis(log.elapsed());
    let place = place.as_place();
    let (line, code, said) = match &result {
        Ok(ended) => {
            let resources = &ended.report.resources;
            let failed = resources.iter().filter(|applied| applied.exit_code != 0).count();
            let said = format!("{} resources of {place}, {failed} of them failed", resources.len());
            (ended.report.to_line(place, ended.commit.as_deref(), took), ended.exit_code(), said)
        }
        Err(error) => (failure(place, error, took), error.exit_code(), format!("{place}: {error}")),
    };
    log.write("result", &said);
    write_line(log, &line);
    if let Err(error) = write_existing(termination_log, &format!("{line}\n")) {
        log.write("result", &format!("the result cannot be written: {error}"));
    }
    ExitCode::from(code)
}

async fn apply_all(args: &Args, place: &OwnedPlace, log: Log) -> Result<Ended, Error> {
    let document = read(&args.configuration)?;
    let provenance = read_provenance(args.provenance.as_deref())?;
    let commit = provenance.commit.clone();
    let client = args.apigee.client()?.with_listener(log.retries());
    let options = Options { provenance, timeout: args.timeout, ..Options::new(&args.owner) };
    let run = apply(&client, place, &document, secrets(&args.secrets), &options, progress(log, place));
    let (report, stopped) = until_terminated(log, &client, run).await?;
    Ok(Ended { report, commit, stopped, look: false })
}

/// Reads a document.
fn read(file: &Path) -> Result<Document, Error> {
    let bytes =
        std::fs::read(file).map_err(|error| Error::Missing(format!("`{}` cannot be read: {error}", file.display())))?;
    Document::parse(&bytes).map_err(|why| Error::Mangled(format!("`{}` is no configuration: {why}", file.display())))
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
        "reason": crate::apigee::outcome::cut(&error.to_string()),
    })
    .to_string()
}

fn write_line(log: Log, line: &str) {
    if let Err(error) = std::io::stdout().write_all(format!("{line}\n").as_bytes()) {
        log.write("result", &format!("the result cannot be written: {error}"));
    }
}
