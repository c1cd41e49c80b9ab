//! `apigee-flux remove`: the command of the Job of a spec with `state: absent`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use super::args::{JobArgs, OwnershipArgs, TargetArgs};
use super::block_on::block_on;
use super::job_report::job_report;
use super::log::Log;
use super::sigterm::until_terminated;
use apigee_flux_configuration::{Actor, Scope};
use apigee_flux_deployer::{DeployOptions, DeployReport, Error, Outcome, remove};
use apigee_flux_model::bundle::{BundleKind, Removal};
use apigee_flux_model::duration;
use apigee_flux_model::names::Name;

/// Undeploy a proxy or shared flow from an environment, if apigee-flux deployed it.
#[derive(Debug, clap::Args)]
pub(super) struct RemoveArgs {
    /// The name of the proxy
    #[arg(long, value_name = "NAME", required_unless_present = "shared_flow", conflicts_with = "shared_flow")]
    proxy: Option<Name>,
    /// The name of the shared flow, instead of a proxy
    #[arg(long, value_name = "NAME")]
    shared_flow: Option<Name>,
    /// Also delete it with all its revisions, unless one is deployed in another environment
    #[arg(long)]
    delete: bool,
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    ownership: OwnershipArgs,
    /// How long the removal may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration::parse)]
    timeout: Duration,
    #[command(flatten)]
    job: JobArgs,
}

/// Removes the proxy or shared flow, and writes the result as one JSON line to stdout and to the termination log.
pub(super) fn run(args: &RemoveArgs) -> ExitCode {
    let log = args.job.output.start_log();
    let report = block_on(remove_it(args, &log)).unwrap_or_else(|error| failed(args, &error, log.elapsed()));
    log.end(&report);
    args.job.output.write_result(&log, &report.outcome.to_line(), &job_report("Remove", &report));
    ExitCode::from(report.exit.code())
}

async fn remove_it(args: &RemoveArgs, log: &Log) -> DeployReport {
    // clap requires one of the two options.
    let Some((kind, name)) = subject(args) else {
        return failed(args, &Error::Usage("--proxy or --shared-flow is required".to_owned()), log.elapsed());
    };
    let log = log.of(kind, name.as_str(), args.target.environment.as_str());
    let prepared = args.job.prepare(&log).and_then(|prepared| {
        let state = args.ownership.state()?;
        let claimant = args.ownership.claimant(Actor::Job, Scope::Environment, state.as_ref())?;
        Ok((prepared, claimant, state.map(|state| Arc::new(state.names))))
    });
    let ((provenance, client), claimant, names) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return failed(args, &error, log.elapsed()),
    };
    let target = args.target.target();
    let removal = if args.delete { Removal::Delete } else { Removal::Undeploy };
    let options = DeployOptions { timeout: args.timeout, provenance, claimant, names, ..DeployOptions::default() };
    let progress = |event: &_| log.event(event);
    let run = remove(&client, kind, name, &target, removal, &options, &progress);
    Box::pin(until_terminated(&log, &client, run)).await.unwrap_or_else(|error| {
        let DeployReport { outcome, exit } = failed(args, &error, log.elapsed());
        DeployReport { outcome: Outcome { writes: client.writes(), ..outcome }, exit }
    })
}

fn subject(args: &RemoveArgs) -> Option<(BundleKind, &Name)> {
    let proxy = args.proxy.as_ref().map(|name| (BundleKind::Proxy, name));
    proxy.or(args.shared_flow.as_ref().map(|name| (BundleKind::SharedFlow, name)))
}

/// The report of a run that failed before its first request.
fn failed(args: &RemoveArgs, error: &Error, took: Duration) -> DeployReport {
    let DeployReport { outcome, exit } = DeployReport::failed(&args.target.target(), error, took);
    let subject = subject(args);
    let outcome =
        Outcome { kind: subject.map(|(kind, _)| kind), name: subject.map(|(_, name)| name.to_string()), ..outcome };
    DeployReport { outcome, exit }
}
