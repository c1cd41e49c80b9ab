//! What Apigee makes of a bundle: the schemas of its policies, what is wrong with it, and what would run for a call. Pure.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

pub mod check;
pub mod explain;
pub mod policy;
