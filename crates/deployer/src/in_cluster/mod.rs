//! The cluster that a Job's pod runs in, as far as the pod may talk to it: it says on its own Job how it ended.
//!
//! Invariants: nothing depends on it, so that whoever sends sets a bound and goes on
//! after a failure; the token goes to the address that the kubelet gave and to nothing that another authority than the cluster's
//! vouches for, by no proxy and after no redirect, and is never shown.

mod api_server;
mod job_report;
mod report;

pub use api_server::ApiServer;
pub use job_report::JobReport;
pub use report::report;
