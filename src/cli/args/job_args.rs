//! The options that end the arguments of a command that runs in a Job: provenance, output and Apigee.

use super::{ApigeeArgs, OutputArgs, ProvenanceArgs};
use crate::cli::log::Log;
use apigee_flux_deployer::{Client, Error};
use apigee_flux_model::provenance::Provenance;

/// Where the desired state comes from, where the result goes, and how to reach Apigee.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct JobArgs {
    #[command(flatten)]
    provenance: ProvenanceArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    #[command(flatten)]
    apigee: ApigeeArgs,
}

impl JobArgs {
    /// Reads the provenance and makes the client, whose retries are logged. The caller must be inside a tokio runtime.
    pub(in crate::cli) fn prepare(&self, log: &Log) -> Result<(Provenance, Client), Error> {
        let provenance = self.provenance.read()?;
        Ok((provenance, self.apigee.client()?.with_listener(log.retries())))
    }
}
