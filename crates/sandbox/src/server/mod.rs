//! The HTTP server, the only part of the sandbox with input and output: the socket, the state file and the clock.

mod accept;
mod connection;
mod error_response;
mod fault_injection;
mod front_end;
mod guard;
mod observed;
mod options;
mod own;
mod router;
mod sandbox;
mod shared;
mod state_file;
mod visitor;
mod watcher;

pub use options::SandboxOptions;
pub use sandbox::{Sandbox, StartError};
pub use shared::Clock;
pub use state_file::StateFileError;
pub use watcher::{Moment, RequestAt, Watcher};

/// The maximum size of a request body. It exceeds that of a bundle, so that Apigee's error is returned and not that of the HTTP server.
const MAX_BODY: usize = 64 * 1024 * 1024;
