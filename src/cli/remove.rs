//! `apigee-flux remove`: what the Job of a spec with `state: absent` runs.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::apigee_args::ApigeeArgs;
use super::deploy::{Log, TERMINATION_LOG, read_provenance, until_terminated, write_result};
use crate::apigee::{Error, Name, Options, Outcome, Report, Target, remove};
use crate::bundle::{BundleKind, Removal};
use crate::duration;

/// Take a proxy or shared flow out of an environment; only what this program brought there.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The proxy
    #[arg(long, value_name = "NAME", required_unless_present = "shared_flow", conflicts_with = "shared_flow")]
    proxy: Option<Name>,
    /// The shared flow, in place of a proxy
    #[arg(long, value_name = "NAME")]
    shared_flow: Option<Name>,
    /// Delete it too, with all its revisions, unless another environment runs one
    #[arg(long)]
    delete: bool,
    /// The Apigee organization
    #[arg(long = "org", value_name = "ORG")]
    organization: Name,
    /// The Apigee environment
    #[arg(long = "env", value_name = "ENV")]
    environment: Name,
    /// How long it may take
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

/// Removes, and writes the result as one JSON line to stdout and to the termination log.
pub(super) fn run(args: &Args) -> ExitCode {
    let log = Log::start();
    let start = Instant::now();
    let report = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(remove_it(args, log, start)),
        Err(error) => failed(args, &Error::Temporary(format!("the runtime cannot start: {error}")), start),
    };
    log.end(&report);
    write_result(log, &args.termination_log, &report.outcome.to_line());
    ExitCode::from(report.exit_code)
}

async fn remove_it(args: &Args, log: Log, start: Instant) -> Report {
    // The command line has one of both.
    let Some((kind, name)) = subject(args) else {
        return failed(args, &Error::Usage("name a --proxy or a --shared-flow".to_owned()), start);
    };
    let prepared = read_provenance(args.provenance.as_deref())
        .and_then(|provenance| Ok((provenance, args.apigee.client()?.with_listener(log.retries()))));
    let (provenance, client) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return failed(args, &error, start),
    };
    let target = target(args);
    let removal = if args.delete { Removal::Delete } else { Removal::Undeploy };
    let options = Options { timeout: args.timeout, provenance, ..Options::default() };
    let progress = |event: &_| log.event(event);
    until_terminated(log, &client, remove(&client, kind, name, &target, removal, &options, &progress)).await
}

fn subject(args: &Args) -> Option<(BundleKind, &Name)> {
    let proxy = args.proxy.as_ref().map(|name| (BundleKind::Proxy, name));
    proxy.or(args.shared_flow.as_ref().map(|name| (BundleKind::SharedFlow, name)))
}

/// The report of a run that did not get to the API.
fn failed(args: &Args, error: &Error, start: Instant) -> Report {
    let Report { outcome, exit_code } = Report::failed(&target(args), error, start.elapsed());
    let subject = subject(args);
    let outcome =
        Outcome { kind: subject.map(|(kind, _)| kind), name: subject.map(|(_, name)| name.to_string()), ..outcome };
    Report { outcome, exit_code }
}

fn target(args: &Args) -> Target {
    Target { organization: args.organization.clone(), environment: args.environment.clone() }
}
