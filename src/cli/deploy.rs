//! `apigee-flux deploy`: what the Job runs.

mod batch;

use std::io::{IsTerminal as _, Write as _};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::apigee_args::ApigeeArgs;
use super::settings_args::SettingsArgs;
use crate::apigee::client::RetryListener;
use crate::apigee::deploy::Event;
use crate::apigee::{Bundle, Client, Error, Name, Options, Outcome, Provenance, Report, Target, WaitFor, deploy};
use crate::bundle::batch::DEFAULT_WORKERS;
use crate::bundle::{Digest, manifest};
use crate::duration;

/// The kubelet reads this file when the container ends (Kubernetes, `terminationMessagePath`).
pub(super) const TERMINATION_LOG: &str = "/dev/termination-log";

/// Make an environment equal to a rendered bundle, or to all of them.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The bundle's manifest.json; the files lie beside it
    #[arg(long, value_name = "FILE", required_unless_present = "batch", conflicts_with = "batch")]
    manifest: Option<PathBuf>,
    /// The batch.json of many bundles, in place of one manifest
    #[arg(long, value_name = "FILE", requires = "bundles", conflicts_with = "expect_digest")]
    batch: Option<PathBuf>,
    /// Where the bundles of the batch lie
    #[arg(long, value_name = "DIR", requires = "batch")]
    bundles: Option<PathBuf>,
    /// How many bundles of the batch to work on at the same time
    #[arg(long, value_name = "N", requires = "batch", default_value_t = DEFAULT_WORKERS)]
    workers: NonZeroUsize,
    /// The Apigee organization
    #[arg(long = "org", value_name = "ORG")]
    organization: Name,
    /// The Apigee environment
    #[arg(long = "env", value_name = "ENV")]
    environment: Name,
    /// Refuse any other bundle
    #[arg(long, value_name = "DIGEST")]
    expect_digest: Option<Digest>,
    /// How long the runtime may take to become ready
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    /// Stop when the runtime has it, or when Apigee has accepted it
    #[arg(long, value_enum, default_value_t = Wait::Ready)]
    wait: Wait,
    /// Commit, tag, author and time as JSON; the file may be missing
    #[arg(long, value_name = "FILE")]
    provenance: Option<PathBuf>,
    /// Write the result there too, if the file exists
    #[arg(long, value_name = "FILE", default_value = TERMINATION_LOG)]
    termination_log: PathBuf,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    apigee: ApigeeArgs,
}

/// When the run is over.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Wait {
    Ready,
    Accepted,
}

/// Deploys, and writes the result as one JSON line to stdout and to the termination log.
pub(super) fn run(args: &Args) -> ExitCode {
    let log = Log::start();
    let start = log.start;
    if let (Some(file), Some(folder)) = (&args.batch, &args.bundles) {
        return batch::run(args, file, folder, log);
    }
    let report = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run_until_signal(args, log)),
        Err(error) => failed(args, &Error::Temporary(format!("the runtime cannot start: {error}")), start),
    };
    log.end(&report);
    write_result(log, &args.termination_log, &report.outcome.to_line());
    ExitCode::from(report.exit_code)
}

/// Writes the result to stdout and to the termination log.
pub(super) fn write_result(log: Log, termination_log: &Path, line: &str) {
    let line = format!("{line}\n");
    let written = std::io::stdout().write_all(line.as_bytes());
    let logged = write_existing(termination_log, &line);
    for error in [written.err(), logged.err()].into_iter().flatten() {
        log.write("result", &format!("the result cannot be written: {error}"));
    }
}

async fn run_until_signal(args: &Args, log: Log) -> Report {
    let prepared = match prepare(args, log) {
        Ok(prepared) => prepared,
        Err(error) => return failed(args, &error, log.start),
    };
    until_terminated(log, &prepared.client, run_deploy(args, log, &prepared)).await
}

/// Runs to its end; on SIGTERM it starts nothing more, and hears a request that changes something to its end.
pub(super) async fn until_terminated(log: Log, client: &Client, run: impl Future<Output = Report>) -> Report {
    tokio::pin!(run);
    tokio::select! {
        report = &mut run => return report,
        () = terminated() => {}
    }
    log.write("stop", "SIGTERM: nothing more is started; a request that changes something is heard to its end");
    client.stop().request();
    run.await
}

