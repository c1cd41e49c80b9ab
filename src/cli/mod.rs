//! The command line: one file per command, each with its `Args` and a `run` that returns the exit code.
//!
//! This is the rim: only here, in `apigee::client`, `apigee::auth` and in `sandbox::server` are files, the network, the clock or
//! the environment touched.

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
enum Command {}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(command) => match command {},
        None => ExitCode::SUCCESS,
    }
}
