//! Deployments: deploy and undeploy, and which revision serves at a given time.
//!
//! A deployment with `override` is zero-downtime: the former revision serves until the new one is READY, and "if the deployment of
//! Revision 2 fails for any reason, the previous version, Revision 1 is still undeployed"
//! (<https://cloud.google.com/apigee/docs/api-platform/deploy/ui-deploy-overview>). The lists name the new revision from
//! the start.

use serde_json::{Value, json};

use super::bundle::revision_id;
use super::deployment_view::{self, DeploymentStatus};
use super::routing::{RouteOwner, routing_conflict};
use super::{BundleRef, Deployed, DeploymentFilter, SimulatedFailure, State};
use crate::api::Handler::Bundle;
use crate::api::{ApiError, ApiRequest, ApiResponse, Handler, Method, Parameter, Parameters, prune};
use crate::settings::EarlyStatus;
use apigee_flux_model::bundle::BundleKind::{self, Proxy, SharedFlow};
use apigee_flux_model::names::RevisionId;

/// The methods of deployments.
pub(crate) const METHODS: &[Method] = &[
    Method::get("deployments", Handler::State(list_all)).query(LISTING),
    Method::get("environments/{env}/deployments", Handler::State(list_all)).query(LISTING),
    Method::get("apis/{name}/deployments", Bundle(Proxy, list)),
    Method::get("apis/{name}/revisions/{rev}/deployments", Bundle(Proxy, list)),
    Method::get("environments/{env}/apis/{name}/deployments", Bundle(Proxy, list)),
    Method::get("environments/{env}/apis/{name}/revisions/{rev}/deployments", Bundle(Proxy, get)),
    Method::post("environments/{env}/apis/{name}/revisions/{rev}/deployments", Bundle(Proxy, deploy))
        .query(PROXY_DEPLOYMENT),
    Method::delete("environments/{env}/apis/{name}/revisions/{rev}/deployments", Bundle(Proxy, undeploy))
        .query(PROXY_UNDEPLOYMENT),
    Method::get("sharedflows/{name}/deployments", Bundle(SharedFlow, list)),
    Method::get("sharedflows/{name}/revisions/{rev}/deployments", Bundle(SharedFlow, list)),
    Method::get("environments/{env}/sharedflows/{name}/deployments", Bundle(SharedFlow, list)),
    Method::get("environments/{env}/sharedflows/{name}/revisions/{rev}/deployments", Bundle(SharedFlow, get)),
    Method::post("environments/{env}/sharedflows/{name}/revisions/{rev}/deployments", Bundle(SharedFlow, deploy))
        .query(FLOW_DEPLOYMENT),
    Method::delete("environments/{env}/sharedflows/{name}/revisions/{rev}/deployments", Bundle(SharedFlow, undeploy)),
];

/// The parameters of a list of all deployments.
const LISTING: Parameters = &[("sharedFlows", Parameter::Bool)];

/// The parameters of a proxy's deployment.
const PROXY_DEPLOYMENT: Parameters =
    &[("override", Parameter::Bool), ("sequencedRollout", Parameter::Bool), ("serviceAccount", Parameter::Text)];

/// The parameters of a shared flow's deployment.
const FLOW_DEPLOYMENT: Parameters = &[("override", Parameter::Bool), ("serviceAccount", Parameter::Text)];

/// The parameters of a proxy's undeployment.
const PROXY_UNDEPLOYMENT: Parameters = &[("sequencedRollout", Parameter::Bool)];

/// The progress of a deployment in the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase<'a> {
    /// The percentage of the runtime that has loaded the new revision, less than 100.
    Progressing(u64),
    /// Loaded.
    Ready,
    /// Failed, with this message.
    Error(&'a str),
}

impl Phase<'_> {
    /// As `GoogleCloudApigeeV1Deployment` writes it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Progressing(_) => "PROGRESSING",
            Self::Ready => "READY",
            Self::Error(_) => "ERROR",
        }
    }
}

/// All deployments of an organization or, depending on the path, of an environment.
fn list_all(state: &mut State, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let kind = if request.flag("sharedFlows") { SharedFlow } else { Proxy };
    let environment = request.parameters.get("env").map(String::as_str);
    let filter = DeploymentFilter { kind, environment, name: None, revision: None };
    state.deployments(request.organization(), filter, request.now).map(ApiResponse::Json)
}

/// The deployments of a proxy or shared flow: all, those of one revision, or those in one environment, depending on the path.
fn list(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let revision = if request.parameters.contains_key("rev") { Some(revision_id(request)?) } else { None };
    let environment = request.parameters.get("env").map(String::as_str);
    let filter = DeploymentFilter { kind, environment, name: Some(request.parameter("name")), revision };
    state.deployments(request.organization(), filter, request.now).map(ApiResponse::Json)
}

/// The deployment of a revision with its status in the runtime.
fn get(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id, now) = (BundleRef::of(kind, request), revision_id(request)?, request.now);
    let environment = request.parameter("env");
    let deployed = state.find_deployed(path, environment, id, now)?;
    if now.saturating_sub(deployed.since) < state.settings.status_after {
        return Err(match state.settings.early_status {
            EarlyStatus::Unavailable => ApiError::unavailable(),
            EarlyStatus::NotFound => not_deployed(path, environment, id),
        });
    }
    let status = DeploymentStatus {
        phase: state.phase(deployed, now),
        conflicts: state.route_conflicts(path.organization, deployed),
        base_paths: state.base_paths(path.organization, deployed),
        groups: state.groups_of(path.organization, environment),
    };
    let is_extensible = state.is_extensible(path.organization, deployed);
    Ok(ApiResponse::Json(deployment_view::deployment_status(deployed, is_extensible, &status)))
}

