//! Which deployment owns which base path, and how a deployment would change that.
//!
//! The environments of an environment group share its host names, so a base path belongs to one deployment of the group: the
//! first. Another deployment of the base path is refused in the same environment, but not in another environment
//! (<https://github.com/apigee/apigeecli/issues/201>); its status and the reports contain the conflict.

use serde_json::{Value, json};

use super::bundle::revision_id;
use super::{BundleRef, Deployed, State};
use crate::api::Handler::Bundle;
use crate::api::{ApiError, ApiRequest, ApiResponse, Method, Parameter, Violation, prune};
use apigee_flux_model::bundle::BundleKind::{self, Proxy};
use apigee_flux_model::names::RevisionId;

/// The methods of the reports. Shared flows have none.
pub(crate) const METHODS: &[Method] = &[
    Method::post(
        "environments/{env}/apis/{name}/revisions/{rev}/deployments:generateDeployChangeReport",
        Bundle(Proxy, deploy_report),
    )
    .query(&[("override", Parameter::Bool)]),
    Method::post(
        "environments/{env}/apis/{name}/revisions/{rev}/deployments:generateUndeployChangeReport",
        Bundle(Proxy, undeploy_report),
    ),
];

/// The deployment that owns a base path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RouteOwner {
    pub(crate) name: String,
    pub(crate) base_path: String,
    pub(crate) environment: String,
    pub(crate) revision: RevisionId,
    pub(crate) sequence: u64,
}

/// `generateDeployChangeReport`.
fn deploy_report(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id, now) = (BundleRef::of(kind, request), revision_id(request)?, request.now);
    let environment = request.parameter("env");
    let violations = state.deploy_violations(path, environment, id, request.flag("override"), now)?;
    let base_paths = &state.find_revision(path, id)?.summary.base_paths;
    let (mut changes, mut conflicts) = (Vec::new(), Vec::new());
    for group in &state.groups_of(path.organization, environment) {
        let owners = state.owners(path.organization, group);
        let is_own = |owner: &RouteOwner| owner.environment == environment && owner.name == path.name;
        for base_path in base_paths {
            if owners.iter().any(|owner| is_own(owner) && owner.base_path == *base_path) {
                continue;
            }
            if let Some(owner) = owners.iter().find(|o| o.base_path == *base_path && o.environment != environment) {
                conflicts.push(routing_conflict(group, owner));
                continue;
            }
            let new = RouteOwner {
                name: path.name.to_owned(),
                base_path: base_path.clone(),
                environment: environment.to_owned(),
                revision: id,
                sequence: 0,
            };
            if let Some(from) = nearest_above(&owners, base_path).filter(|owner| !is_own(owner)) {
                changes.push(routing_change(group, from, Some(&new)));
            }
        }
    }
    Ok(report(&changes, &conflicts, &violations))
}

/// `generateUndeployChangeReport`.
fn undeploy_report(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id, now) = (BundleRef::of(kind, request), revision_id(request)?, request.now);
    let environment = request.parameter("env");
    let deployed = state.find_deployed(path, environment, id, now)?;
    let own = state.base_paths(path.organization, deployed);
    let mut changes = Vec::new();
    for group in &state.groups_of(path.organization, environment) {
        let owners = state.owners(path.organization, group);
        let (mine, others): (Vec<RouteOwner>, Vec<RouteOwner>) =
            owners.into_iter().partition(|owner| owner.sequence == deployed.sequence);
        let mine = mine.iter().filter(|owner| own.contains(&owner.base_path.as_str()));
        changes.extend(mine.map(|owner| routing_change(group, owner, nearest_above(&others, &owner.base_path))));
    }
    Ok(report(&changes, &[], &state.undeploy_violations(path, environment)))
}

