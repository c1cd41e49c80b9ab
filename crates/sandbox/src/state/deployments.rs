//! Deployments: deploy and undeploy, the reasons to refuse them, and which revision serves at a given time.
//!
//! A deployment with `override` is zero-downtime: the former revision serves until the new one is READY, and "if the deployment of
//! Revision 2 fails for any reason, the previous version, Revision 1 is still undeployed"
//! (<https://cloud.google.com/apigee/docs/api-platform/deploy/ui-deploy-overview>). The lists name the new revision from
//! the start.

use serde_json::{Value, json};

use super::fault::{Fault, Violation};
use super::flow_hook::attached_flow_hooks;
use super::routing::{RouteOwner, routing_conflict};
use super::settings::{EarlyStatus, RuntimeType};
use super::state::{Deployed, Filter, Mishap, Path, State};
use super::view::{self, Status};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::RevisionId;

/// The progress of a deployment in the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase<'a> {
    /// The percentage of the runtime that has loaded the new revision, less than 100.
    Progressing(u64),
    /// Loaded.
    Ready,
    /// Failed, with this message.
    Error(&'a str),
}

impl Phase<'_> {
    /// As `GoogleCloudApigeeV1Deployment` writes it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Progressing(_) => "PROGRESSING",
            Self::Ready => "READY",
            Self::Error(_) => "ERROR",
        }
    }
}

/// A request to deploy.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Deploy<'a> {
    pub(super) environment: &'a str,
    pub(super) overrides: bool,
    pub(super) service_account: Option<&'a str>,
}

impl State {
    /// The revision that serves calls at the time `now` (milliseconds since 1970): the deployed one, or the previous one while the
    /// new one is PROGRESSING. `None` if no revision serves: never deployed, undeployed, or failed.
    pub fn served(
        &self,
        organization: &str,
        environment: &str,
        kind: BundleKind,
        name: &str,
        now: u64,
    ) -> Option<RevisionId> {
        let filter = Filter { kind, environment: Some(environment), name: Some(name), revision: None };
        self.serving(self.deployed(organization).find(|deployed| filter.allows(deployed))?, now)
    }

    /// The revision that serves for a deployment.
    pub(super) fn serving(&self, deployed: &Deployed, now: u64) -> Option<RevisionId> {
        match self.phase(deployed, now) {
            Phase::Progressing(_) => deployed.replaces,
            Phase::Ready => Some(deployed.revision),
            Phase::Error(_) => None,
        }
    }

