//! How a document is applied.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::api::polling::Polling;
use crate::failed_resources::FailedResources;
use crate::guard::Guard;
use crate::secret_writer::SecretWriter;
use apigee_flux_configuration::Claimant;
use apigee_flux_configuration::secret::ValueFrom;
use apigee_flux_model::bundle::batch::DEFAULT_WORKERS;
use apigee_flux_model::provenance::Provenance;

/// Options for applying a document.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// Who applies it: resources of others are not changed.
    pub claimant: Claimant,
    /// The provenance of the desired state, for the records.
    pub provenance: Provenance,
    /// How long resources may wait for their prerequisites after each was tried once.
    pub timeout: Duration,
    /// How often prerequisites are checked.
    pub polling: Polling,
    /// How many resources are applied concurrently.
    pub workers: NonZeroUsize,
    /// Whether anything is written.
    pub mode: Mode,
    /// Asked before the writes of a resource.
    pub guard: Option<Guard>,
    /// Creates the Secrets for keys that Apigee generated; `None` outside of a cluster.
    pub secret_writer: Option<SecretWriter>,
    /// What has failed for good earlier in the same run: nothing waits for it.
    pub failed: FailedResources,
}

impl ApplyOptions {
    /// The defaults for an owner.
    pub fn new(owner: &str) -> Self {
        Self {
            claimant: Claimant::new(owner),
            provenance: Provenance::default(),
            timeout: Duration::from_mins(10),
            polling: Polling::default(),
            workers: DEFAULT_WORKERS,
            mode: Mode::Write,
            guard: None,
            secret_writer: None,
            failed: FailedResources::default(),
        }
    }
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Changes Apigee to the desired state.
    Write,
    /// Finds the changes and does not write them.
    Look,
    /// Like `Look`, for a caller without secrets and without an owner: a difference in a secret is ignored, and owners
    /// are not compared.
    Compare,
}

/// Returns the bytes of a secret by its reference; the error says what is missing.
pub type Secrets = Arc<dyn Fn(&ValueFrom) -> Result<Vec<u8>, String> + Send + Sync>;
