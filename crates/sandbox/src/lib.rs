//! A local management API for the deployer, the demo and the tests, as a replacement for Apigee.
//!
//! [`state`] is a pure state machine: the time is an argument, and it does no input or output. [`server`] serves it on a socket
//! under the paths of the discovery document `apigee.v1`; responses have only the fields of its schemas, with 64-bit numbers as strings.
//! [`state_file`] saves it to the disk, and `/` shows it on a page.
//!
//! Bundles and deployments are in [`state`] itself, all other configuration is in `config`, one file for each kind.
//!
//! [`trouble`] injects faults into requests, for tests of how a client handles them.
//!
//! It is not a runtime: it serves no API traffic. Where Google's documentation leaves a behaviour open, the comment of the item says which
//! behaviour was chosen.

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