/// Deploys a revision.
fn deploy(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id, now) = (BundleRef::of(kind, request), revision_id(request)?, request.now);
    let environment = request.parameter("env");
    let violations = state.deploy_violations(path, environment, id, request.flag("override"), now)?;
    if !violations.is_empty() {
        return Err(ApiError::failed_precondition("deployment validations failed", &violations));
    }
    let deployed = Deployed {
        environment: environment.to_owned(),
        kind: path.kind,
        name: path.name.to_owned(),
        revision: id,
        service_account: request.query("serviceAccount").map(str::to_owned),
        since: now,
        sequence: state.next_number(),
        replaces: state.served(path.organization, environment, path.kind, path.name, now),
        failure: state.take_failure(path.name, |failure| *failure != SimulatedFailure::LostImportAnswer),
    };
    let response = deployment_view::deployment(&deployed, state.is_extensible(path.organization, &deployed));
    let filter =
        DeploymentFilter { kind: path.kind, environment: Some(environment), name: Some(path.name), revision: None };
    let organization = state.organization_mut(path.organization);
    let resource = organization.resources.get_mut(&path.key());
    if let Some(stored) = resource.and_then(|resource| resource.revisions.get_mut(&id)) {
        stored.was_deployed = true;
    }
    organization.deployments.retain(|other| !filter.allows(other));
    organization.deployments.push(deployed);
    Ok(ApiResponse::Json(response))
}

/// Undeploys a revision from an environment, including the previous revision that still serves for it.
fn undeploy(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id, now) = (BundleRef::of(kind, request), revision_id(request)?, request.now);
    let environment = request.parameter("env");
    state.find_deployed(path, environment, id, now).map_err(|error| error.or_status(400))?;
    let violations = state.undeploy_violations(path, environment);
    if !violations.is_empty() {
        return Err(ApiError::failed_precondition("deployment validations failed", &violations));
    }
    let filter =
        DeploymentFilter { kind: path.kind, environment: Some(environment), name: Some(path.name), revision: Some(id) };
    if let Some(organization) = state.organizations.get_mut(path.organization) {
        organization.deployments.retain(|other| !filter.allows(other));
    }
    Ok(ApiResponse::Json(json!({})))
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
        let filter = DeploymentFilter { kind, environment: Some(environment), name: Some(name), revision: None };
        self.serving(self.deployed(organization).find(|deployed| filter.allows(deployed))?, now)
    }

    /// The revision that serves for a deployment.
    pub(crate) fn serving(&self, deployed: &Deployed, now: u64) -> Option<RevisionId> {
        match self.phase(deployed, now) {
            Phase::Progressing(_) => deployed.replaces,
            Phase::Ready => Some(deployed.revision),
            Phase::Error(_) => None,
        }
    }

    pub(crate) fn phase<'a>(&self, deployed: &'a Deployed, now: u64) -> Phase<'a> {
        let elapsed = now.saturating_sub(deployed.since);
        match &deployed.failure {
            _ if elapsed < self.settings.progressing => Phase::Progressing(elapsed * 100 / self.settings.progressing),
            Some(SimulatedFailure::Error(message)) => Phase::Error(message),
            _ => Phase::Ready,
        }
    }

    /// A deployment is extensible because of its policies, or because a flow hook of its environment is configured (discovery document,
    /// `proxyDeploymentType`).
    fn is_extensible(&self, organization: &str, deployed: &Deployed) -> bool {
        let path = BundleRef { organization, kind: deployed.kind, name: &deployed.name };
        let hooked = self.attached_flow_hooks(organization, &deployed.environment).next().is_some();
        hooked || self.find_revision(path, deployed.revision).is_ok_and(|stored| stored.summary.extensible)
    }

    /// A list of deployments.
    pub(crate) fn deployments(
        &self,
        organization: &str,
        filter: DeploymentFilter<'_>,
        now: u64,
    ) -> Result<Value, ApiError> {
        if let Some(environment) = filter.environment {
            self.require_environment(organization, environment, now)?;
        }
        let list: Vec<Value> = self
            .deployed(organization)
            .filter(|deployed| filter.allows(deployed))
            .map(|deployed| deployment_view::deployment(deployed, self.is_extensible(organization, deployed)))
            .collect();
        Ok(prune(json!({ "deployments": list })))
    }

    /// The base paths of a deployment whose traffic goes to another deployment (`routeConflicts`).
    pub(crate) fn route_conflicts(&self, organization: &str, deployed: &Deployed) -> Vec<Value> {
        let owned = self.base_paths(organization, deployed);
        let groups = self.groups_of(organization, &deployed.environment);
        let mut conflicts = Vec::new();
        for group in &groups {
            let others = owned.iter().filter_map(|path| self.first_owner(organization, group, path, deployed));
            conflicts.extend(others.map(|owner| routing_conflict(group, &owner)));
        }
        if deployed.failure == Some(SimulatedFailure::RouteConflict)
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

    pub(crate) fn find_deployed(
        &self,
        path: BundleRef<'_>,
        environment: &str,
        id: RevisionId,
        now: u64,
    ) -> Result<&Deployed, ApiError> {
        self.require_environment(path.organization, environment, now)?;
        let filter = DeploymentFilter {
            kind: path.kind,
            environment: Some(environment),
            name: Some(path.name),
            revision: Some(id),
        };
        self.deployed(path.organization)
            .find(|deployed| filter.allows(deployed))
            .ok_or_else(|| not_deployed(path, environment, id))
    }
}

fn not_deployed(path: BundleRef<'_>, environment: &str, id: RevisionId) -> ApiError {
    ApiError::not_found(format!("{} is not deployed in environment {environment}", path.revision(id)))
}