/// Waits for SIGTERM, which process 1 of a container would not hear without asking.
pub(super) async fn terminated() {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

async fn run_deploy(args: &Args, log: Log, prepared: &Prepared) -> Report {
    let options = Options { settings: args.settings.settings(), ..options(args, prepared.provenance.clone()) };
    deploy(&prepared.client, &prepared.bundle, &target(args), &options, &|event| log.event(event)).await
}

fn target(args: &Args) -> Target {
    Target { organization: args.organization.clone(), environment: args.environment.clone() }
}

/// The options that are those of a bundle and of a batch alike.
fn options(args: &Args, provenance: Provenance) -> Options {
    Options {
        timeout: args.timeout,
        wait: match args.wait {
            Wait::Ready => WaitFor::Ready,
            Wait::Accepted => WaitFor::Accepted,
        },
        provenance,
        ..Options::default()
    }
}

/// Everything that is decided before the first request.
struct Prepared {
    client: Client,
    bundle: Bundle,
    provenance: Provenance,
}

fn prepare(args: &Args, log: Log) -> Result<Prepared, Error> {
    // The command line has one of both.
    let manifest = args.manifest.as_deref().unwrap_or(Path::new(manifest::FILE_NAME));
    let bundle = Bundle::from_mount(manifest, args.expect_digest)?;
    let provenance = read_provenance(args.provenance.as_deref())?;
    Ok(Prepared { client: client(args, log)?, bundle, provenance })
}

fn client(args: &Args, log: Log) -> Result<Client, Error> {
    Ok(args.apigee.client()?.with_listener(log.retries()))
}

/// The provenance ConfigMap is mounted as optional, so its file may be missing.
pub(super) fn read_provenance(file: Option<&Path>) -> Result<Provenance, Error> {
    let Some(file) = file else { return Ok(Provenance::default()) };
    match std::fs::read(file) {
        Ok(bytes) => Provenance::parse(&bytes).map_err(|why| Error::Usage(format!("`{}`: {why}", file.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Provenance::default()),
        Err(error) => Err(Error::Missing(format!("`{}` cannot be read: {error}", file.display()))),
    }
}

/// The report of a run that did not get to the API.
fn failed(args: &Args, error: &Error, start: Instant) -> Report {
    let Report { outcome, exit_code } = Report::failed(&target(args), error, start.elapsed());
    Report { outcome: Outcome { digest: args.expect_digest, ..outcome }, exit_code }
}

/// Writes to a file that is there. Outside a container there is none, and none is made.
pub(super) fn write_existing(file: &Path, line: &str) -> std::io::Result<()> {
    match std::fs::OpenOptions::new().write(true).truncate(true).open(file) {
        Ok(mut file) => file.write_all(line.as_bytes()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(std::io::Error::new(error.kind(), format!("`{}`: {error}", file.display()))),
    }
}

/// Progress on stderr: for people on a terminal, as JSON lines in a log.
#[derive(Clone, Copy)]
pub(super) struct Log {
    start: Instant,
    human: bool,
}

impl Log {
    /// A log whose time begins now.
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), human: std::io::stderr().is_terminal() }
    }

    /// Since the start.
    pub(super) fn elapsed(self) -> Duration {
        self.start.elapsed()
    }

    /// Hears what the client sends again.
    pub(super) fn retries(self) -> RetryListener {
        Arc::new(move |error: &Error, pause: Duration| self.write("retry", &format!("{error}; again in {pause:.1?}")))
    }

    /// A step of one bundle among others.
    pub(super) fn event_of(self, name: &str, event: &Event) {
        self.event(&Event { phase: event.phase, message: format!("{name}: {}", event.message) });
    }

    pub(super) fn event(self, event: &Event) {
        let phase = serde_json::to_value(event.phase).unwrap_or_default();
        self.write(phase.as_str().unwrap_or_default(), &event.message);
    }

    pub(super) fn end(self, report: &Report) {
        let outcome = &report.outcome;
        let what = outcome.name.as_deref().unwrap_or("the bundle");
        let ending = serde_json::to_value(outcome.result).unwrap_or_default();
        let ending = ending.as_str().unwrap_or_default();
        self.write("result", &format!("{what} in {}: {ending}: {}", outcome.environment, outcome.reason));
    }

    pub(super) fn write(self, phase: &str, message: &str) {
        let elapsed = self.start.elapsed();
        let line = if self.human {
            format!("{:7.1}s  {phase:<8}  {message}\n", elapsed.as_secs_f64())
        } else {
            let elapsed = duration::millis(elapsed);
            format!("{}\n", serde_json::json!({"phase": phase, "message": message, "elapsedMs": elapsed}))
        };
        // A log that nobody can read does not stop a deployment.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_provenance_is_fine_and_a_broken_one_is_not() {
        assert_eq!(read_provenance(None).unwrap(), Provenance::default());
        assert_eq!(read_provenance(Some(Path::new("/does/not/exist"))).unwrap(), Provenance::default());
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(read_provenance(Some(file.path())).unwrap_err().exit_code(), 64);
    }

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
