//! `apigee-flux sandbox`: a local management API.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::out;
use apigee_flux_model::diag::plain::Text;
use apigee_flux_model::duration;
use apigee_flux_model::names::Name;
use apigee_flux_sandbox::{Options, Rule, RuntimeType, Sandbox};

/// So many requests are kept: enough to look back, and bounded however long it runs.
const KEPT_REQUESTS: usize = 10_000;

/// Run a local Apigee management API, for the deployer and for Google's own clients.
///
/// Open its address in a browser to see proxies, revisions, deployments and the requests as they come; scripts read the same at
/// /sandbox/state and /sandbox/requests.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Answer requests for this host name too; may be given several times. Without it only this machine's loopback names and addresses
    /// and the address of --listen are answered, so that no web page can use the sandbox by way of a browser
    #[arg(long = "allow-host", value_name = "NAME")]
    allowed_hosts: Vec<String>,
    /// Keep the state in this file; it need not exist
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The environments of every organization, with commas between them; without it any environment exists until one is made by a call
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    environments: Vec<Name>,
    /// Where the proxies run; hybrid refuses a proxy while a shared flow that it calls is not deployed
    #[arg(long, value_name = "TYPE", default_value = "cloud")]
    runtime: Runtime,
    /// How long a deployment is PROGRESSING before it is READY, and how long an operation takes
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = duration::parse)]
    progressing: Duration,
    /// For so long after its import a revision is not found
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = duration::parse)]
    visible_after: Duration,
    /// For so long after a deployment began its status is answered with 503
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = duration::parse)]
    status_after: Duration,
    /// Ask for this bearer token
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Where Google's documents do not say which status a refusal has, answer with the other one: for example 404 in place of 400 to a
    /// reference whose keystore is missing
    #[arg(long)]
    other_statuses: bool,
    /// Let requests go wrong; may be given several times, and the first that applies decides
    ///
    /// METHOD PATH KIND [retry-after:SECONDS|retry-at:SECONDS] [xN|@N|every], for example 'POST */deployments?* status:503 x2'.
    ///
    /// METHOD is GET, POST, PUT, PATCH, DELETE or *. PATH is the whole path with its query, in which * stands for any characters.
    ///
    /// KIND is one of: status:CODE (not done, answered with that error), not-found (the same with 404), delay:TIME (done, answered
    /// later), late:TIME (done later, even when the client has gone), reset (not done, connection closed), lost (done, connection
    /// closed without an answer), lost-503 (done, answered with 503), truncate (done, connection closed within the answer), trickle:TIME (done, answered byte by byte), state-error
    /// (done, the deployment in the answer has the state ERROR), empty, error-200 and
    /// other-message (done, answered 200 with `{}`, an error or a foreign message), page and redirect (not done, answered by a proxy).
    ///
    /// x2 means the first two requests that fit, @2 the second only, every all of them; without it the first one.
    #[arg(long = "fault", value_name = "RULE")]
    faults: Vec<Rule>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Runtime {
    Cloud,
    Hybrid,
}

/// Serves until Ctrl-C or SIGTERM.
pub(super) fn run(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime cannot start: {error}")),
    };
    runtime.block_on(async {
        let options = Options {
            progressing: args.progressing,
            token: args.token,
            environments: args.environments.iter().map(ToString::to_string).collect(),
            runtime: match args.runtime {
                Runtime::Cloud => RuntimeType::Cloud,
                Runtime::Hybrid => RuntimeType::Hybrid,
            },
            visible_after: args.visible_after,
            status_after: args.status_after,
            state_file: args.state,
            kept_requests: Some(KEPT_REQUESTS),
            faults: args.faults,
            allowed_hosts: args.allowed_hosts,
            other_statuses: args.other_statuses,
            ..Options::default()
        };
        // Before the address is told, so that nobody who read it can stop this otherwise than in good order.
        let mut terminated = match signal(SignalKind::terminate()) {
            Ok(terminated) => terminated,
            Err(error) => return fail(&format!("SIGTERM cannot be heard: {error}")),
        };
        let sandbox = match Sandbox::start(args.listen, options).await {
            Ok(sandbox) => sandbox,
            Err(error) => return fail(&error.to_string()),
        };
        let url = sandbox.url();
        let mut address = Text::new();
        address.line(&url);
        // Whoever closed the output does not read it; the server is as useful.
        let _ = out::stdout(&address);
        out::say(format_args!(
            "the sandbox listens on {url}; use it with --endpoint {url} or APIGEE_ENDPOINT={url}; see it at {url}/; Ctrl-C stops it"
        ));
        if !args.listen.ip().is_loopback() {
            out::say(
                "warning: other machines can reach the sandbox, which protects nothing; requests by a host name need --allow-host",
            );
        }
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => match interrupted {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&format!("Ctrl-C cannot be heard: {error}")),
            },
            _ = terminated.recv() => ExitCode::SUCCESS,
        }
    })
}

fn fail(message: &str) -> ExitCode {
    out::say(format_args!("error: {message}"));
    ExitCode::from(69)
}
