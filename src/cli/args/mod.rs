//! The options that several commands share: one file per group, which a command flattens into its own.

mod apigee_args;
mod configuration_args;
mod job_args;
mod organization_args;
mod output_args;
mod ownership_args;
mod provenance_args;
mod target_args;

pub(super) use apigee_args::ApigeeArgs;
pub(super) use configuration_args::ConfigurationArgs;
pub(super) use job_args::JobArgs;
pub(super) use organization_args::OrganizationArgs;
pub(super) use output_args::OutputArgs;
pub(super) use ownership_args::OwnershipArgs;
pub(super) use provenance_args::ProvenanceArgs;
pub(super) use target_args::TargetArgs;
