//! `apigee-flux sandbox`: a local management API.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::out;
use apigee_flux_model::diag::plain::PlainText;
use apigee_flux_model::duration;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::Name;
use apigee_flux_sandbox::{FaultRule, Quota, RuntimeType, Sandbox, SandboxOptions};

/// How many requests are kept: enough to look back, and bounded for a long run.
const KEPT_REQUESTS: usize = 10_000;

/// Run a local Apigee management API, for the deployer and for Google's clients.
///
/// Open its address in a browser to see proxies, revisions, deployments and requests live; scripts get the same data from
/// /sandbox/state and /sandbox/requests.
#[derive(Debug, clap::Args)]
pub(super) struct SandboxArgs {
    /// Address to listen on; port 0 selects a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Also answer requests for this host name; may be given several times. Without it, only requests for this machine's loopback names and
    /// addresses and for the address of --listen are answered, so that no web page can use the sandbox through a browser
    #[arg(long = "allow-host", value_name = "NAME")]
    allowed_hosts: Vec<String>,
    /// Keep the state in this file; it need not exist
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The environments of every organization, separated by commas; without it, any environment exists until a request creates one
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    environments: Vec<Name>,
    /// The runtime type; hybrid refuses a proxy while a shared flow that it calls is not deployed
    #[arg(long, value_name = "TYPE", default_value = "cloud")]
    runtime: RuntimeChoice,
    /// How long a deployment is PROGRESSING before it is READY, and how long an operation takes
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = duration::parse)]
    progressing: Duration,
    /// How long after its import a revision is not found
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = duration::parse)]
    visible_after: Duration,
    /// How long after the start of a deployment its status is answered with 503
    #[arg(long, value_name = "TIME", default_value = "0ms", value_parser = duration::parse)]
    status_after: Duration,
    /// Require this bearer token
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Where Google's documentation does not say which status an error has, answer with the alternative: for example 404 instead of 400 for a
    /// reference whose keystore is missing
    #[arg(long)]
    other_statuses: bool,
    /// Answer only this many requests in each minute or second, and the others with 429, for example 6000/min, Apigee's quota of an organization
    #[arg(long, value_name = "N/min|N/s")]
    quota: Option<Quota>,
    /// Inject a fault into requests; may be given several times, and the first rule that matches applies
    ///
    /// METHOD PATH KIND [retry-after:SECONDS|retry-at:SECONDS] [xN|@N|every], for example 'POST */deployments?* status:503 x2'.
    ///
    /// METHOD is GET, POST, PUT, PATCH, DELETE or *. PATH is the whole path with its query, in which * matches any characters.
    ///
    /// KIND is one of: status:CODE (not executed, answered with that error), not-found (the same with 404), delay:TIME (executed, answered
    /// later), late:TIME (executed later, even if the client has disconnected), reset (not executed, connection closed), lost (executed,
    /// connection closed without a response), lost-503 (executed, answered with 503), truncate (executed, connection closed within the
    /// response), trickle:TIME (executed, answered byte by byte), state-error (executed, the deployment in the response has the state ERROR),
    /// empty, error-200 and other-message (executed, answered 200 with `{}`, an error or an unrelated message), page and redirect (not
    /// executed, answered by an HTTP proxy).
    ///
    /// x2 means the first two matching requests, @2 only the second, every all of them; without it, only the first.
    #[arg(long = "fault", value_name = "RULE")]
    faults: Vec<FaultRule>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum RuntimeChoice {
    Cloud,
    Hybrid,
}

/// Serves until Ctrl-C or SIGTERM.
pub(super) fn run(args: SandboxArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime cannot start: {error}")),
    };
    runtime.block_on(async {
        let options = SandboxOptions {
            progressing: args.progressing,
            token: args.token,
            environments: args.environments.iter().map(ToString::to_string).collect(),
            runtime: match args.runtime {
                RuntimeChoice::Cloud => RuntimeType::Cloud,
                RuntimeChoice::Hybrid => RuntimeType::Hybrid,
            },
            visible_after: args.visible_after,
            status_after: args.status_after,
            state_file: args.state,
            kept_requests: Some(KEPT_REQUESTS),
            quota: args.quota,
            faults: args.faults,
            allowed_hosts: args.allowed_hosts,
            other_statuses: args.other_statuses,
            ..SandboxOptions::default()
        };
        // Registered before the address is printed, so that a client that knows the address can always stop the sandbox cleanly.
        let mut terminated = match signal(SignalKind::terminate()) {
            Ok(terminated) => terminated,
            Err(error) => return fail(&format!("cannot listen for SIGTERM: {error}")),
        };
        let sandbox = match Sandbox::start(args.listen, options).await {
            Ok(sandbox) => sandbox,
            Err(error) => return fail(&error.to_string()),
        };
        let url = sandbox.url();
        let mut address = PlainText::new();
        address.line(&url);
        // The server is useful even if the output is closed.
        let _ = out::stdout(&address);
        out::say(format_args!(
            "the sandbox listens on {url}; use it with --endpoint {url} or APIGEE_ENDPOINT={url}; view it at {url}/; Ctrl-C stops it"
        ));
        if !args.listen.ip().is_loopback() {
            out::say(
                "warning: other machines can reach the sandbox, which has no access control; requests for a host name need --allow-host",
            );
        }
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => match interrupted {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&format!("cannot listen for Ctrl-C: {error}")),
            },
            _ = terminated.recv() => ExitCode::SUCCESS,
        }
    })
}

fn fail(message: &str) -> ExitCode {
    out::say(format_args!("error: {message}"));
    ExitCode::from(Exit::Unavailable.code())
}
