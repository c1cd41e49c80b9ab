//! The state of the simulated Apigee: what is stored, and how it is found. Pure: the time is an argument.
//!
//! The operations on it are in one file for each concept: [`revisions`](super::revisions), [`deployments`](super::deployments),
//! [`environment`](super::environment), [`environment_group`](super::environment_group).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::ConfigState;
use super::environment::Environment;
use super::environment_group::EnvironmentGroup;
use super::fault::Fault;
use super::inspect::Summary;
use super::operation::Operation;
use super::settings::Settings;
use super::{stored_form, view};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::RevisionId;

/// Everything that is stored. Organizations appear when they are first written to.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    pub(super) organizations: BTreeMap<String, Organization>,
    /// The last number of a deployment or operation.
    sequence: u64,
    #[serde(skip)]
    pub(super) settings: Settings,
    #[serde(skip)]
    mishaps: Vec<(String, Mishap)>,
}

/// An organization.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Organization {
    #[serde(with = "stored_form::pairs")]
    pub(super) resources: BTreeMap<(BundleKind, String), Resource>,
    pub(super) deployments: Vec<Deployed>,
    pub(super) environments: BTreeMap<String, Environment>,
    /// Whether only the environments above exist.
    pub(super) only_these_environments: bool,
    pub(super) environment_groups: BTreeMap<String, EnvironmentGroup>,
    pub(super) operations: Vec<Operation>,
    pub(super) config: ConfigState,
}

/// A proxy or shared flow.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resource {
    pub(super) revisions: BTreeMap<RevisionId, Stored>,
    /// The number of the next revision; numbers are never reused.
    pub(super) next: RevisionId,
    pub(super) created: u64,
    pub(super) modified: u64,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) space: Option<String>,
}

/// A revision.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    pub(super) summary: Summary,
    pub(super) created: u64,
    pub(super) modified: u64,
    /// Whether it was ever deployed, so that it is immutable.
    pub(super) was_deployed: bool,
    #[serde(with = "stored_form::base64_text")]
    pub(super) zip: Vec<u8>,
}

/// A deployment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Deployed {
    pub(super) environment: String,
    pub(super) kind: BundleKind,
    pub(super) name: String,
    pub(super) revision: RevisionId,
    pub(super) service_account: Option<String>,
    /// Milliseconds since 1970.
    pub(super) since: u64,
    /// Orders deployments within the same millisecond.
    pub(super) sequence: u64,
    /// The revision that serves until this one is READY.
    pub(super) replaces: Option<RevisionId>,
    pub(super) mishap: Option<Mishap>,
}

/// A failure that happens once, for tests of how a deployer handles it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mishap {
    /// The next deployment ends in the state ERROR with this message.
    Error(String),
    /// The next deployment becomes READY, but another deployment has claimed its base path.
    RouteConflict,
    /// The next import is executed, but answered with 503.
    LostImportAnswer,
}

/// A proxy or shared flow in a request's path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path<'a> {
    pub(super) organization: &'a str,
    pub(super) kind: BundleKind,
    pub(super) name: &'a str,
}

impl Path<'_> {
    pub(super) fn key(&self) -> (BundleKind, String) {
        (self.kind, self.name.to_owned())
    }

    /// The resource name in Apigee, for example `organizations/o/apis/a`.
    pub(super) fn full(&self) -> String {
        format!("organizations/{}/{}/{}", self.organization, self.kind.collection(), self.name)
    }

    pub(super) fn revision(&self, id: RevisionId) -> String {
        format!("{}/revisions/{id}", self.full())
    }
}

/// Which deployments a list contains; `None` allows any value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter<'a> {
    pub(super) kind: BundleKind,
    pub(super) environment: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) revision: Option<RevisionId>,
}

impl Filter<'_> {
    pub(super) fn allows(&self, deployed: &Deployed) -> bool {
        self.kind == deployed.kind
            && self.environment.is_none_or(|environment| environment == deployed.environment)
            && self.name.is_none_or(|name| name == deployed.name)
            && self.revision.is_none_or(|revision| revision == deployed.revision)
    }
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

    /// Lets one operation on the resource of the given name fail, once.
    pub fn expect_mishap(&mut self, name: &str, mishap: Mishap) {
        self.mishaps.push((name.to_owned(), mishap));
    }

    pub(super) fn take_mishap(&mut self, name: &str, wanted: impl Fn(&Mishap) -> bool) -> Option<Mishap> {
        let index = self.mishaps.iter().position(|(other, mishap)| other == name && wanted(mishap))?;
        Some(self.mishaps.remove(index).1)
    }

    /// A unique number.
    pub(super) fn next_number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// An organization for writing; it is created if it does not exist.
    pub(super) fn organization_mut(&mut self, name: &str) -> &mut Organization {
        let settings = &self.settings;
        self.organizations.entry(name.to_owned()).or_insert_with(|| {
            let mut organization = Organization::default();
            organization.add_environments(settings);
            organization
        })
    }

    /// `GoogleCloudApigeeV1ListOrganizationsResponse`: the organizations that were written to.
    pub(super) fn list_organizations(&self) -> Value {
        // `projectIds` is deprecated, but gcloud reads only this field.
        let mapping = |name: &String| json!({"organization": name, "projectId": name, "projectIds": [name]});
        let list: Vec<Value> = self.organizations.keys().map(mapping).collect();
        view::prune(json!({ "organizations": list }))
    }

    /// `GoogleCloudApigeeV1Organization`. Any organization exists.
    pub(super) fn get_organization(&self, name: &str, now: u64) -> Value {
        view::prune(json!({
            "name": name,
            "projectId": name,
            "displayName": name,
            "description": "A sandbox, not Apigee.",
            "state": "ACTIVE",
            "runtimeType": self.settings.runtime.as_str(),
            "subscriptionType": "PAID",
            "billingType": "SUBSCRIPTION",
            "environments": self.environment_names(name, now),
        }))
    }

    pub(super) fn find(&self, path: Path<'_>) -> Result<&Resource, Fault> {
        self.organizations
            .get(path.organization)
            .and_then(|organization| organization.resources.get(&path.key()))
            .ok_or_else(|| Fault::not_found(format!("generic::not_found: {} not found", path.full())))
    }

    /// A revision that exists, whether or not it is visible to requests yet.
    pub(super) fn find_revision(&self, path: Path<'_>, id: RevisionId) -> Result<&Stored, Fault> {
        self.find(path)?.revisions.get(&id).ok_or_else(|| no_revision(path, id))
    }

    /// A revision that is visible to requests, which may be some time after its import (`Settings::visible_after`).
    pub(super) fn visible_revision(&self, path: Path<'_>, id: RevisionId, now: u64) -> Result<&Stored, Fault> {
        let stored = self.find_revision(path, id)?;
        if now.saturating_sub(stored.created) < self.settings.visible_after {
            return Err(no_revision(path, id));
        }
        Ok(stored)
    }

    pub(super) fn deployed<'a>(&'a self, organization: &str) -> impl Iterator<Item = &'a Deployed> + use<'a> {
        self.organizations.get(organization).into_iter().flat_map(|organization| &organization.deployments)
    }
}

fn no_revision(path: Path<'_>, id: RevisionId) -> Fault {
    Fault::not_found(format!("generic::not_found: {} not found", path.revision(id)))
}
