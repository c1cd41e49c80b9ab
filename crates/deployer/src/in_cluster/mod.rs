//! The cluster that a Job's pod runs in, as far as the pod may use its API: a Job reports its own result, and the reconciler reads what its
//! namespace should have.
//!
//! Invariants: nothing depends on a report, so the caller sets a timeout and continues after a failure; the token is sent only to the address
//! from the kubelet, whose certificate must be signed by the cluster's authority, without a proxy and without redirects, and is never shown.

mod api_server;
mod cluster;
mod create_secret;
mod cron_job_report;
mod event;
mod identity;
mod job_report;
mod kube_cluster;
mod kubernetes_error;
pub mod objects;
mod objects_cluster;
mod report;

pub use api_server::ApiServer;
pub use cluster::{Cluster, Jobs, State, UNKNOWN_JOB};
pub use create_secret::create_secret;
pub use cron_job_report::{CronJobReport, CronJobResult};
pub use identity::identity;
pub use job_report::JobReport;
pub use kube_cluster::KubeCluster;
pub use objects_cluster::ObjectsCluster;
pub use report::report;
