//! The state of a pretended Apigee and what each call does to it. Pure: the time is an argument.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fault::{BadFile, Fault, Violation};
use super::inspect::{Summary, inspect};
use super::routing::{RouteOwner, routing_conflict};
use super::view::{self, ResourceView, Status};
use crate::apigee::{Name, RevisionId};
use crate::bundle::zip::{MAX_BUNDLE_BYTES, unpack};
use crate::bundle::{BundleKind, Files};

/// Everything that is stored. Organizations appear when they are first written to; any environment exists.
#[derive(Debug, Default)]
pub struct State {
    organizations: BTreeMap<String, Organization>,
    /// For so long a deployment is PROGRESSING, in milliseconds.
    progressing: u64,
    /// The environments of each environment group. An environment that stands in none has a group of its own name.
    pub(super) groups: BTreeMap<String, Vec<String>>,
    mishaps: Vec<(String, Mishap)>,
    sequence: u64,
}

#[derive(Debug, Default)]
struct Organization {
    resources: BTreeMap<(BundleKind, String), Resource>,
    deployments: Vec<Deployed>,
}

#[derive(Debug)]
struct Resource {
    revisions: BTreeMap<RevisionId, Stored>,
    next: RevisionId,
    created: u64,
    modified: u64,
}

/// A revision.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) summary: Summary,
    pub(super) created: u64,
    zip: Vec<u8>,
}

/// A deployment.
#[derive(Debug, Clone)]
pub(super) struct Deployed {
    pub(super) environment: String,
    pub(super) kind: BundleKind,
    pub(super) name: String,
    pub(super) revision: RevisionId,
    pub(super) service_account: Option<String>,
    /// Milliseconds since 1970.
    pub(super) since: u64,
    /// Orders deployments of the same millisecond.
    pub(super) sequence: u64,
    mishap: Option<Mishap>,
}

/// Something that goes wrong once, for tests of what a deployer does about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mishap {
    /// The next deployment ends in the state ERROR with this message.
    Error(String),
    /// The next deployment becomes READY while somebody else has taken its base path.
    RouteConflict,
    /// The next import is done and answered with 503.
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
    fn key(&self) -> (BundleKind, String) {
        (self.kind, self.name.to_owned())
    }

    /// As Apigee names it, for example `organizations/o/apis/a`.
    fn full(&self) -> String {
        format!("organizations/{}/{}/{}", self.organization, self.kind.collection(), self.name)
    }

    fn revision(&self, id: RevisionId) -> String {
        format!("{}/revisions/{id}", self.full())
    }
}

/// Which deployments a list holds; an empty field allows any.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter<'a> {
    pub(super) kind: BundleKind,
    pub(super) environment: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    pub(super) revision: Option<RevisionId>,
}

impl Filter<'_> {
    fn allows(&self, deployed: &Deployed) -> bool {
        self.kind == deployed.kind
            && self.environment.is_none_or(|environment| environment == deployed.environment)
            && self.name.is_none_or(|name| name == deployed.name)
            && self.revision.is_none_or(|revision| revision == deployed.revision)
    }
}

impl State {
    /// An empty state.
    pub fn new(progressing_ms: u64, groups: BTreeMap<String, Vec<String>>) -> Self {
        Self { progressing: progressing_ms, groups, ..Self::default() }
    }

    /// Lets something go wrong with the resource of the given name, once.
    pub fn expect_mishap(&mut self, name: &str, mishap: Mishap) {
        self.mishaps.push((name.to_owned(), mishap));
    }

    fn take_mishap(&mut self, name: &str, wanted: impl Fn(&Mishap) -> bool) -> Option<Mishap> {
        let index = self.mishaps.iter().position(|(other, mishap)| other == name && wanted(mishap))?;
        Some(self.mishaps.remove(index).1)
    }

    /// `action=validate`: the revision that the bundle would become.
    pub(super) fn validate(path: Path<'_>, zip: &[u8], now: u64) -> Result<Value, Fault> {
        let stored = read_bundle(path, zip, now)?;
        Ok(view::revision(path.organization, path.kind, path.name, None, &stored))
    }

