#![doc = include_str!("../ARCHITECTURE.md")]
#![cfg_attr(not(test), deny(unused_crate_dependencies))]

pub mod cli;