    pub(super) fn phase<'a>(&self, deployed: &'a Deployed, now: u64) -> Phase<'a> {
        let elapsed = now.saturating_sub(deployed.since);
        match &deployed.mishap {
            _ if elapsed < self.settings.progressing => Phase::Progressing(elapsed * 100 / self.settings.progressing),
            Some(Mishap::Error(message)) => Phase::Error(message),
            _ => Phase::Ready,
        }
    }

    /// A deployment is extensible because of its policies, or because a flow hook of its environment is configured (discovery document,
    /// `proxyDeploymentType`).
    fn is_extensible(&self, organization: &str, deployed: &Deployed) -> bool {
        let path = Path { organization, kind: deployed.kind, name: &deployed.name };
        let hooked = self
            .organizations
            .get(organization)
            .is_some_and(|organization| !attached_flow_hooks(organization, &deployed.environment).is_empty());
        hooked || self.find_revision(path, deployed.revision).is_ok_and(|stored| stored.summary.extensible)
    }

    /// A list of deployments.
    pub(super) fn deployments(&self, organization: &str, filter: Filter<'_>, now: u64) -> Result<Value, Fault> {
        if let Some(environment) = filter.environment {
            self.require_environment(organization, environment, now)?;
        }
        let list: Vec<Value> = self
            .deployed(organization)
            .filter(|deployed| filter.allows(deployed))
            .map(|deployed| view::deployment(deployed, self.is_extensible(organization, deployed)))
            .collect();
        Ok(view::prune(json!({ "deployments": list })))
    }

    /// The deployment of a revision with its status in the runtime.
    pub(super) fn deployment(
        &self,
        path: Path<'_>,
        environment: &str,
        id: RevisionId,
        now: u64,
    ) -> Result<Value, Fault> {
        let deployed = self.find_deployed(path, environment, id, now)?;
        if now.saturating_sub(deployed.since) < self.settings.status_after {
            return Err(match self.settings.early_status {
                EarlyStatus::Unavailable => Fault::unavailable(),
                EarlyStatus::NotFound => not_deployed(path, environment, id),
            });
        }
        let status = Status {
            phase: self.phase(deployed, now),
            conflicts: self.route_conflicts(path.organization, deployed),
            base_paths: self.base_paths(path.organization, deployed),
            groups: self.groups_of(path.organization, environment),
        };
        Ok(view::deployment_status(deployed, self.is_extensible(path.organization, deployed), &status))
    }

    /// The base paths of a deployment whose traffic goes to another deployment (`routeConflicts`).
    pub(super) fn route_conflicts(&self, organization: &str, deployed: &Deployed) -> Vec<Value> {
        let owned = self.base_paths(organization, deployed);
        let groups = self.groups_of(organization, &deployed.environment);
        let mut conflicts = Vec::new();
        for group in &groups {
            let others = owned.iter().filter_map(|path| self.first_owner(organization, group, path, deployed));
            conflicts.extend(others.map(|owner| routing_conflict(group, &owner)));
        }
        if deployed.mishap == Some(Mishap::RouteConflict)
            && let (Some(base_path), Some(group)) = (owned.first(), groups.first())
        {
            let other = RouteOwner {
                name: "another-proxy".to_owned(),
                base_path: (*base_path).to_owned(),
                environment: "another-environment".to_owned(),
                revision: RevisionId::FIRST,
                sequence: 0,
            };
            conflicts.push(routing_conflict(group, &other));
        }
        conflicts
    }

    pub(super) fn find_deployed(
        &self,
        path: Path<'_>,
        environment: &str,
        id: RevisionId,
        now: u64,
    ) -> Result<&Deployed, Fault> {
        self.require_environment(path.organization, environment, now)?;
        let filter =
            Filter { kind: path.kind, environment: Some(environment), name: Some(path.name), revision: Some(id) };
        self.deployed(path.organization)
            .find(|deployed| filter.allows(deployed))
            .ok_or_else(|| not_deployed(path, environment, id))
    }

    /// Deploys a revision.
    pub(super) fn deploy(
        &mut self,
        path: Path<'_>,
        id: RevisionId,
        request: Deploy<'_>,
        now: u64,
    ) -> Result<Value, Fault> {
        let environment = request.environment;
        let violations = self.deploy_violations(path, environment, id, request.overrides, now)?;
        if !violations.is_empty() {
            return Err(Fault::failed_precondition("deployment validations failed", &violations));
        }
        let deployed = Deployed {
            environment: environment.to_owned(),
            kind: path.kind,
            name: path.name.to_owned(),
            revision: id,
            service_account: request.service_account.map(str::to_owned),
            since: now,
            sequence: self.next_number(),
            replaces: self.served(path.organization, environment, path.kind, path.name, now),
            mishap: self.take_mishap(path.name, |mishap| *mishap != Mishap::LostImportAnswer),
        };
        let answer = view::deployment(&deployed, self.is_extensible(path.organization, &deployed));
        let filter = Filter { kind: path.kind, environment: Some(environment), name: Some(path.name), revision: None };
        let organization = self.organization_mut(path.organization);
        let resource = organization.resources.get_mut(&path.key());
        if let Some(stored) = resource.and_then(|resource| resource.revisions.get_mut(&id)) {
            stored.was_deployed = true;
        }
        organization.deployments.retain(|other| !filter.allows(other));
        organization.deployments.push(deployed);
        Ok(answer)
    }

    /// Undeploys a revision from an environment, including the previous revision that still serves for it.
    pub(super) fn undeploy(
        &mut self,
        path: Path<'_>,
        environment: &str,
        id: RevisionId,
        now: u64,
    ) -> Result<Value, Fault> {
        self.find_deployed(path, environment, id, now).map_err(|fault| fault.or_status(400))?;
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

    /// The reasons to refuse a deployment.
    pub(super) fn deploy_violations(
        &self,
        path: Path<'_>,
        environment: &str,
        id: RevisionId,
        overrides: bool,
        now: u64,
    ) -> Result<Vec<Violation>, Fault> {
        self.require_environment(path.organization, environment, now)?;
        let summary = &self.visible_revision(path, id, now)?.summary;
        let mut violations = Vec::new();
        for other in self.deployed(path.organization).filter(|other| other.environment == environment) {
            let subject = Path { kind: other.kind, name: &other.name, ..path }.revision(other.revision);
            if other.kind == path.kind && other.name == path.name {
                if !overrides {
                    // https://github.com/scastria/terraform-provider-apigee/issues/15 shows this message.
                    let description =
                        "Only one revision can be deployed at a time, use the override flag to replace.".to_owned();
                    violations.push(Violation { kind: "CONFLICTING_DEPLOYMENT", subject, description });
                }
                continue;
            }
            let taken: Vec<&str> = self
                .base_paths(path.organization, other)
                .into_iter()
                .filter(|base_path| summary.base_paths.contains(*base_path))
                .collect();
            if !taken.is_empty() {
                let description = format!(
                    "Existing deployment of \"{subject}\" contains conflicting base paths: [{}].",
                    taken.join(" ")
                );
                violations.push(Violation { kind: "CONFLICTING_DEPLOYMENT", subject, description });
            }
        }
        if summary.extensible && self.is_base_environment(path.organization, environment) {
            // Base environments accept only standard proxies (https://cloud.google.com/apigee/pricing); the message is not documented.
            let subject = path.revision(id);
            let description = format!("{subject} is extensible and environment {environment} is of the type BASE.");
            violations.push(Violation { kind: "EXTENSIBLE_PROXY", subject, description });
        }
        if self.settings.runtime == RuntimeType::Hybrid {
            violations.extend(self.missing_flows(path, environment, id));
        }
        Ok(violations)
    }

    /// "If the Flow Callout policy references a shared flow that either doesn't exist or isn't deployed, the deployment fails"
    /// (discovery document, about hybrid; the message is not documented).
    fn missing_flows(&self, path: Path<'_>, environment: &str, id: RevisionId) -> Vec<Violation> {
        let called = self.find_revision(path, id).into_iter().flat_map(|stored| &stored.summary.called_flows);
        let is_deployed = |flow: &str| {
            self.deployed(path.organization).any(|deployed| {
                deployed.kind == BundleKind::SharedFlow && deployed.environment == environment && deployed.name == flow
            })
        };
        called
            .filter(|flow| !is_deployed(flow))
            .map(|flow| {
                let subject = Path { kind: BundleKind::SharedFlow, name: flow, ..path }.full();
                let description = format!("{} calls {subject}, which is not deployed.", path.revision(id));
                Violation { kind: "MISSING_DEPENDENCY", subject, description }
            })
            .collect()
    }

    /// The reasons to refuse an undeployment: a deployed proxy or shared flow calls this shared flow
    /// (<https://github.com/hashicorp/terraform-provider-google/issues/25852>), or a flow hook names it
    /// (<https://github.com/hashicorp/terraform-provider-google/issues/14530>).
    pub(super) fn undeploy_violations(&self, path: Path<'_>, environment: &str) -> Vec<Violation> {
        if path.kind != BundleKind::SharedFlow {
            return Vec::new();
        }
        let breaks = |subject: String, verb: &str| Violation {
            kind: "WOULD_BREAK_DEPENDENT",
            description: format!("{subject} {verb} {}.", path.full()),
            subject,
        };
        let callers =
            self.deployed(path.organization).filter(|other| other.environment == environment).filter_map(|other| {
                let caller = Path { kind: other.kind, name: &other.name, ..path };
                let summary = &self.find_revision(caller, other.revision).ok()?.summary;
                let subject = caller.revision(other.revision);
                summary.called_flows.contains(path.name).then(|| breaks(subject, "calls"))
            });
        let hooks = self
            .organizations
            .get(path.organization)
            .into_iter()
            .flat_map(|organization| attached_flow_hooks(organization, environment))
            .filter(|attached| attached.shared_flow == path.name)
            .map(|attached| {
                let parent = format!("organizations/{}/environments/{environment}", path.organization);
                breaks(format!("{parent}/flowhooks/{}", attached.hook), "runs")
            });
        callers.chain(hooks).collect()
    }
}

fn not_deployed(path: Path<'_>, environment: &str, id: RevisionId) -> Fault {
    Fault::not_found(format!("{} is not deployed in environment {environment}", path.revision(id)))
}
