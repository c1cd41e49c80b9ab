//! apigee-flux: GitOps for Apigee.

pub mod bundle;
pub mod cli;
pub mod diag;
pub mod duration;
pub mod policy;
pub mod proxy;
pub mod spec;
pub mod xml;
pub mod yaml;
