#![doc = include_str!("../ARCHITECTURE.md")]

pub mod apigee;
pub mod bundle;
pub mod cli;
pub mod diag;
pub mod duration;
pub mod expand;
pub mod k8s;
pub mod krm;
pub mod openapi;
pub mod policy;
pub mod proxy;
pub mod sandbox;
pub mod spec;
pub mod xml;
pub mod yaml;
