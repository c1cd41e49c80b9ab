//! The command line: one file per command, each with its arguments and a `run` that returns the exit code.
//!
//! Only this module and the crates `disk`, `deployer` and `sandbox` access files, the network, the clock or environment variables.

mod apply;
mod args;
mod audit;
mod block_on;
mod bundle;
mod check;
mod colour;
mod completed_run;
mod demo;
mod deploy;
mod diff;
mod explain;
mod flux_kustomizations;
mod function;
mod git;
mod job_report;
mod known_places;
mod layer_parts;
mod log;
mod markdown;
mod openapi;
mod out;
mod package;
mod reconcile;
mod remove;
mod render;
mod resource_rows;
mod sandbox;
mod schema;
mod secrets;
mod sigterm;
mod source;
mod split;
mod status;
mod status_line;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use apigee_flux_model::diag::plain::{PlainText, plain};
use apigee_flux_model::exit::Exit;

/// GitOps for Apigee: expands API proxy specs into ConfigMaps and Jobs for Flux, and deploys them.
///
/// Without a command, if standard input is not a terminal, it works as a KRM function: it reads a ResourceList or a stream of
/// YAML documents and writes the same with every Apigee spec expanded.
#[derive(Debug, Parser)]
#[command(name = "apigee-flux", version, about, long_about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// The commands, in the order of `--help`.
#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Render(render::RenderArgs),
    Check(check::CheckArgs),
    Explain(Box<explain::ExplainArgs>),
    Bundle(bundle::BundleArgs),
    Openapi(openapi::OpenapiArgs),
    Status(status::StatusArgs),
    Audit(audit::AuditArgs),
    Diff(Box<diff::DiffArgs>),
    Deploy(Box<deploy::DeployArgs>),
    Apply(Box<apply::ApplyArgs>),
    Reconcile(Box<reconcile::ReconcileArgs>),
    Remove(Box<remove::RemoveArgs>),
    Sandbox(sandbox::SandboxArgs),
    Schema(schema::SchemaArgs),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| out::say(format_args!("internal error of apigee-flux: {panic}"))));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let result = match cli.command {
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Render(args)) => render::run(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Bundle(args)) => bundle::run(&args),
        Some(Command::Openapi(args)) => openapi::run(&args),
        Some(Command::Status(args)) => status::run(&args),
        Some(Command::Audit(args)) => audit::run(&args),
        Some(Command::Diff(args)) => diff::run(&args),
        Some(Command::Deploy(args)) => Ok(deploy::run(&args)),
        Some(Command::Apply(args)) => Ok(apply::run(&args)),
        Some(Command::Reconcile(args)) => Ok(reconcile::run(&args)),
        Some(Command::Remove(args)) => Ok(remove::run(&args)),
        Some(Command::Sandbox(args)) => Ok(sandbox::run(args)),
        Some(Command::Schema(args)) => schema::run(&args),
        None if io::stdin().is_terminal() => help(),
        None => function::run().map_err(anyhow::Error::from),
    };
    result.unwrap_or_else(|error| {
        // The reader of a closed pipe needs no error message.
        let closed = error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        if !closed {
            out::say(format_args!("error: {error:#}"));
        }
        ExitCode::FAILURE
    })
}

fn help() -> anyhow::Result<ExitCode> {
    out::stdout(&PlainText::of_lines(&Cli::command().render_long_help().to_string()))?;
    Ok(ExitCode::SUCCESS)
}

/// For clap, help and version are errors. A usage error exits with 64 (`EX_USAGE`), so that a Job does not retry.
///
/// The message repeats arguments, which may contain line breaks and control characters: the arguments are parsed again with these escaped.
fn usage(error: &clap::Error) -> ExitCode {
    let arguments = std::env::args_os().map(|argument| OsString::from(plain(argument.to_string_lossy())));
    let message = Cli::try_parse_from(arguments).map_or_else(|escaped| escaped.to_string(), |_| error.to_string());
    let text = PlainText::of_lines(&message);
    if error.use_stderr() {
        let _ = out::stderr(&text);
        return ExitCode::from(Exit::Usage.code());
    }
    let _ = out::stdout(&text);
    ExitCode::SUCCESS
}
