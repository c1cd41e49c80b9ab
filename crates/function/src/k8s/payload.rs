//! What a Job deploys.

use std::collections::BTreeSet;

use crate::spec::environment;
use apigee_flux_configuration::Place;
use apigee_flux_configuration::secret::SecretKeyRef;
use apigee_flux_model::bundle::{BundleKind, DeploySettings, Removal};

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
}

/// The variable with the pod's namespace.
pub(super) const NAMESPACE_VARIABLE: &str = "APIGEE_FLUX_NAMESPACE";

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
        /// The name of the ConfigMap with the document.
        config_map: &'a str,
        /// The environment or organization.
        place: Place<'a>,
        /// The owner of the resources.
        owner: ResourceOwner<'a>,
        /// The keys of Secrets that it needs.
        secrets: &'a BTreeSet<SecretKeyRef>,
    },
    /// The desired state of an environment, compared with the actual state in Apigee.
    Reconcile {
        /// The name of the ConfigMap with the inventory.
        config_map: &'a str,
        /// The owner of the environment's resources.
        owner: ResourceOwner<'a>,
        /// The owner of the organization's resources.
        owner_of_organization: ResourceOwner<'a>,
        /// The keys of Secrets that it needs.
        secrets: &'a BTreeSet<SecretKeyRef>,
        /// The settings of the reconciler.
        how: &'a environment::Reconcile,
    },
    /// All bundles of an environment.
    Batch {
        /// The name of the ConfigMap with the list of the bundles.
        config_map: &'a str,
    },
}
