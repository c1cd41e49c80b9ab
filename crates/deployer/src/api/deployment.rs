//! Deployments and change reports, as in the responses of the management API.
//!
//! Field names are those of the schemas `GoogleCloudApigeeV1Deployment` and `…DeploymentChangeReport` of the discovery document
//! `apigee.v1`; only what this program reads is named.

use std::fmt;

use serde::Deserialize;

use crate::api::reply::{Message, is_about};
use crate::api::resource_name::ResourceName;
use crate::error::precondition::{PreconditionFailure, PreconditionViolation};
use crate::error::unexpected_response::ResponseProblem;
use apigee_flux_configuration::Shape;
use apigee_flux_model::names::Name;
use apigee_flux_model::names::RevisionId;

/// A revision that is deployed in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The environment.
    #[serde(default)]
    pub environment: String,
    /// The name of the proxy, or of the shared flow.
    #[serde(default)]
    pub api_proxy: String,
    /// The deployed revision.
    pub revision: RevisionId,
    /// Milliseconds since 1970, as a string.
    #[serde(default)]
    pub deploy_start_time: String,
    /// `projects/-/serviceAccounts/{email}`. The response may omit it even if one is set.
    #[serde(default)]
    pub service_account: Option<String>,
    /// The type of the deployment, which determines its billing; proxies only.
    #[serde(default)]
    pub proxy_deployment_type: DeploymentType,
    /// Only in the response for one revision's deployment; lists do not contain it.
    #[serde(default)]
    pub state: RuntimeState,
    /// Only with [`RuntimeState::Error`].
    #[serde(default)]
    pub errors: Vec<DeploymentError>,
    /// Base paths that belong to another deployment. They do not change the state [`RuntimeState::Ready`].
    #[serde(default)]
    pub route_conflicts: Vec<RoutingConflict>,
}

impl Message for Deployment {
    const SHAPE: Shape = Shape::with(&["revision"]);
}

impl Deployment {
    /// Checks that the deployment is of a resource and, if given, of an environment. Every response contains both.
    pub(crate) fn is_of(&self, resource: ResourceName<'_>, environment: Option<&Name>) -> Result<(), ResponseProblem> {
        is_about("apiProxy", resource.name.as_str(), &self.api_proxy)?;
        match environment {
            Some(environment) => is_about("environment", environment.as_str(), &self.environment),
            None if self.environment.is_empty() => {
                Err(ResponseProblem::Field("a deployment has no `environment`".to_owned()))
            }
            None => Ok(()),
        }
    }

    /// When it started, in milliseconds since 1970; 0 if the response does not contain the time.
    pub fn started(&self) -> u64 {
        self.deploy_start_time.parse().unwrap_or_default()
    }

    /// The email of the service account, without the resource name around it.
    pub fn service_account_email(&self) -> Option<&str> {
        let name = self.service_account.as_deref()?;
        Some(name.rsplit('/').next().unwrap_or(name)).filter(|email| !email.is_empty())
    }
}

/// The type of a proxy deployment, which determines its billing (`proxyDeploymentType`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeploymentType {
    /// Standard policies only.
    Standard,
    /// At least one extensible policy.
    Extensible,
    /// Not reported.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The state that the runtime reports.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RuntimeState {
    /// Loaded everywhere.
    Ready,
    /// Not loaded everywhere yet.
    Progressing,
    /// Requires intervention.
    Error,
    /// Not reported, or a state that is unknown to this program.
    #[default]
    #[serde(other)]
    Unknown,
}

impl fmt::Display for RuntimeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "not reported",
            Self::Ready => "READY",
            Self::Progressing => "PROGRESSING",
            Self::Error => "ERROR",
        })
    }
}

/// One error of a deployment (`google.rpc.Status`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeploymentError {
    /// The message of the runtime.
    #[serde(default)]
    pub message: String,
}

/// The list of deployments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct DeploymentList {
    /// Empty when nothing is deployed.
    #[serde(default)]
    pub deployments: Vec<Deployment>,
}

impl Message for DeploymentList {
    const SHAPE: Shape = Shape::empty_or(&["deployments"]);
}

/// A base path on which the deployment does not receive requests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutingConflict {
    /// The environment group of the host names.
    #[serde(default)]
    pub environment_group: String,
    /// The deployment that has the base path.
    #[serde(default)]
    pub conflicting_deployment: RoutingDeployment,
    /// Apigee's description.
    #[serde(default)]
    pub description: String,
}

impl fmt::Display for RoutingConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let owner = &self.conflicting_deployment;
        write!(
            f,
            "base path `{}` in environment group `{}` belongs to revision {} of `{}` in environment `{}`",
            owner.basepath, self.environment_group, owner.revision, owner.api_proxy, owner.environment
        )?;
        if self.description.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.description)
    }
}

/// A base path and the deployment that holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoutingDeployment {
    /// The proxy.
    pub api_proxy: String,
    /// The base path.
    pub basepath: String,
    /// The environment.
    pub environment: String,
    /// The revision.
    pub revision: String,
}

/// What a deployment would change, as a dry run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChangeReport {
    /// Traffic that would be routed to another deployment.
    pub routing_changes: Vec<RoutingChange>,
    /// Base paths that would not be routed.
    pub routing_conflicts: Vec<RoutingConflict>,
    /// Reasons for which Apigee would reject the deployment.
    pub validation_errors: PreconditionFailure,
}

impl Message for ChangeReport {
    const SHAPE: Shape = Shape::empty_or(&["routingChanges", "routingConflicts", "validationErrors"]);
}

impl ChangeReport {
    /// Why Apigee would reject the change, or why requests would not reach it.
    pub fn obstacles(&self) -> Vec<String> {
        let violations = self.validation_errors.violations.iter().map(ToString::to_string);
        violations.chain(self.conflicts_elsewhere()).collect()
    }

    /// The violations about base paths of other proxies in the same environment, and all other obstacles.
    pub(crate) fn split_obstacles(&self) -> (Vec<&PreconditionViolation>, Vec<String>) {
        let (conflicts, others): (Vec<_>, Vec<_>) =
            self.validation_errors.violations.iter().partition(|violation| violation.conflicting_proxy().is_some());
        (conflicts, others.into_iter().map(ToString::to_string).chain(self.conflicts_elsewhere()).collect())
    }

    fn conflicts_elsewhere(&self) -> impl Iterator<Item = String> {
        self.routing_conflicts.iter().map(|conflict| format!("routingConflicts: {conflict}"))
    }

    /// True if Apigee recommends to roll out routes and runtime in order.
    pub fn should_sequence_rollout(&self) -> bool {
        self.routing_changes.iter().any(|change| change.should_sequence_rollout)
    }
}

/// Traffic that would be routed to another deployment.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutingChange {
    /// Apigee recommends a sequenced rollout for this change.
    #[serde(default)]
    pub should_sequence_rollout: bool,
}
