//! The cluster that a Job's pod runs in, as far as the pod may talk to it: it says on its own Job how it ended.
//!
//! What is said is made in [`crate::k8s`]; here it is sent. Invariants: nothing depends on it, so that whoever sends sets a bound and goes on
//! after a failure; the token goes to the address that the kubelet gave and to nothing that another authority than the cluster's
//! vouches for, by no proxy and after no redirect, and is never shown.

mod api_server;
mod report;

pub use api_server::ApiServer;
pub use report::report;