impl State {
    /// The groups of an environment: those of the settings and those that it is attached to; if there are none, a group with the
    /// environment's name.
    pub(crate) fn groups_of(&self, organization: &str, environment: &str) -> Vec<String> {
        let fixed = self.settings.groups.iter();
        let fixed = fixed.filter(|(_, members)| members.iter().any(|member| member == environment));
        let made = self.organizations.get(organization).into_iter().flat_map(|made| &made.environment_groups);
        let made = made.filter(|(_, group)| group.environments().any(|member| member == environment));
        let mut groups: Vec<String> = fixed.map(|(name, _)| name).chain(made.map(|(name, _)| name)).cloned().collect();
        if groups.is_empty() {
            groups.push(environment.to_owned());
        }
        groups.sort();
        groups.dedup();
        groups
    }

    pub(crate) fn base_paths(&self, organization: &str, deployed: &Deployed) -> Vec<&str> {
        let path = BundleRef { organization, kind: deployed.kind, name: &deployed.name };
        let stored = self.find_revision(path, deployed.revision).ok();
        stored.into_iter().flat_map(|stored| &stored.summary.base_paths).map(String::as_str).collect()
    }

    /// All base paths of a group's deployments.
    fn owners(&self, organization: &str, group: &str) -> Vec<RouteOwner> {
        let is_member = |environment: &str| self.groups_of(organization, environment).iter().any(|name| name == group);
        let members = self.deployed(organization).filter(|deployed| is_member(&deployed.environment));
        members
            .flat_map(|deployed| {
                self.base_paths(organization, deployed).into_iter().map(|base_path| RouteOwner {
                    name: deployed.name.clone(),
                    base_path: base_path.to_owned(),
                    environment: deployed.environment.clone(),
                    revision: deployed.revision,
                    sequence: deployed.sequence,
                })
            })
            .collect()
    }

    /// The deployment of another environment that claimed the base path first.
    pub(crate) fn first_owner(
        &self,
        organization: &str,
        group: &str,
        base_path: &str,
        than: &Deployed,
    ) -> Option<RouteOwner> {
        let mut owners = self.owners(organization, group);
        owners.retain(|o| o.base_path == base_path && o.environment != than.environment && o.sequence < than.sequence);
        owners.into_iter().min_by_key(|owner| owner.sequence)
    }
}

/// The owner of the longest base path above the given one, which would get its traffic.
fn nearest_above<'a>(owners: &'a [RouteOwner], base_path: &str) -> Option<&'a RouteOwner> {
    let is_above = |above: &str| {
        let above = above.trim_end_matches('/');
        base_path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/') && rest.len() > 1)
    };
    owners.iter().filter(|owner| is_above(&owner.base_path)).max_by_key(|owner| owner.base_path.len())
}

/// `GoogleCloudApigeeV1DeploymentChangeReportRoutingConflict`.
pub(crate) fn routing_conflict(group: &str, owner: &RouteOwner) -> Value {
    json!({
        "environmentGroup": group,
        "conflictingDeployment": route_owner(owner),
        "description": "The base path is claimed by an existing deployment in this environment group.",
    })
}

fn routing_change(group: &str, from: &RouteOwner, to: Option<&RouteOwner>) -> Value {
    prune(json!({
        "environmentGroup": group,
        "fromDeployment": route_owner(from),
        "toDeployment": to.map(route_owner),
        "shouldSequenceRollout": to.is_some(),
        "description": "Traffic of this base path will go to another deployment.",
    }))
}

fn report(changes: &[Value], conflicts: &[Value], violations: &[Violation]) -> ApiResponse {
    let violations: Vec<Value> = violations.iter().map(Violation::to_json).collect();
    ApiResponse::value(json!({
        "routingChanges": changes,
        "routingConflicts": conflicts,
        "validationErrors": {"violations": violations},
    }))
}

/// `GoogleCloudApigeeV1DeploymentChangeReportRoutingDeployment`.
fn route_owner(owner: &RouteOwner) -> Value {
    json!({
        "apiProxy": owner.name,
        "basepath": owner.base_path,
        "environment": owner.environment,
        "revision": owner.revision,
    })
}
