//! apigee-flux: GitOps for Apigee.

pub mod bundle;
pub mod cli;
