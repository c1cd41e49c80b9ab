//! A Job for one environment, before it is rendered.

use k8s_openapi::api::core::v1::VolumeProjection;

use super::identity::DeployerIdentity;
use super::payload::{Intent, Payload, ResourceOwner};
use crate::spec::environment::{self, GitOps, ReportTo};
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::provenance::Provenance;

/// A Job for one environment.
#[derive(Debug, Clone)]
pub struct Deployment<'a> {
    /// The Apigee organization.
    pub organization: &'a str,
    /// The Apigee environment.
    pub environment: &'a str,
    /// The name of its ApigeeEnvironment.
    pub resource: &'a str,
    /// The endpoint of the management API, if it is not the global one.
    pub endpoint: Option<&'a str>,
    /// What is deployed.
    pub payload: Payload<'a>,
    /// What the Job applies; `None` for the reconciler, which applies what the cluster holds when it runs.
    pub intent: Option<Intent>,
    /// The digest of the bundle or document: if it changes, the Job runs again. `None` for the reconciler.
    pub digest: Option<Digest>,
    /// The owner of the resources.
    pub owner: ResourceOwner<'a>,
    /// The identity of the cluster that this one replaces.
    pub replaces_cluster: Option<&'a str>,
    /// The sources of the volume with the bundle or with all bundles.
    pub sources: &'a [VolumeProjection],
    /// The identity with which the Job runs.
    pub deployer: &'a DeployerIdentity,
    /// The container image.
    pub image: &'a str,
    /// How long the deployment of a bundle may take, as written in the spec.
    pub timeout: &'a str,
    /// The same in seconds.
    pub timeout_seconds: u64,
    /// Multiplier for `timeout_seconds`: a batch may need several times one bundle's timeout.
    pub turns: u64,
    /// The other settings of the deployer.
    pub settings: &'a environment::DeployerSettings,
    /// The GitOps tool that applies the Job.
    pub gitops: GitOps,
    /// Where this state of Git comes from.
    pub provenance: Option<&'a Provenance>,
}

impl Deployment<'_> {
    /// The environment that the Job changes; `None` if it changes the organization.
    pub(super) fn environment(&self) -> Option<&str> {
        match self.payload {
            Payload::Configuration { place, .. } => place.environment.map(|_| self.environment),
            _ => Some(self.environment),
        }
    }

    /// Whether the Job creates Secrets for keys that Apigee generates.
    pub(super) fn creates_secrets(&self) -> bool {
        match self.payload {
            Payload::Configuration { creates_secrets, .. } | Payload::Reconcile { creates_secrets, .. } => {
                creates_secrets
            }
            Payload::Bundle { .. } | Payload::Batch { .. } | Payload::Removal { .. } => false,
        }
    }

    /// Whether the Job reports its result to the cluster. The Jobs of a CronJob have generated names, which a Role cannot list.
    pub(super) fn reports(&self) -> bool {
        self.settings.report == ReportTo::Job && !matches!(self.payload, Payload::Reconcile { .. })
    }
}
