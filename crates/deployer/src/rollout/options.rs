//! How a bundle is deployed.

use std::sync::Arc;
use std::time::Duration;

use crate::api::deployment::Deployment;
use crate::api::polling::Polling;
use crate::failed_resources::FailedResources;
use crate::guard::Guard;
use crate::rollout::batch_place::BatchPlace;
use apigee_flux_configuration::inventory::Names;
use apigee_flux_configuration::{Claimant, Record};
use apigee_flux_model::bundle::DeploySettings;
use apigee_flux_model::names::RevisionId;
use apigee_flux_model::provenance::Provenance;

/// When the run ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WaitFor {
    /// The runtime has loaded the revision and every base path leads to it.
    #[default]
    Ready,
    /// Apigee has accepted the deployment. In this case there is no rollback.
    Accepted,
}

/// The record of a bundle, as far as the caller knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum KnownRecord {
    /// The run reads it.
    #[default]
    Unread,
    /// A batch has read the records of all its bundles. `None`: it has no record.
    Read(Option<Box<Record>>),
}

/// Options of a deployment.
#[derive(Debug, Clone)]
pub struct DeployOptions {
    /// The settings of this bundle.
    pub settings: DeploySettings,
    /// Who deploys it: a bundle of others is not changed. `None`: a person, who deploys only what has no owner, and records nothing.
    pub claimant: Option<Claimant>,
    /// What the newest state of Git in the cluster defines: another proxy of the same owner that is not among it is leaving. `None`: not known.
    pub names: Option<Arc<Names>>,
    /// The record of the bundle.
    pub record: KnownRecord,
    /// This bundle's entries of the environment's list of deployments, which a batch reads once for all its bundles.
    /// `None`: the list is read. If it is given, the state of a deployment older than
    /// [`SETTLED_AFTER`](crate::SETTLED_AFTER) is not read.
    pub listed: Option<Vec<Deployment>>,
    /// A revision that was edited: its description has the digest of this bundle, but its files differ. It counts as
    /// unmanaged.
    pub edited: Option<RevisionId>,
    /// Timeout for the runtime to become ready.
    pub timeout: Duration,
    /// When the run ends.
    pub wait: WaitFor,
    /// The provenance of the bundle, for the revision's description.
    pub provenance: Provenance,
    /// How often the status is read.
    pub polling: Polling,
    /// Asked before the first write, and again before a new revision replaces the deployed one.
    pub guard: Option<Guard>,
    /// What has failed for good earlier in the same run: nothing waits for it.
    pub failed: FailedResources,
    /// Its place in a batch.
    pub place: BatchPlace,
}

impl Default for DeployOptions {
    fn default() -> Self {
        Self {
            settings: DeploySettings::default(),
            claimant: None,
            names: None,
            record: KnownRecord::default(),
            listed: None,
            edited: None,
            timeout: Duration::from_mins(10),
            wait: WaitFor::Ready,
            provenance: Provenance::default(),
            polling: Polling::default(),
            guard: None,
            failed: FailedResources::default(),
            place: BatchPlace::default(),
        }
    }
}
