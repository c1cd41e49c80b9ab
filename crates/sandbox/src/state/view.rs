//! The responses: JSON with the fields of the discovery document's schemas, 64-bit numbers as strings, and empty fields omitted as by
//! Google's servers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::deployments::Phase;
use super::routing::RouteOwner;
use super::state::{Deployed, Resource, Stored};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::RevisionId;

/// `GoogleCloudApigeeV1ApiProxy` or `…SharedFlow`.
pub(super) struct ResourceView<'a> {
    pub(super) kind: BundleKind,
    pub(super) name: &'a str,
    pub(super) revisions: Option<Vec<RevisionId>>,
    /// The times of the creation and the last change, in milliseconds since 1970.
    pub(super) times: Option<(u64, u64)>,
    pub(super) labels: Option<&'a BTreeMap<String, String>>,
    pub(super) space: Option<&'a str>,
}

impl<'a> ResourceView<'a> {
    /// A view with all fields.
    pub(super) fn new(kind: BundleKind, name: &'a str, resource: &'a Resource) -> Self {
        Self {
            kind,
            name,
            revisions: Some(resource.revisions.keys().copied().collect()),
            times: Some((resource.created, resource.modified)),
            labels: Some(&resource.labels),
            space: resource.space.as_deref(),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut object = Map::new();
        object.insert("name".to_owned(), json!(self.name));
        if let Some(revisions) = &self.revisions {
            object.insert("revision".to_owned(), json!(revisions));
            object.insert("latestRevisionId".to_owned(), json!(revisions.last()));
        }
        if let Some((created, modified)) = self.times {
            let sub_type = match self.kind {
                BundleKind::Proxy => "Proxy",
                BundleKind::SharedFlow => "SharedFlow",
            };
            object.insert(
                "metaData".to_owned(),
                json!({"createdAt": created.to_string(), "lastModifiedAt": modified.to_string(), "subType": sub_type}),
            );
        }
        object.insert("space".to_owned(), json!(self.space));
        if self.kind == BundleKind::Proxy {
            object.insert("labels".to_owned(), json!(self.labels));
            object.insert("apiProxyType".to_owned(), json!("PROGRAMMABLE"));
        }
        prune(Value::Object(object))
    }
}

/// `GoogleCloudApigeeV1ApiProxyRevision` or `…SharedFlowRevision`. Without a number, it is the response to `action=validate`.
pub(super) fn revision(
    organization: &str,
    kind: BundleKind,
    name: &str,
    id: Option<RevisionId>,
    stored: &Stored,
) -> Value {
    let summary = &stored.summary;
    let number = id.map(|id| id.to_string()).unwrap_or_default();
    let resources: Vec<String> = summary.resources.iter().map(|(kind, name)| format!("{kind}://{name}")).collect();
    let files: Vec<Value> = summary.resources.iter().map(|(kind, name)| json!({"type": kind, "name": name})).collect();
    let mut object = json!({
        "configurationVersion": {"majorVersion": 4, "minorVersion": 0},
        "contextInfo": format!("Revision {number} of application {name}, in organization {organization}"),
        "createdAt": stored.created.to_string(),
        "description": summary.description,
        "displayName": summary.display_name,
        "entityMetaDataAsProperties": {"bundle_type": "zip"},
        "lastModifiedAt": stored.modified.to_string(),
        "name": name,
        "policies": summary.policies,
        "resourceFiles": {"resourceFile": files},
        "resources": resources,
        "revision": number,
        "type": "Application",
    });
    match kind {
        BundleKind::Proxy => {
            object["hasExtensiblePolicy"] = json!(summary.extensible);
            object["basepaths"] = json!(summary.base_paths);
            object["proxies"] = json!(summary.endpoints);
            object["proxyEndpoints"] = json!(summary.endpoints);
            object["targets"] = json!(summary.targets);
            object["targetEndpoints"] = json!(summary.targets);
            object["targetServers"] = json!(summary.target_servers);
            object["sharedFlows"] = json!(summary.called_flows);
        }
        BundleKind::SharedFlow => object["sharedFlows"] = json!(summary.endpoints),
    }
    prune(object)
}

/// `GoogleCloudApigeeV1Deployment` as in a list: without the status.
pub(super) fn deployment(deployed: &Deployed, is_extensible: bool) -> Value {
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
pub(super) struct Status<'a> {
    pub(super) phase: Phase<'a>,
    pub(super) conflicts: Vec<Value>,
    pub(super) base_paths: Vec<&'a str>,
    pub(super) groups: Vec<String>,
}

/// `GoogleCloudApigeeV1Deployment` with the status.
pub(super) fn deployment_status(deployed: &Deployed, is_extensible: bool, status: &Status<'_>) -> Value {
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

/// `GoogleCloudApigeeV1DeploymentChangeReportRoutingDeployment`.
pub(super) fn route_owner(owner: &RouteOwner) -> Value {
    json!({
        "apiProxy": owner.name,
        "basepath": owner.base_path,
        "environment": owner.environment,
        "revision": owner.revision,
    })
}

/// Removes empty strings, lists and objects, as in the JSON form of protocol buffers.
pub(super) fn prune(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter().map(|(key, value)| (key, prune(value))).filter(|(_, value)| !is_empty(value)).collect(),
        ),
        Value::Array(list) => Value::Array(list.into_iter().map(prune).collect()),
        other => other,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Number(number) => number.as_u64() == Some(0),
        Value::Bool(set) => !set,
    }
}
