//! `apigee-flux reconcile`: the command of an environment's CronJob.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::args::{ConfigurationArgs, JobArgs, OwnershipArgs, TargetArgs};
use super::block_on::block_on;
use super::completed_run::{CompletedRun, end, progress};
use super::log::Log;
use super::sigterm::until_terminated;
use apigee_flux_configuration::inventory;
use apigee_flux_configuration::{Actor, OwnedPlace};
use apigee_flux_deployer::apply::{ApplyOptions, Mode};
use apigee_flux_deployer::mount::read_inventory;
use apigee_flux_deployer::reconcile::{self, ReconcileOptions};
use apigee_flux_deployer::{Error, Target};
use apigee_flux_model::duration;

/// Compare an environment with its inventory, repair drift, and delete what was removed from Git.
#[derive(Debug, clap::Args)]
pub(super) struct ReconcileArgs {
    /// The rendered inventory.json
    #[arg(long, value_name = "FILE")]
    inventory: PathBuf,
    /// Folder of the bundles
    #[arg(long, value_name = "DIR", default_value = "bundles")]
    bundles: PathBuf,
    #[command(flatten)]
    desired: ConfigurationArgs,
    #[command(flatten)]
    ownership: OwnershipArgs,
    /// Owner of the organization's desired state; default: the same as --owner
    #[arg(long, value_name = "NAME")]
    owner_of_organization: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
    /// Change nothing; exit with code 2 if there is drift
    #[arg(long)]
    report: bool,
    /// Delete what was removed from Git, but nothing if that is more than N resources; without it, nothing is deleted
    #[arg(long, value_name = "N")]
    max_deletes: Option<usize>,
    /// When to compare the deployed files themselves, not only their record
    #[arg(long, value_enum, default_value_t = DeepChoice::Daily)]
    deep: DeepChoice,
    /// Skip what was deployed less than this time ago: its Job may have a newer state of Git
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration::parse)]
    young: Duration,
    /// How long a deployment may take, and how long a resource may wait for the resources that it needs
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    job: JobArgs,
}

/// When the deployed files are compared.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DeepChoice {
    Daily,
    Always,
    Never,
}

/// Reconciles the environment. Each result is a JSON line on stdout as soon as it is known; the last line is the overall result, which is
/// also the termination log.
pub(super) fn run(args: &ReconcileArgs) -> ExitCode {
    let target = args.target.target();
    let log = args.job.output.start_log().of_environment(target.environment.as_str());
    let place =
        OwnedPlace { organization: target.organization.to_string(), environment: Some(target.environment.to_string()) };
    let result = block_on(reconcile_all(args, &target, &place, &log)).flatten();
    end(&log, &args.job.output, "Reconcile", &place, &result)
}

async fn reconcile_all(
    args: &ReconcileArgs,
    target: &Target,
    place: &OwnedPlace,
    log: &Log,
) -> Result<CompletedRun, Error> {
    let (inventory, bundles) = read_inventory(&args.inventory, &args.bundles)?;
    let (provenance, client) = args.job.prepare(log)?;
    let commit = provenance.commit.clone();
    let claimant = args.ownership.required(Actor::Reconciler, args.ownership.state()?.as_ref())?;
    let mode = if args.report { Mode::Look } else { Mode::Write };
    let how = ReconcileOptions {
        owner_of_organization: args.owner_of_organization.clone().unwrap_or_else(|| claimant.owner.clone()),
        options: ApplyOptions { provenance, timeout: args.timeout, mode, claimant, ..ApplyOptions::new("") },
        max_deletes: args.max_deletes,
        young: args.young,
        deep: match args.deep {
            DeepChoice::Daily => inventory::Deep::Daily,
            DeepChoice::Always => inventory::Deep::Always,
            DeepChoice::Never => inventory::Deep::Never,
        },
    };
    let secrets = args.desired.secrets();
    let run = reconcile::reconcile(&client, target, &inventory, bundles, secrets, &how, progress(log, place));
    let report = Box::pin(until_terminated(log, &client, run)).await??;
    Ok(CompletedRun { report, commit, stopped: client.stop().is_requested(), look: args.report })
}
