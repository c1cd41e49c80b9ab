//! What has failed for good in a run, so that nothing in the same run waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use apigee_flux_configuration::Id;
use apigee_flux_model::exit::Exit;

/// The failures of a run after which another attempt is useless. Its clones share them, so the stages of a run know of
/// each other's.
#[derive(Debug, Clone, Default)]
pub struct FailedResources(Arc<Mutex<BTreeMap<Id, Exit>>>);

impl FailedResources {
    /// How a resource ended that failed for good.
    pub fn get(&self, id: &Id) -> Option<Exit> {
        self.all().get(id).copied()
    }

    /// Notes how a resource ended.
    pub fn note(&self, id: &Id, exit: Exit) {
        let mut all = self.all();
        if Exit::PERMANENT.contains(&exit) {
            all.insert(id.clone(), exit);
        } else {
            all.remove(id);
        }
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Id, Exit>> {
        // A thread that stopped while it held the lock leaves a whole map: an entry is inserted at once.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
