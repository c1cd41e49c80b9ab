//! `apigee-flux deploy`: the command of the Job that deploys bundles.

mod batch;
mod settings_args;
mod tally;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::args::{ApigeeArgs, OutputArgs, OwnershipArgs, ProvenanceArgs, TargetArgs};
use super::block_on::block_on;
use super::job_report::job_report;
use super::log::Log;
use super::sigterm::until_terminated;
use apigee_flux_configuration::inventory::Names;
use apigee_flux_configuration::{Actor, Claimant, Id, Scope};
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::mounted_state::MountedState;
use apigee_flux_deployer::{Bundle, Client, DeployOptions, DeployReport, Error, Outcome, WaitFor, deploy};
use apigee_flux_model::bundle::batch::DEFAULT_WORKERS;
use apigee_flux_model::bundle::{Digest, manifest};
use apigee_flux_model::duration;
use apigee_flux_model::provenance::Provenance;
use settings_args::SettingsArgs;

/// Deploy a rendered bundle, or a batch of bundles, to an environment.
#[derive(Debug, clap::Args)]
pub(super) struct DeployArgs {
    /// The manifest.json of the bundle, whose files are in the same folder
    #[arg(long, value_name = "FILE", required_unless_present = "batch", conflicts_with = "batch")]
    manifest: Option<PathBuf>,
    /// The batch.json of many bundles, instead of one manifest
    #[arg(long, value_name = "FILE", requires = "bundles", conflicts_with = "expect_digest")]
    batch: Option<PathBuf>,
    /// Folder of the batch's bundles
    #[arg(long, value_name = "DIR", requires = "batch")]
    bundles: Option<PathBuf>,
    /// How many bundles of the batch to deploy in parallel
    #[arg(long, value_name = "N", requires = "batch", default_value_t = DEFAULT_WORKERS)]
    workers: NonZeroUsize,
    #[command(flatten)]
    target: TargetArgs,
    /// Refuse a bundle that has another digest
    #[arg(long, value_name = "DIGEST")]
    expect_digest: Option<Digest>,
    /// How long to wait until the runtime is ready
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    /// Whether to wait until the runtime is ready, or only until Apigee has accepted the deployment
    #[arg(long, value_enum, default_value_t = WaitChoice::Ready)]
    wait: WaitChoice,
    #[command(flatten)]
    provenance: ProvenanceArgs,
    #[command(flatten)]
    ownership: OwnershipArgs,
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    apigee: ApigeeArgs,
}

/// When the command ends.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum WaitChoice {
    Ready,
    Accepted,
}

/// Deploys a bundle or a batch, and writes the result as one JSON line to stdout and to the termination log.
pub(super) fn run(args: &DeployArgs) -> ExitCode {
    let log = args.output.start_log();
    if let (Some(file), Some(folder)) = (&args.batch, &args.bundles) {
        return batch::run(args, file, folder, &log);
    }
    let report = block_on(run_until_signal(args, &log)).unwrap_or_else(|error| failed(args, &error, log.elapsed()));
    log.end(&report);
    args.output.write_result(&log, &report.outcome.to_line(), &job_report("Deploy", &report));
    ExitCode::from(report.exit.code())
}

async fn run_until_signal(args: &DeployArgs, log: &Log) -> DeployReport {
    let Prepared { client, bundle, desired, log } = match prepare(args, log) {
        Ok(prepared) => prepared,
        Err(error) => return failed(args, &error, log.elapsed()),
    };
    let options = DeployOptions { settings: args.settings.settings(), ..options(args, desired) };
    let (target, progress) = (args.target.target(), |event: &Event| log.event(event));
    let run = deploy(&client, &bundle, &target, &options, &progress);
    until_terminated(&log, &client, Box::pin(run)).await.unwrap_or_else(|error| {
        let DeployReport { outcome, exit } = failed(args, &error, log.elapsed());
        let outcome = Outcome {
            kind: Some(bundle.kind),
            name: Some(bundle.name.to_string()),
            digest: Some(bundle.digest),
            writes: client.writes(),
            ..outcome
        };
        DeployReport { outcome, exit }
    })
}

/// What is known of the desired state.
struct Desired {
    provenance: Provenance,
    claimant: Option<Claimant>,
    names: Option<Arc<Names>>,
}

/// Reads the state of Git that is mounted. `provenance_of` takes the origin of what is deployed from it.
fn desired(args: &DeployArgs, provenance_of: impl Fn(&MountedState) -> Provenance) -> Result<Desired, Error> {
    let provenance = args.provenance.read()?;
    let state = args.ownership.state()?;
    Ok(Desired {
        provenance: state.as_ref().map_or(provenance, provenance_of),
        claimant: args.ownership.claimant(Actor::Job, Scope::Environment, state.as_ref())?,
        names: state.map(|state| Arc::new(state.names)),
    })
}

/// The options that apply to a bundle and to a batch.
fn options(args: &DeployArgs, desired: Desired) -> DeployOptions {
    let Desired { provenance, claimant, names } = desired;
    DeployOptions {
        timeout: args.timeout,
        wait: match args.wait {
            WaitChoice::Ready => WaitFor::Ready,
            WaitChoice::Accepted => WaitFor::Accepted,
        },
        provenance,
        claimant,
        names,
        ..DeployOptions::default()
    }
}

/// Everything that is prepared before the first request.
struct Prepared {
    client: Client,
    bundle: Bundle,
    desired: Desired,
    /// The log for messages about the bundle.
    log: Log,
}

fn prepare(args: &DeployArgs, log: &Log) -> Result<Prepared, Error> {
    // clap requires one of the two options.
    let manifest = args.manifest.as_deref().unwrap_or(Path::new(manifest::FILE_NAME));
    let bundle = Bundle::from_mount(manifest, args.expect_digest)?;
    let log = log.of(bundle.kind, bundle.name.as_str(), args.target.environment.as_str());
    let log = log.beside(manifest.parent().unwrap_or(Path::new("")));
    let id = Id { kind: bundle.kind.resource_kind().to_owned(), parent: None, name: bundle.name.to_string() };
    let desired = desired(args, |state| state.provenance_of_bundle(&id, bundle.digest))?;
    Ok(Prepared { client: client(args, &log)?, bundle, desired, log })
}

fn client(args: &DeployArgs, log: &Log) -> Result<Client, Error> {
    Ok(args.apigee.client()?.with_listener(log.retries()))
}

/// The report of a run that failed before its first request.
fn failed(args: &DeployArgs, error: &Error, took: Duration) -> DeployReport {
    let DeployReport { outcome, exit } = DeployReport::failed(&args.target.target(), error, took);
    DeployReport { outcome: Outcome { digest: args.expect_digest, ..outcome }, exit }
}
