//! Where the desired state of an environment comes from.

use std::sync::Arc;

use crate::in_cluster::Cluster;
use crate::mount::MountedBundle;
use apigee_flux_configuration::inventory::Inventory;

/// Where the desired state of an environment comes from.
#[derive(Clone)]
pub enum Source {
    /// The cluster of the pod: only where its inventory and its Jobs agree, something is changed.
    Cluster(Arc<dyn Cluster>),
    /// Files, outside of a cluster: all of them count.
    Files {
        /// The inventory.
        inventory: Inventory,
        /// Its bundles.
        bundles: Vec<MountedBundle>,
    },
}
