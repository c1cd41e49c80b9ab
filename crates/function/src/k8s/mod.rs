//! The Kubernetes objects that deploy bundles and configuration to Apigee.
//!
//! The only module that uses Kubernetes' types. Invariants: every object is annotated so that Flux does not substitute variables in it and
//! can replace a changed Job; a Job's pod template contains the bundle's digest and no commit, so that the Job runs again only if there is
//! something to deploy.

mod api_access;
mod arguments;
mod bundle_maps;
mod client_side;
mod deployment;
mod document_maps;
mod identity;
mod inventory_maps;
mod job;
mod layer;
mod metadata;
mod names;
mod network_policy;
mod object;
mod payload;
mod pod;
mod provenance;
mod reconcile_access;
mod report_access;
mod secret_access;
mod volumes;

pub use bundle_maps::BundleMaps;
pub(crate) use client_side::{FILL_BYTES, MAX_BYTES, json_bytes, text_bytes};
pub use deployment::Deployment;
pub use document_maps::{DocumentMaps, ROOM_BYTES};
pub use identity::DeployerIdentity;
pub use inventory_maps::{InventoryMaps, PackedNames};
pub use job::{cron_job, job};
pub use layer::Layer;
pub use metadata::{DIGEST, Metadata};
pub use names::{
    batch_name, bundle_name, bundle_stem, component, configuration_name, environment_name, inventory_name, job_name,
    slug,
};
pub use network_policy::network_policy;
pub use object::Object;
pub use payload::{Intent, Payload, ResourceOwner};
pub use pod::VOLUMES;
pub use provenance::provenance;
pub use reconcile_access::reconcile_access;
pub use report_access::report_access;
pub use secret_access::secret_access;