    /// `action=import`: a new revision.
    pub(super) fn import(&mut self, path: Path<'_>, zip: &[u8], now: u64) -> Result<Value, Fault> {
        let stored = read_bundle(path, zip, now)?;
        let organization = self.organizations.entry(path.organization.to_owned()).or_default();
        let resource = organization.resources.entry(path.key()).or_insert_with(|| Resource {
            revisions: BTreeMap::new(),
            next: RevisionId::FIRST,
            created: now,
            modified: now,
        });
        let id = resource.next;
        resource.next = id.next();
        resource.modified = now;
        let answer = view::revision(path.organization, path.kind, path.name, Some(id), &stored);
        resource.revisions.insert(id, stored);
        match self.take_mishap(path.name, |mishap| *mishap == Mishap::LostImportAnswer) {
            Some(_) => Err(Fault::unavailable()),
            None => Ok(answer),
        }
    }

    /// The list of an organization's proxies or shared flows.
    pub(super) fn list(
        &self,
        organization: &str,
        kind: BundleKind,
        with_revisions: bool,
        with_meta_data: bool,
    ) -> Value {
        let resources = self.organizations.get(organization).map(|organization| &organization.resources);
        let list: Vec<Value> = resources
            .into_iter()
            .flatten()
            .filter(|((other, _), _)| *other == kind)
            .map(|((_, name), resource)| {
                let revisions = with_revisions.then(|| resource.revisions.keys().copied().collect());
                let times = with_meta_data.then_some((resource.created, resource.modified));
                ResourceView { kind, name, revisions, times }.to_json()
            })
            .collect();
        let field = match kind {
            BundleKind::Proxy => "proxies",
            BundleKind::SharedFlow => "sharedFlows",
        };
        view::prune(json!({ field: list }))
    }

    fn find(&self, path: Path<'_>) -> Result<&Resource, Fault> {
        self.organizations
            .get(path.organization)
            .and_then(|organization| organization.resources.get(&path.key()))
            .ok_or_else(|| Fault::not_found(format!("generic::not_found: {} not found", path.full())))
    }

    pub(super) fn find_revision(&self, path: Path<'_>, id: RevisionId) -> Result<&Stored, Fault> {
        self.find(path)?
            .revisions
            .get(&id)
            .ok_or_else(|| Fault::not_found(format!("generic::not_found: {} not found", path.revision(id))))
    }

    /// A proxy or shared flow.
    pub(super) fn get(&self, path: Path<'_>) -> Result<Value, Fault> {
        let resource = self.find(path)?;
        Ok(ResourceView {
            kind: path.kind,
            name: path.name,
            revisions: Some(resource.revisions.keys().copied().collect()),
            times: Some((resource.created, resource.modified)),
        }
        .to_json())
    }

    /// A revision.
    pub(super) fn revision(&self, path: Path<'_>, id: RevisionId) -> Result<Value, Fault> {
        let stored = self.find_revision(path, id)?;
        Ok(view::revision(path.organization, path.kind, path.name, Some(id), stored))
    }

    /// A revision's zip, as it was uploaded.
    pub(super) fn bundle(&self, path: Path<'_>, id: RevisionId) -> Result<Vec<u8>, Fault> {
        Ok(self.find_revision(path, id)?.zip.clone())
    }

    /// Deletes a proxy or shared flow that is deployed nowhere.
    pub(super) fn delete(&mut self, path: Path<'_>) -> Result<Value, Fault> {
        let answer = self.get(path)?;
        self.refuse_deployed(path, None)?;
        if let Some(organization) = self.organizations.get_mut(path.organization) {
            organization.resources.remove(&path.key());
        }
        Ok(answer)
    }

    /// Deletes a revision that is deployed nowhere. With the last one the resource goes, which Google's documents leave open.
    pub(super) fn delete_revision(&mut self, path: Path<'_>, id: RevisionId) -> Result<Value, Fault> {
        let answer = self.revision(path, id)?;
        self.refuse_deployed(path, Some(id))?;
        if let Some(organization) = self.organizations.get_mut(path.organization)
            && let Some(resource) = organization.resources.get_mut(&path.key())
        {
            resource.revisions.remove(&id);
            if resource.revisions.is_empty() {
                organization.resources.remove(&path.key());
            }
        }
        Ok(answer)
    }

