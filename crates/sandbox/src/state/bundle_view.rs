//! The responses about proxies, shared flows and their revisions: JSON with the fields of the discovery document's schemas, 64-bit numbers as
//! strings, and empty fields omitted as by Google's servers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{StoredBundle, StoredRevision};
use crate::api::prune;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::RevisionId;

/// `GoogleCloudApigeeV1ApiProxy` or `…SharedFlow`.
pub(crate) struct BundleView<'a> {
    pub(crate) kind: BundleKind,
    pub(crate) name: &'a str,
    pub(crate) revisions: Option<Vec<RevisionId>>,
    /// The times of the creation and the last change, in milliseconds since 1970.
    pub(crate) times: Option<(u64, u64)>,
    pub(crate) labels: Option<&'a BTreeMap<String, String>>,
    pub(crate) space: Option<&'a str>,
}

impl<'a> BundleView<'a> {
    /// A view with all fields.
    pub(crate) fn new(kind: BundleKind, name: &'a str, resource: &'a StoredBundle) -> Self {
        Self {
            kind,
            name,
            revisions: Some(resource.revisions.keys().copied().collect()),
            times: Some((resource.created, resource.modified)),
            labels: Some(&resource.labels),
            space: resource.space.as_deref(),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
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
pub(crate) fn revision(
    organization: &str,
    kind: BundleKind,
    name: &str,
    id: Option<RevisionId>,
    stored: &StoredRevision,
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
