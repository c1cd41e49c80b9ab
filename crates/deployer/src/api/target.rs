//! An environment of an organization.

use apigee_flux_model::names::Name;

/// Where to deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The organization.
    pub organization: Name,
    /// The environment.
    pub environment: Name,
}
