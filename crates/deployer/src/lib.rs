//! Apigee's management API: the client, and the deployer that makes an environment equal to a bundle.
//!
//! The modules refer to each other in one direction, from the bottom to the top:
//!
//! - [`error`], [`stop`], [`event`], [`failed_resources`], [`guard`], [`secret_writer`] and [`mount`]: the words of a run, and the files that it is about;
//! - `api`: the client, its credentials, and the messages of the management API;
//! - `compare`: what an environment runs, compared with the desired bundles; it writes nothing;
//! - `records`: who owns what is managed, and what was applied;
//! - `rollout`: one bundle's way into an environment, and a batch of them;
//! - `configuration`: target servers, API products and all other kinds;
//! - `reconciler`: an environment equal to an inventory of bundles and configuration; [`audit`] lists the records.
//!
//! Only `api` and [`in_cluster`] use the network, and only [`mount`] reads the mounted files. Decisions are pure:
//! `rollout::plan`, `compare::verdict`, [`file_difference`], [`retry`].
//!
//! The contract is the discovery document `apigee.v1`. Invariants: an import is never repeated without checking its
//! result, a write happens only after the state was read, and a token is never logged.

#![cfg_attr(not(test), deny(unused_crate_dependencies))]

mod api;
pub mod audit;
mod compare;
mod configuration;
pub mod error;
pub mod event;
pub mod failed_resources;
pub mod guard;
pub mod in_cluster;
pub mod mount;
pub mod mounted_state;
mod reconciler;
mod records;
mod rollout;
pub mod secret_writer;
pub mod stop;
pub mod termination_message;

pub use api::auth::{self, Identity, TokenSource};
pub use api::authorities;
pub use api::client::{self, Client};
pub use api::credentials_file::CredentialsFile;
pub use api::polling::Polling;
pub use api::resource_name::ResourceName;
pub use api::revision::Revision;
pub use api::target::Target;
pub use api::work_time::WorkTime;
pub use api::{deployment, retry};
pub use compare::canonical_xml;
pub use compare::drift::{self, Drift};
pub use compare::file_difference;
pub use compare::survey;
pub use compare::vouched::SETTLED_AFTER;
pub use configuration::apply;
pub use error::Error;
pub use error::blame::Blame;
pub use mount::Bundle;
pub use reconciler::{prune, reconcile};
pub use records::history;
pub use records::register::Register;
pub use rollout::batch::{self, deploy_batch};
pub use rollout::batch_report::BatchReport;
pub use rollout::deploy::{self, deploy};
pub use rollout::options::{DeployOptions, KnownRecord, WaitFor};
pub use rollout::outcome::{self, DeployReport, Outcome};
pub use rollout::remove::{self, remove};
pub use stop::Stop;
