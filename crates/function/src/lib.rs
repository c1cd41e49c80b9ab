//! The KRM function: specs in, Kubernetes objects out. Pure: no file, network, clock or environment.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

pub mod expand;
pub mod k8s;
pub mod openapi;
mod parallel;
pub mod proxy;
pub mod reference;
pub mod spec;
