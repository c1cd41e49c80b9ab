//! Apigee's management API: the client, and the deployer that makes an environment equal to a bundle.
//!
//! Decisions are pure ([`plan`], [`schedule`], [`file_difference`], [`retry`], [`revision_record`], [`error`]); only
//! [`client`] and [`auth`] use the network, and only [`mount`] reads the mounted files.
//!
//! The contract is the discovery document `apigee.v1`. Invariants: an import is never repeated without checking its
//! result, a write happens only after the state was read, and a token is never logged.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

pub mod absence;
pub mod answer;
pub mod apply;
pub mod audit;
pub mod auth;
pub mod authorities;
pub mod batch;
pub mod blame;
pub mod canonical_xml;
pub mod client;
pub mod credentials_file;
pub mod deploy;
pub mod deployment;
pub mod drift;
pub mod error;
pub mod file_difference;
mod import;
pub mod in_cluster;
mod known;
mod listed;
pub mod mount;
pub mod outcome;
pub mod pace;
pub mod plan;
pub mod prune;
pub mod reconcile;
pub mod register;
pub mod remove;
mod requirements;
pub mod retention;
pub mod retry;
pub mod revision;
mod rollout;
mod site;
mod smoke_test;
pub mod stop;
pub mod survey;
pub mod token_error;
pub mod wait;

pub use auth::{Identity, TokenSource};
pub use batch::{BatchReport, deploy_batch};
pub use blame::Blame;
pub use client::Client;
pub use credentials_file::CredentialsFile;
pub use deploy::{Options, Target, WaitFor, deploy};
pub use drift::Drift;
pub use error::Error;
pub use mount::Bundle;
pub use outcome::{Outcome, Report};
pub use remove::remove;
pub use revision::Revision;
pub use stop::Stop;
