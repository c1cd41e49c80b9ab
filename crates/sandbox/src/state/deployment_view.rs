//! The responses about deployments.

use serde_json::{Value, json};

use super::Deployed;
use super::deployments::Phase;
use crate::api::prune;
use apigee_flux_model::bundle::BundleKind;

/// `GoogleCloudApigeeV1Deployment` as in a list: without the status.
pub(crate) fn deployment(deployed: &Deployed, is_extensible: bool) -> Value {
    let account = deployed.service_account.as_deref().map(|email| format!("projects/-/serviceAccounts/{email}"));
    let mut object = json!({
        "environment": deployed.environment,
        "apiProxy": deployed.name,
        "revision": deployed.revision,
        "deployStartTime": deployed.since.to_string(),
        "serviceAccount": account.unwrap_or_default(),
    });
    if deployed.kind == BundleKind::Proxy {
        object["proxyDeploymentType"] = json!(if is_extensible { "EXTENSIBLE" } else { "STANDARD" });
    }
    prune(object)
}

/// The status of a deployment in the runtime.
pub(crate) struct DeploymentStatus<'a> {
    pub(crate) phase: Phase<'a>,
    pub(crate) conflicts: Vec<Value>,
    pub(crate) base_paths: Vec<&'a str>,
    pub(crate) groups: Vec<String>,
}

/// `GoogleCloudApigeeV1Deployment` with the status.
pub(crate) fn deployment_status(deployed: &Deployed, is_extensible: bool, status: &DeploymentStatus<'_>) -> Value {
    let ready = status.phase == Phase::Ready;
    let (loaded, error) = match status.phase {
        Phase::Progressing(percent) => (percent, None),
        Phase::Ready => (100, None),
        Phase::Error(message) => (0, Some(message)),
    };
    let mut revisions = vec![json!({"revision": deployed.revision, "percentage": loaded})];
    if let (Phase::Progressing(_), Some(former)) = (status.phase, deployed.replaces)
        && former != deployed.revision
    {
        revisions.insert(0, json!({"revision": former, "percentage": 100 - loaded}));
    }
    let mut routes = Vec::new();
    for group in &status.groups {
        routes.extend(status.base_paths.iter().map(|base_path| {
            // "Destination environment. This will be empty if the route is not yet reported."
            let environment = if ready { deployed.environment.as_str() } else { "" };
            let percentage = if ready { 100 } else { 0 };
            json!({"envgroup": group, "basepath": base_path, "environment": environment, "percentage": percentage})
        }));
    }
    let errors: Vec<Value> = error.iter().map(|message| json!({"code": 9, "message": message})).collect();
    let mut object = deployment(deployed, is_extensible);
    object["state"] = json!(status.phase.as_str());
    object["errors"] = json!(errors);
    object["routeConflicts"] = json!(status.conflicts);
    object["instances"] = json!([{"instance": "sandbox", "deployedRevisions": revisions, "deployedRoutes": routes}]);
    prune(object)
}
