//! The option for the target environment of a command.

use apigee_flux_deployer::Target;
use apigee_flux_model::names::Name;

/// An environment of an organization.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TargetArgs {
    /// The Apigee organization
    #[arg(long = "org", value_name = "ORG")]
    organization: Name,
    /// The Apigee environment
    #[arg(long = "env", value_name = "ENV")]
    pub(in crate::cli) environment: Name,
}

impl TargetArgs {
    /// The environment in its organization.
    pub(in crate::cli) fn target(&self) -> Target {
        Target { organization: self.organization.clone(), environment: self.environment.clone() }
    }
}
