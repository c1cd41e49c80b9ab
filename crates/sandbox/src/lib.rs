//! A local management API for the deployer, the demo and the tests, as a replacement for Apigee.
//!
//! `state` is a pure state machine: the time is an argument, and it does no input or output. One file for each concept has its messages, its
//! methods and their handlers. `api` is the table of all methods and the one reader of requests, with the paths of the discovery document
//! `apigee.v1`; responses have only the fields of its schemas, with 64-bit numbers as strings. `server` is the socket and the state file, and
//! `/` shows the state on a page.
//!
//! An [`InjectedFault`] changes a request or its response, for tests of how a client handles it.
//!
//! It is not a runtime: it serves no API traffic. Where Google's documentation leaves a behaviour open, the comment of the item says which
//! behaviour was chosen.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod api;
mod fault_rule;
mod injected_fault;
mod quota;
mod request_log;
mod secrets;
mod server;
mod settings;
mod state;

pub use fault_rule::{FaultRule, Occurrence};
pub use injected_fault::{InjectedFault, OddResponse};
pub use quota::Quota;
pub use request_log::LoggedRequest;
pub use server::{Clock, Moment, RequestAt, Sandbox, SandboxOptions, StartError, StateFileError, Watcher};
pub use settings::{EarlyStatus, RuntimeType, Settings};
pub use state::{SimulatedFailure, State};
