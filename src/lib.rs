//! apigee-flux: GitOps for Apigee.

pub mod apigee;
pub mod bundle;
pub mod cli;
pub mod diag;
pub mod krm;
pub mod sandbox;
pub mod yaml;
