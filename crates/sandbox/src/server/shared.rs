//! What all requests share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::state_file::StateFile;
use super::watcher::{RequestAt, Watcher};
use crate::fault_rule::FaultRules;
use crate::quota::QuotaMeter;
use crate::request_log::RequestLog;
use crate::state::State;

/// Returns the time in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What all requests share.
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) state_file: Option<StateFile>,
    pub(super) requests: Mutex<RequestLog>,
    pub(super) fault_rules: Mutex<FaultRules>,
    pub(super) quota: Option<Mutex<QuotaMeter>>,
    pub(super) watcher: Mutex<Option<Watcher>>,
    pub(super) token: Option<String>,
    pub(super) clock: Clock,
    pub(super) latency: Duration,
    pub(super) other_statuses: bool,
    pub(super) count: AtomicU64,
}

/// Handlers do not panic while they hold the lock; if one did, the state would still be consistent between two requests.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Calls the watcher, and waits until it lets the request continue.
    pub(super) async fn tell(&self, request: RequestAt) {
        let watcher = lock(&self.watcher).clone();
        if let Some(watcher) = watcher {
            watcher(request).await;
        }
    }
}
