//! A local management API: what the deployer, the demo and the tests talk to when there is no Apigee.
//!
//! [`state`] is a pure state machine: the time is handed in, nothing is read or written outside. [`server`] puts it on a socket
//! under the paths of the discovery document `apigee.v1`; answers have only the fields of its schemas, with 64-bit numbers as strings.
//! [`state_file`] keeps it on the disk, and `/` shows it on a page.
//!
//! Bundles and deployments are in [`state`] itself, everything else that can be configured in `config`, one file for each kind.
//!
//! [`trouble`] says which requests are to go wrong, for tests of what a client does about it.
//!
//! It is not a runtime: no traffic flows. Where Google's documents leave a behaviour open, the item's own comment says what
//! was chosen.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod config;
mod connection;
mod deployments;
mod environment;
mod environment_group;
pub mod fault;
mod flow_hook;
pub mod inspect;
mod message;
mod method;
mod operation;
mod paging;
mod parameter;
pub mod requests;
mod revisions;
pub mod routing;
pub mod server;
pub mod settings;
pub mod state;
pub mod state_file;
mod stored_form;
mod summary;
pub mod trouble;
pub mod view;

pub use requests::LoggedRequest;
pub use server::{Moment, Options, RequestAt, Sandbox, Watcher};
pub use settings::{EarlyStatus, RuntimeType, Settings};
pub use state::{Mishap, State};
pub use state_file::StateFile;
pub use trouble::{Occurrence, OddAnswer, Rule, Trouble};
