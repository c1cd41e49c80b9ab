//! A local management API: what the deployer, the demo and the tests talk to when there is no Apigee.
//!
//! [`state`] is a pure state machine: the time is handed in, nothing is read or written outside. [`server`] puts it on a socket
//! under the paths of the discovery document `apigee.v1`; answers have only the fields of its schemas, with 64-bit numbers as strings.
//!
//! [`trouble`] says which requests are to go wrong, for tests of what a client does about it.
//!
//! It is not a runtime: no traffic flows. Where Google's documents leave a behaviour open, the item's own comment says what
//! was chosen.

mod connection;
pub mod fault;
pub mod inspect;
pub mod routing;
pub mod server;
pub mod state;
pub mod trouble;
pub mod view;

pub use server::{LoggedRequest, Moment, Options, RequestAt, Sandbox, Watcher};
pub use state::Mishap;
pub use trouble::{Occurrence, Rule, Trouble};
