//! A running sandbox.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::options::SandboxOptions;
use super::shared::{Shared, lock};
use super::state_file::{self, StateFile, StateFileError};
use super::visitor::Hosts;
use super::watcher::Watcher;
use super::{connection, router};
use crate::fault_rule::{FaultRule, FaultRules};
use crate::quota::QuotaMeter;
use crate::request_log::{LoggedRequest, RequestLog};
use crate::state::{SimulatedFailure, State};

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The sandbox cannot listen on the address.
    #[error("cannot listen on {0}: {1}; choose another address with --listen, for example 127.0.0.1:0")]
    Listen(SocketAddr, std::io::Error),
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StateFileError),
}

/// A running sandbox. It stops when this is dropped.
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Sandbox {
    /// Listens on `address` (port 0: any free one) and serves on the current runtime.
    pub async fn start(address: SocketAddr, options: SandboxOptions) -> Result<Self, StartError> {
        let cannot_listen = |error| StartError::Listen(address, error);
        let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let settings = options.settings();
        let (state_file, state) = match &options.state_file {
            None => (None, State::new(settings)),
            Some(path) => {
                let (file, state) = StateFile::open(path)?;
                let state = state.with_settings(settings);
                // A folder that cannot be written is reported now and not at the first request.
                file.save(|| state_file::content(&state))?;
                (Some(file), state)
            }
        };
        let hosts = Hosts { listen: address.ip(), names: options.allowed_hosts };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            state_file,
            requests: Mutex::new(RequestLog::new(options.kept_requests)),
            fault_rules: Mutex::new(options.faults.into_iter().collect()),
            quota: options.quota.map(|quota| Mutex::new(QuotaMeter::new(quota))),
            watcher: Mutex::default(),
            token: options.token,
            clock: options.clock,
            latency: options.latency,
            other_statuses: options.other_statuses,
            count: AtomicU64::new(0),
        });
        let task = tokio::spawn(connection::serve(listener, router::router(&shared, hosts)));
        Ok(Self { address, shared, task })
    }

    /// The address that the sandbox listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All kept requests so far, in the order in which they were completed.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        lock(&self.shared.requests).since(0)
    }

    /// Reads the current state; `look` gets it and the time in milliseconds since 1970.
    pub fn with_state<T>(&self, look: impl FnOnce(&State, u64) -> T) -> T {
        look(&lock(&self.shared.state), self.shared.now())
    }

    /// Lets one operation on the resource of the given name fail, once.
    pub fn simulate_failure(&self, name: &str, failure: SimulatedFailure) {
        lock(&self.shared.state).simulate_failure(name, failure);
    }

    /// Injects faults into requests from now on.
    pub fn inject(&self, rule: FaultRule) {
        lock(&self.shared.fault_rules).add(rule);
    }

    /// Removes all rules for faults.
    pub fn clear_faults(&self) {
        *lock(&self.shared.fault_rules) = FaultRules::default();
    }

    /// Sets the watcher, which replaces the previous one.
    pub fn watch(&self, watcher: Watcher) {
        *lock(&self.shared.watcher) = Some(watcher);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}
