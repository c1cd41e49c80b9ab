//! `apigee-flux sandbox`: a local management API.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use crate::duration;
use crate::sandbox::{Options, Rule, Sandbox};

/// Run a local Apigee management API, for the deployer and for Google's own clients.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// How long a deployment is PROGRESSING before it is READY
    #[arg(long, value_name = "TIME", default_value = "300ms", value_parser = duration::parse)]
    progressing: Duration,
    /// Ask for this bearer token
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// Let requests go wrong; may be given several times, and the first that applies decides
    ///
    /// METHOD PATH KIND [retry-after:SECONDS] [xN|@N|every], for example 'POST */deployments?* status:503 x2'.
    ///
    /// METHOD is GET, POST, PUT, PATCH, DELETE or *. PATH is the whole path with its query, in which * stands for any characters.
    ///
    /// KIND is one of: status:CODE (not done, answered with that error), not-found (the same with 404), delay:TIME (done, answered
    /// later), late:TIME (done later, even when the client has gone), reset (not done, connection closed), lost (done, connection
    /// closed without an answer), lost-503 (done, answered with 503), truncate (done, connection closed within the answer).
    ///
    /// x2 means the first two requests that fit, @2 the second only, every all of them; without it the first one.
    #[arg(long = "fault", value_name = "RULE")]
    faults: Vec<Rule>,
}

/// Serves until Ctrl-C.
pub(super) fn run(args: Args) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("the runtime cannot start: {error}")),
    };
    runtime.block_on(async {
        let options =
            Options { progressing: args.progressing, token: args.token, faults: args.faults, ..Options::default() };
        let sandbox = match Sandbox::start(args.listen, options).await {
            Ok(sandbox) => sandbox,
            Err(error) => {
                return fail(&format!(
                    "cannot listen on {}: {error}; choose another address with --listen, for example 127.0.0.1:0",
                    args.listen
                ));
            }
        };
        let url = sandbox.url();
        let mut stdout = std::io::stdout();
        // Whoever closed the output does not read it; the server is as useful.
        let _ = writeln!(stdout, "{url}").and_then(|()| stdout.flush());
        let _ = writeln!(
            std::io::stderr(),
            "the sandbox listens on {url}; use it with --endpoint {url} or APIGEE_ENDPOINT={url}; Ctrl-C stops it"
        );
        if !args.listen.ip().is_loopback() {
            let _ = writeln!(std::io::stderr(), "warning: other machines can reach it; it is not made to be safe");
        }
        match tokio::signal::ctrl_c().await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("Ctrl-C cannot be heard: {error}")),
        }
    })
}

fn fail(message: &str) -> ExitCode {
    // There is nobody else to tell.
    let _ = writeln!(std::io::stderr(), "error: {message}");
    ExitCode::from(69)
}
