//! Makes an environment equal to an inventory of bundles and configuration, and deletes what was removed from Git.

mod agreement;
pub mod prune;
pub mod reconcile;
mod source;
mod summary;
mod truth;
