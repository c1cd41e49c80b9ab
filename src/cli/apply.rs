//! `apigee-flux apply`: the command of the Job that applies the configuration of an environment or an organization.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::args::{ConfigurationArgs, JobArgs, OwnershipArgs};
use super::block_on::block_on;
use super::completed_run::{CompletedRun, end, progress};
use super::log::Log;
use super::sigterm::until_terminated;
use apigee_flux_configuration::{Actor, OwnedPlace};
use apigee_flux_deployer::Error;
use apigee_flux_deployer::apply::{ApplyOptions, apply};
use apigee_flux_deployer::mount::read_configuration;
use apigee_flux_model::duration;
use apigee_flux_model::names::Name;

/// Apply a rendered configuration to an environment or an organization.
#[derive(Debug, clap::Args)]
pub(super) struct ApplyArgs {
    /// The rendered configuration.json; more than one if it is in several files, in their order
    #[arg(long, value_name = "FILE", required = true)]
    configuration: Vec<PathBuf>,
    #[command(flatten)]
    desired: ConfigurationArgs,
    #[command(flatten)]
    ownership: OwnershipArgs,
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
    job: JobArgs,
}

/// Applies the configuration. The result of each resource is a JSON line on stdout as soon as it is known; the last line is the overall
/// result, which is also the termination log.
pub(super) fn run(args: &ApplyArgs) -> ExitCode {
    let log = args.job.output.start_log();
    let place = place(args);
    let log = place.environment.as_deref().map_or_else(|| log.clone(), |environment| log.of_environment(environment));
    let result = block_on(apply_all(args, &place, &log)).flatten();
    end(&log, &args.job.output, "Apply", &place, &result)
}

async fn apply_all(args: &ApplyArgs, place: &OwnedPlace, log: &Log) -> Result<CompletedRun, Error> {
    let (document, digest) = read_configuration(&args.configuration)?;
    let (provenance, client) = args.job.prepare(log)?;
    let state = args.ownership.state()?;
    let provenance = state.as_ref().map_or(provenance, |state| state.provenance_of_document(digest));
    let claimant = args.ownership.required(Actor::Job, place.as_place().scope(), state.as_ref())?;
    let commit = provenance.commit.clone();
    let secret_writer = args.desired.secret_writer(&args.job.output)?;
    let options = ApplyOptions { provenance, timeout: args.timeout, claimant, secret_writer, ..ApplyOptions::new("") };
    let run = apply(&client, place, &document, args.desired.secrets(), &options, progress(log, place));
    let report = Box::pin(until_terminated(log, &client, run)).await??;
    Ok(CompletedRun { report, commit, stopped: client.stop().is_requested(), look: false })
}

fn place(args: &ApplyArgs) -> OwnedPlace {
    OwnedPlace {
        organization: args.organization.to_string(),
        environment: args.environment.as_ref().map(Name::to_string),
    }
}
