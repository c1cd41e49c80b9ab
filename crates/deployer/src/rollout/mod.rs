//! How a bundle gets into an environment: it is imported, deployed in place of the current revision, and rolled back if
//! it does not become ready.

pub mod batch;
pub(crate) mod batch_place;
pub(crate) mod batch_report;
pub mod deploy;
mod import;
mod known;
mod occupied;
pub(crate) mod options;
pub mod outcome;
mod ownership;
pub(crate) mod plan;
pub mod remove;
mod replace;
mod requirements;
pub(crate) mod retention;
mod site;
mod smoke_test;
mod wait;
