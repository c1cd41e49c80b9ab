//! How a sandbox behaves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Clock;
use crate::fault_rule::FaultRule;
use crate::quota::Quota;
use crate::settings::{EarlyStatus, RuntimeType, Settings};
use apigee_flux_model::bundle::MAX_REVISIONS;
use apigee_flux_model::duration::millis;

/// How the sandbox behaves.
#[derive(Clone)]
pub struct SandboxOptions {
    /// How long a deployment is PROGRESSING, and how long an operation takes.
    pub progressing: Duration,
    /// The bearer token that requests need; `None`: no token is needed.
    pub token: Option<String>,
    /// The environments of environment groups, in addition to those that requests attach; an environment without a group has its own.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The environments of every organization. Empty: any environment exists, until a request creates one.
    pub environments: BTreeSet<String>,
    /// The runtime type.
    pub runtime: RuntimeType,
    /// The maximum number of revisions of one proxy or shared flow; `None`: no limit.
    pub max_revisions: Option<usize>,
    /// How long after its import a revision is not found.
    pub visible_after: Duration,
    /// How long after the start of a deployment its status is unavailable.
    pub status_after: Duration,
    /// The response to a request for the status in that time.
    pub early_status: EarlyStatus,
    /// The file in which the state is saved.
    pub state_file: Option<PathBuf>,
    /// How many requests are kept in the log; `None`: all.
    pub kept_requests: Option<usize>,
    /// The clock.
    pub clock: Clock,
    /// The delay of every response, to simulate a network.
    pub latency: Duration,
    /// The quota of requests; `None`: no limit.
    pub quota: Option<Quota>,
    /// The faults to inject into requests.
    pub faults: Vec<FaultRule>,
    /// Host names that requests may use, in addition to this machine's loopback names and the address that the sandbox listens on.
    pub allowed_hosts: Vec<String>,
    /// Whether errors whose status is not documented have the alternative status.
    pub other_statuses: bool,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        let since_1970 = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            progressing: Duration::from_millis(300),
            token: None,
            groups: BTreeMap::new(),
            environments: BTreeSet::new(),
            runtime: RuntimeType::default(),
            max_revisions: Some(MAX_REVISIONS),
            visible_after: Duration::ZERO,
            status_after: Duration::ZERO,
            early_status: EarlyStatus::default(),
            state_file: None,
            kept_requests: None,
            clock: Arc::new(move || millis(since_1970())),
            latency: Duration::ZERO,
            quota: None,
            faults: Vec::new(),
            allowed_hosts: Vec::new(),
            other_statuses: false,
        }
    }
}

impl SandboxOptions {
    /// The part that the simulated Apigee needs.
    pub(super) fn settings(&self) -> Settings {
        Settings {
            progressing: millis(self.progressing),
            groups: self.groups.clone(),
            environments: self.environments.clone(),
            runtime: self.runtime,
            max_revisions: self.max_revisions,
            visible_after: millis(self.visible_after),
            status_after: millis(self.status_after),
            early_status: self.early_status,
        }
    }
}
