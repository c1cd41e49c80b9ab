//! The cluster that a Job's pod runs in, as far as the pod may use its API: it reports the result of its own Job.
//!
//! Invariants: nothing depends on it, so the caller sets a
//! timeout and continues after a failure; the token is sent only to the address from the kubelet, whose certificate
//! must be signed by the cluster's authority, without a proxy and without redirects, and is never shown.

mod api_server;
mod cluster;
mod identity;
mod job_report;
mod report;

pub use api_server::ApiServer;
pub use cluster::{Cluster, Jobs, State};
pub use identity::identity;
pub use job_report::JobReport;
pub use report::report;
