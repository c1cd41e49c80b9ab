//! The failure that the runtime reports for a deployment.

use std::fmt;

/// The runtime reports the state ERROR.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateError {
    /// The runtime's messages; it may give none.
    pub messages: Vec<String>,
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.messages.as_slice() {
            [] => f.write_str("its state is ERROR and Apigee gives no reason"),
            messages => write!(f, "its state is ERROR: {}", messages.join("; ")),
        }
    }
}
