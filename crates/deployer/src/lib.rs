//! Apigee's management API: the client, and the deployer that makes an environment equal to a bundle.
//!
//! Decisions are pure ([`plan`], [`schedule`], [`file_difference`], [`retry`], [`revision_record`], [`error`]); only
//! [`client`] and [`auth`] use the network, and only [`mount`] reads the mounted files.
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
pub mod in_cluster;
pub mod mount;
mod reconciler;
mod rollout;
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
pub use api::{deployment, retry};
pub use compare::canonical_xml;
pub use compare::drift::{self, Drift};
pub use compare::file_difference;
pub use compare::survey;
pub use configuration::apply;
pub use error::Error;
pub use error::blame::Blame;
pub use mount::Bundle;
pub use reconciler::{prune, reconcile};
pub use rollout::batch::{self, BatchReport, deploy_batch};
pub use rollout::deploy::{self, deploy};
pub use rollout::options::{DeployOptions, WaitFor};
pub use rollout::outcome::{self, Outcome, Report};
pub use rollout::remove::{self, remove};
pub use stop::Stop;
