//! The command line: one file per command, each with its `Args` and a `run` that returns the exit code.
//!
//! This is the rim: only here, in `apigee::{client, auth, mount}` and in `sandbox::server` are files, the network, the clock or
//! the environment touched.

mod deploy;
mod duration;
mod sandbox;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// GitOps for Apigee: expands API proxy specs into ConfigMaps and Jobs for Flux, and deploys them.
#[derive(Debug, Parser)]
#[command(name = "apigee-flux", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// The commands, in the order of `--help`.
#[derive(Debug, Subcommand)]
enum Command {
    Deploy(Box<deploy::Args>),
    Sandbox(sandbox::Args),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are errors to clap. A usage error exits 64 (`EX_USAGE`), so that a Job does not try again.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(64) } else { ExitCode::SUCCESS };
        }
    };
    match cli.command {
        Some(Command::Deploy(args)) => deploy::run(&args),
        Some(Command::Sandbox(args)) => sandbox::run(args),
        None => ExitCode::SUCCESS,
    }
}
