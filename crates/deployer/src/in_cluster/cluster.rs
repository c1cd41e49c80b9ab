//! What the reconciler reads of its cluster, and what it writes there.
//!
//! What the cluster holds now decides which state of Git counts: the time of a commit does not order states, since a revert or a pinned
//! artifact makes an older commit the newest state.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;

use crate::error::Error;
use crate::in_cluster::CronJobReport;
use crate::mount::Bundle;
use apigee_flux_configuration::inventory::{Index, Inventory, InventoryBundle, Names};

/// The Jobs of a namespace: what each applies (annotation `apigeeflux.dev/applies`) and the digest of its desired state (annotation
/// `apigeeflux.dev/desired`; empty if there is none, or if two Jobs disagree).
pub type Jobs = BTreeMap<String, String>;

/// The key in [`Jobs`] of Jobs that do not say what they apply: version 0.1.0 rendered them.
pub const UNKNOWN_JOB: &str = "";

/// The newest state of Git that the cluster was given, for one environment in one namespace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The index.
    pub index: Index,
    /// All parts of the inventory.
    pub inventory: Inventory,
    /// What the input defines in all its namespaces.
    pub names: Names,
}

/// The objects of the pod's namespace.
pub trait Cluster: Send + Sync {
    /// The newest state of an environment. An error is temporary if the parts do not fit together: they are being applied.
    fn state<'a>(&'a self, organization: &'a str, environment: &'a str) -> BoxFuture<'a, Result<State, Error>>;

    /// The index of the newest state alone: it tells whether the state is still the same.
    fn index<'a>(&'a self, organization: &'a str, environment: &'a str) -> BoxFuture<'a, Result<Index, Error>>;

    /// The Jobs that exist now.
    fn jobs(&self) -> BoxFuture<'_, Result<Jobs, Error>>;

    /// A bundle, from its ConfigMaps; it is verified.
    fn bundle<'a>(&'a self, bundle: &'a InventoryBundle) -> BoxFuture<'a, Result<Bundle, Error>>;

    /// Shows the result of a run on the CronJob of the pod: a label, an annotation, and an Event if the run changed or failed.
    fn note<'a>(&'a self, report: &'a CronJobReport) -> BoxFuture<'a, Result<(), Error>>;
}
