//! Failures of single operations, for tests of how a deployer handles them. A fault of a request is an
//! [`InjectedFault`](crate::InjectedFault).

use serde::{Deserialize, Serialize};

use super::State;

/// A failure that happens once, for tests of how a deployer handles it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SimulatedFailure {
    /// The next deployment ends in the state ERROR with this message.
    Error(String),
    /// The next deployment becomes READY, but another deployment has claimed its base path.
    RouteConflict,
    /// The next import is executed, but answered with 503.
    LostImportAnswer,
}

impl State {
    /// Lets one operation on the resource of the given name fail, once.
    pub fn simulate_failure(&mut self, name: &str, failure: SimulatedFailure) {
        self.failures.push((name.to_owned(), failure));
    }

    pub(crate) fn take_failure(
        &mut self,
        name: &str,
        wanted: impl Fn(&SimulatedFailure) -> bool,
    ) -> Option<SimulatedFailure> {
        let index = self.failures.iter().position(|(other, failure)| other == name && wanted(failure))?;
        Some(self.failures.remove(index).1)
    }
}
