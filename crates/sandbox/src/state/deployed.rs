//! A stored deployment, and which ones a list contains.

use serde::{Deserialize, Serialize};

use super::{SimulatedFailure, State};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::RevisionId;

/// A deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deployed {
    pub(crate) environment: String,
    pub(crate) kind: BundleKind,
    pub(crate) name: String,
    pub(crate) revision: RevisionId,
    pub(crate) service_account: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) since: u64,
    /// Orders deployments within the same millisecond.
    pub(crate) sequence: u64,
    /// The revision that serves until this one is READY.
    pub(crate) replaces: Option<RevisionId>,
    #[serde(rename = "mishap")]
    pub(crate) failure: Option<SimulatedFailure>,
}

/// Which deployments a list contains; `None` allows any value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeploymentFilter<'a> {
    pub(crate) kind: BundleKind,
    pub(crate) environment: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) revision: Option<RevisionId>,
}

impl DeploymentFilter<'_> {
    pub(crate) fn allows(&self, deployed: &Deployed) -> bool {
        self.kind == deployed.kind
            && self.environment.is_none_or(|environment| environment == deployed.environment)
            && self.name.is_none_or(|name| name == deployed.name)
            && self.revision.is_none_or(|revision| revision == deployed.revision)
    }
}

impl State {
    pub(crate) fn deployed<'a>(&'a self, organization: &str) -> impl Iterator<Item = &'a Deployed> + use<'a> {
        self.organizations.get(organization).into_iter().flat_map(|organization| &organization.deployments)
    }
}
