//! Makes an environment equal to an inventory of bundles and configuration, and deletes what was removed from Git.

pub mod prune;
pub mod reconcile;
