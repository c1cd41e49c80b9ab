//! The configuration of an environment or organization, and the records of what is managed.

pub mod apply;
pub(crate) mod convergence;
pub(crate) mod event;
pub(crate) mod options;
pub(crate) mod outcome;
mod snapshot;
mod turns;
