//! What a Job deploys.

use std::collections::BTreeSet;

use super::document_maps::DocumentMaps;
use crate::spec::environment;
use apigee_flux_configuration::Place;
use apigee_flux_configuration::secret::SecretKeyRef;
use apigee_flux_model::bundle::{BundleKind, DeploySettings, Digest, Removal};

/// The owner of the resources that a Job applies: resources of another owner are not changed.
#[derive(Debug, Clone, Copy)]
pub enum ResourceOwner<'a> {
    /// The name in the spec.
    Named(&'a str),
    /// A name within the namespace of the pod, which may be set long after rendering.
    OfNamespace(&'a str),
}

impl ResourceOwner<'_> {
    /// The owner as part of an argument, in which Kubernetes expands `$(NAME)`; `$$(` is an escaped `$(`.
    pub(super) fn argument(self) -> String {
        match self {
            Self::Named(name) => name.replace("$(", "$$("),
            Self::OfNamespace(name) => format!("$({NAMESPACE_VARIABLE})/{name}"),
        }
    }

    /// The owner of what a Job in a namespace applies.
    pub fn in_namespace(self, namespace: &str) -> String {
        match self {
            Self::Named(name) => name.to_owned(),
            Self::OfNamespace(name) => format!("{namespace}/{name}"),
        }
    }
}

/// The variable with the pod's namespace.
pub(super) const NAMESPACE_VARIABLE: &str = "APIGEE_FLUX_NAMESPACE";

/// The variable with the uid of the pod's Job.
pub(super) const JOB_UID_VARIABLE: &str = "APIGEE_FLUX_JOB_UID";

/// What a Job applies, and the digest of the desired state. The reconciler compares it with the inventory: it leaves alone what another
/// state of Git is about to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// See [`applies`](apigee_flux_model::names::kubernetes::applies).
    pub applies: String,
    /// The digest of everything that the Job applies, settings included.
    pub desired: Digest,
}

/// What a Job deploys.
#[derive(Debug, Clone, Copy)]
pub enum Payload<'a> {
    /// One bundle.
    Bundle {
        /// Proxy or shared flow.
        kind: BundleKind,
        /// The bundle's name in Apigee.
        name: &'a str,
        /// The deployment settings.
        settings: &'a DeploySettings,
    },
    /// A removal of one bundle.
    Removal {
        /// Proxy or shared flow.
        kind: BundleKind,
        /// The bundle's name in Apigee.
        name: &'a str,
        /// Whether the bundle is undeployed or deleted.
        removal: Removal,
    },
    /// The configuration of an environment or an organization.
    Configuration {
        /// The ConfigMaps with the document.
        document: &'a DocumentMaps,
        /// The environment or organization.
        place: Place<'a>,
        /// The keys of Secrets that it needs.
        secrets: &'a BTreeSet<SecretKeyRef>,
        /// Whether it creates Secrets for keys that Apigee generates.
        creates_secrets: bool,
    },
    /// The desired state of an environment, compared with the actual state in Apigee.
    Reconcile {
        /// The owner of the organization's resources.
        owner_of_organization: ResourceOwner<'a>,
        /// The keys of Secrets that it needs.
        secrets: &'a BTreeSet<SecretKeyRef>,
        /// Whether it creates Secrets for keys that Apigee generates.
        creates_secrets: bool,
        /// The settings of the reconciler.
        how: &'a environment::Reconcile,
    },
    /// All bundles of an environment, or a part of them.
    Batch {
        /// The ConfigMaps with the list of the bundles.
        list: &'a DocumentMaps,
        /// The number of the part of the batch, from 1.
        number: usize,
    },
}