    fn refuse_deployed(&self, path: Path<'_>, revision: Option<RevisionId>) -> Result<(), Fault> {
        let filter = Filter { kind: path.kind, environment: None, name: Some(path.name), revision };
        match self.deployed(path.organization).find(|deployed| filter.allows(deployed)) {
            None => Ok(()),
            Some(deployed) => {
                let subject = path.revision(deployed.revision);
                let description =
                    format!("{subject} is deployed in environment {}; undeploy it first.", deployed.environment);
                let violation = Violation { kind: "DEPLOYED", subject, description };
                Err(Fault::failed_precondition("resource is deployed", &[violation]))
            }
        }
    }

    pub(super) fn deployed<'a>(&'a self, organization: &str) -> impl Iterator<Item = &'a Deployed> + use<'a> {
        self.organizations.get(organization).into_iter().flat_map(|organization| &organization.deployments)
    }

    /// A list of deployments.
    pub(super) fn deployments(&self, organization: &str, filter: Filter<'_>) -> Value {
        let list: Vec<Value> =
            self.deployed(organization).filter(|deployed| filter.allows(deployed)).map(view::deployment).collect();
        view::prune(json!({ "deployments": list }))
    }

    /// The deployment of a revision with what the runtime reports.
    pub(super) fn deployment(
        &self,
        path: Path<'_>,
        environment: &str,
        id: RevisionId,
        now: u64,
    ) -> Result<Value, Fault> {
        let deployed = self.find_deployed(path, environment, id)?;
        let owned = self.base_paths(path.organization, deployed);
        let group = self.group_of(environment);
        let progressing = now.saturating_sub(deployed.since) < self.progressing;
        let (state, error) = match &deployed.mishap {
            _ if progressing => ("PROGRESSING", None),
            Some(Mishap::Error(message)) => ("ERROR", Some(message.as_str())),
            _ => ("READY", None),
        };
        let mut conflicts: Vec<Value> = owned
            .iter()
            .filter_map(|base_path| self.first_owner(path.organization, group, base_path, deployed))
            .map(|owner| routing_conflict(group, &owner))
            .collect();
        if deployed.mishap == Some(Mishap::RouteConflict) {
            conflicts.extend(owned.first().map(|base_path| {
                let other = RouteOwner {
                    name: "another-proxy".to_owned(),
                    base_path: (*base_path).to_owned(),
                    environment: "another-environment".to_owned(),
                    revision: RevisionId::FIRST,
                    sequence: 0,
                };
                routing_conflict(group, &other)
            }));
        }
        Ok(view::deployment_status(deployed, &Status { state, error, conflicts, base_paths: owned, group }))
    }

    /// The revision that is deployed in an environment.
    pub fn deployed_revision(
        &self,
        organization: &str,
        environment: &str,
        kind: BundleKind,
        name: &str,
    ) -> Option<RevisionId> {
        let filter = Filter { kind, environment: Some(environment), name: Some(name), revision: None };
        self.deployed(organization).find(|deployed| filter.allows(deployed)).map(|deployed| deployed.revision)
    }

    pub(super) fn find_deployed(&self, path: Path<'_>, environment: &str, id: RevisionId) -> Result<&Deployed, Fault> {
        let filter =
            Filter { kind: path.kind, environment: Some(environment), name: Some(path.name), revision: Some(id) };
        self.deployed(path.organization).find(|deployed| filter.allows(deployed)).ok_or_else(|| {
            Fault::not_found(format!("{} is not deployed in environment {environment}", path.revision(id)))
        })
    }

    /// Deploys a revision.
    pub(super) fn deploy(
        &mut self,
        path: Path<'_>,
        environment: &str,
        id: RevisionId,
        overrides: bool,
        service_account: Option<&str>,
        now: u64,
    ) -> Result<Value, Fault> {
        self.find_revision(path, id)?;
        let violations = self.deploy_violations(path, environment, id, overrides)?;
        if !violations.is_empty() {
            return Err(Fault::failed_precondition("deployment validations failed", &violations));
        }
        let mishap = self.take_mishap(path.name, |mishap| *mishap != Mishap::LostImportAnswer);
        self.sequence += 1;
        let deployed = Deployed {
            environment: environment.to_owned(),
            kind: path.kind,
            name: path.name.to_owned(),
            revision: id,
            service_account: service_account.map(str::to_owned),
            since: now,
            sequence: self.sequence,
            mishap,
        };
        let answer = view::deployment(&deployed);
        let filter = Filter { kind: path.kind, environment: Some(environment), name: Some(path.name), revision: None };
        let organization = self.organizations.entry(path.organization.to_owned()).or_default();
        // Apigee keeps the former revision until the new one is loaded, and drops it also when the new one fails; nothing of
        // that shows in the lists, so it goes at once here.
        organization.deployments.retain(|other| !filter.allows(other));
        organization.deployments.push(deployed);
        Ok(answer)
    }

    /// Takes a revision out of an environment.
    pub(super) fn undeploy(&mut self, path: Path<'_>, environment: &str, id: RevisionId) -> Result<Value, Fault> {
        self.find_deployed(path, environment, id)?;
        let violations = self.undeploy_violations(path, environment);
        if !violations.is_empty() {
            return Err(Fault::failed_precondition("deployment validations failed", &violations));
        }
        let filter =
            Filter { kind: path.kind, environment: Some(environment), name: Some(path.name), revision: Some(id) };
        if let Some(organization) = self.organizations.get_mut(path.organization) {
            organization.deployments.retain(|other| !filter.allows(other));
        }
        Ok(json!({}))
    }

    /// Why a deployment would be refused.
    pub(super) fn deploy_violations(
        &self,
        path: Path<'_>,
        environment: &str,
        id: RevisionId,
        overrides: bool,
    ) -> Result<Vec<Violation>, Fault> {
        let wanted = &self.find_revision(path, id)?.summary.base_paths;
        let mut violations = Vec::new();
        for other in self.deployed(path.organization).filter(|other| other.environment == environment) {
            let subject = Path { kind: other.kind, name: &other.name, ..path }.revision(other.revision);
            if other.kind == path.kind && other.name == path.name {
                if !overrides {
                    // https://github.com/scastria/terraform-provider-apigee/issues/15 shows these words.
                    let description =
                        "Only one revision can be deployed at a time, use the override flag to replace.".to_owned();
                    violations.push(Violation { kind: "CONFLICTING_DEPLOYMENT", subject, description });
                }
                continue;
            }
            let taken: Vec<&str> = self
                .base_paths(path.organization, other)
                .into_iter()
                .filter(|base_path| wanted.contains(*base_path))
                .collect();
            if !taken.is_empty() {
                let description = format!(
                    "Existing deployment of \"{subject}\" contains conflicting base paths: [{}].",
                    taken.join(" ")
                );
                violations.push(Violation { kind: "CONFLICTING_DEPLOYMENT", subject, description });
            }
        }
        Ok(violations)
    }

    /// Why an undeployment would be refused: something deployed calls this shared flow
    /// (<https://github.com/hashicorp/terraform-provider-google/issues/25852>).
    pub(super) fn undeploy_violations(&self, path: Path<'_>, environment: &str) -> Vec<Violation> {
        if path.kind != BundleKind::SharedFlow {
            return Vec::new();
        }
        self.deployed(path.organization)
            .filter(|other| other.environment == environment)
            .filter_map(|other| {
                let caller = Path { kind: other.kind, name: &other.name, ..path };
                let summary = &self.find_revision(caller, other.revision).ok()?.summary;
                let subject = caller.revision(other.revision);
                summary.called_flows.contains(path.name).then(|| Violation {
                    kind: "WOULD_BREAK_DEPENDENT",
                    description: format!("{subject} calls {}.", path.full()),
                    subject,
                })
            })
            .collect()
    }
}

/// Unpacks and inspects an upload.
fn read_bundle(path: Path<'_>, zip: &[u8], now: u64) -> Result<Stored, Fault> {
    if path.name.parse::<Name>().is_err() {
        return Err(Fault::invalid_argument(format!(
            "invalid name \"{}\": use the characters A-Za-z0-9._-",
            path.name
        )));
    }
    if zip.len() > MAX_BUNDLE_BYTES {
        return Err(Fault::invalid_argument(format!("the bundle is larger than {MAX_BUNDLE_BYTES} bytes")));
    }
    let bad_zip =
        |description| Fault::bad_bundle(&[BadFile { filename: format!("{}/", path.kind.root()), description }]);
    let (kind, files): (BundleKind, Files) = unpack(zip).map_err(bad_zip)?;
    if kind != path.kind {
        return Err(bad_zip(format!("the zip file has the folder {}/, expected {}/", kind.root(), path.kind.root())));
    }
    let summary = inspect(kind, &files).map_err(|findings| Fault::bad_bundle(&findings))?;
    Ok(Stored { summary, created: now, zip: zip.to_vec() })
}
