//! The real program, as people, Jobs and orchestrators run it, and what stands on it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod api_server;
mod architecture;
mod audit;
mod batch;
mod calls;
#[path = "../support/closed_loop.rs"]
mod closed_loop;
mod cluster_truth;
mod deploy;
mod diff;
#[path = "../support/fake_cluster.rs"]
mod fake_cluster;
mod from_cluster;
mod identity;
mod in_cluster;
mod large_configuration;
mod layer_parts;
mod openapi;
mod plain;
// The demo runs the program; here only its volumes are put together.
#[allow(dead_code)]
#[path = "../../src/cli/demo/pod.rs"]
mod pod;
mod quota;
mod reconcile;
mod render;
mod sandbox;
mod tls;
