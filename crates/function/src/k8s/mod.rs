//! The Kubernetes objects that carry a bundle into Apigee.
//!
//! The only place that knows Kubernetes' types. Invariants: every object is annotated so that Flux neither substitutes
//! variables in it nor is surprised by a changed Job; a Job's pod template holds the bundle's digest and nothing of a commit, so
//! that it runs again exactly when there is something to deploy.

mod bundle_maps;
mod identity;
mod job;
mod json_map;
mod layer;
mod metadata;
mod names;
mod network_policy;
mod object;
mod pod;
mod provenance;
mod report_access;
pub mod validate;

pub use bundle_maps::{BundleMaps, MAX_CONFIG_MAP_BYTES};
pub use identity::Deployer;
pub use job::{Deployment, Owner, Payload, cron_job, job};
pub use json_map::JsonMap;
pub use layer::Layer;
pub use metadata::{DIGEST, Metadata};
pub use names::{
    batch_name, bundle_name, bundle_stem, component, configuration_name, environment_name, job_name, slug,
};
pub use network_policy::network_policy;
pub use object::Object;
pub use pod::VOLUMES;
pub use provenance::provenance;
pub use report_access::report_access;
