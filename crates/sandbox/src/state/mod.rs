//! The state of the simulated Apigee: what is stored, and what requests do to it. Pure: the time is an argument.
//!
//! One file for each concept, with its methods and their handlers. Bundles and deployments are here, all other configuration is in
//! [`config`].

// The table of methods has one type of function for each kind of handler, so one that cannot fail returns a Result too.
#![allow(clippy::unnecessary_wraps)]

pub(crate) mod attachment;
mod bundle;
mod bundle_summary;
mod bundle_view;
pub(crate) mod config;
mod deployed;
mod deployment_view;
mod deployment_violations;
pub(crate) mod deployments;
pub(crate) mod environment;
pub(crate) mod environment_group;
pub(crate) mod operation;
pub(crate) mod organization;
pub(crate) mod revisions;
pub(crate) mod routing;
mod simulated_failure;
mod stored_form;
mod summary;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use bundle::{BundleRef, StoredBundle, StoredRevision};
pub(crate) use config::{Bundles, ConfigState};
pub(crate) use deployed::{Deployed, DeploymentFilter};
pub(crate) use organization::Organization;
pub use simulated_failure::SimulatedFailure;

use crate::api::{ApiError, ApiRequest, ApiResponse, Handler, Method, Verb};
use crate::settings::Settings;

/// Everything that is stored. Organizations appear when they are first written to.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    pub(crate) organizations: BTreeMap<String, Organization>,
    /// The last number of a deployment or operation.
    sequence: u64,
    #[serde(skip)]
    pub(crate) settings: Settings,
    #[serde(skip)]
    failures: Vec<(String, SimulatedFailure)>,
}

impl State {
    /// An empty state.
    pub fn new(settings: Settings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// A stored state with these settings, whose environments are added to every organization.
    #[must_use]
    pub fn with_settings(mut self, settings: Settings) -> Self {
        for organization in self.organizations.values_mut() {
            organization.add_environments(&settings);
        }
        self.settings = settings;
        self
    }

    /// A unique number.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// An organization for writing; it is created if it does not exist.
    pub(crate) fn organization_mut(&mut self, name: &str) -> &mut Organization {
        let settings = &self.settings;
        self.organizations.entry(name.to_owned()).or_insert_with(|| {
            let mut organization = Organization::default();
            organization.add_environments(settings);
            organization
        })
    }

    /// Runs the handler of a method.
    pub(crate) fn call(&mut self, method: &Method, request: ApiRequest) -> Result<ApiResponse, ApiError> {
        match method.handler {
            Handler::State(handler) => handler(self, &request),
            Handler::Bundle(kind, handler) => handler(self, kind, &request),
            Handler::Configuration(handler) => self.configure(handler, request, method.verb == Verb::Get),
        }
    }
}
