//! Proxies, shared flows and their revisions: import, read and delete.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::bundle::revision_id;
use super::bundle_summary::inspect;
use super::bundle_view::{self, BundleView};
use super::{BundleRef, Deployed, DeploymentFilter, SimulatedFailure, State, StoredBundle, StoredRevision};
use crate::api::Handler::Bundle;
use crate::api::parameter::MASK;
use crate::api::{
    ApiError, ApiRequest, ApiResponse, BadFile, Message, Method, Parameter, Parameters, Type, Violation, message, prune,
};
use apigee_flux_model::bundle::BundleKind::{self, Proxy, SharedFlow};
use apigee_flux_model::bundle::Files;
use apigee_flux_model::bundle::zip::{MAX_BUNDLE_BYTES, unpack};
use apigee_flux_model::names::{Name, RevisionId};

/// The methods of API proxies and of shared flows, which have no labels.
pub(crate) const METHODS: &[Method] = &[
    Method::get("apis", Bundle(Proxy, list)).query(LISTING),
    Method::post("apis", Bundle(Proxy, upload)).query(PROXY_UPLOAD).bundle(),
    Method::get("apis/{name}", Bundle(Proxy, get)),
    Method::patch("apis/{name}", Bundle(Proxy, patch)).query(MASK).json(&API_PROXY),
    Method::delete("apis/{name}", Bundle(Proxy, delete)),
    Method::post("apis/{name}:move", Bundle(Proxy, move_to_space)).json(&MOVE),
    Method::get("apis/{name}/revisions", Bundle(Proxy, list_revisions)),
    Method::get("apis/{name}/revisions/{rev}", Bundle(Proxy, get_revision)).query(FORMAT),
    Method::post("apis/{name}/revisions/{rev}", Bundle(Proxy, update_revision)).query(UPDATE).bundle(),
    Method::delete("apis/{name}/revisions/{rev}", Bundle(Proxy, delete_revision)),
    Method::get("sharedflows", Bundle(SharedFlow, list)).query(LISTING),
    Method::post("sharedflows", Bundle(SharedFlow, upload)).query(FLOW_UPLOAD).bundle(),
    Method::get("sharedflows/{name}", Bundle(SharedFlow, get)),
    Method::delete("sharedflows/{name}", Bundle(SharedFlow, delete)),
    Method::post("sharedflows/{name}:move", Bundle(SharedFlow, move_to_space)).json(&MOVE),
    Method::get("sharedflows/{name}/revisions", Bundle(SharedFlow, list_revisions)),
    Method::get("sharedflows/{name}/revisions/{rev}", Bundle(SharedFlow, get_revision)).query(FORMAT),
    Method::post("sharedflows/{name}/revisions/{rev}", Bundle(SharedFlow, update_revision)).query(UPDATE).bundle(),
    Method::delete("sharedflows/{name}/revisions/{rev}", Bundle(SharedFlow, delete_revision)),
];

/// The parameters of a list.
const LISTING: Parameters =
    &[("includeMetaData", Parameter::Bool), ("includeRevisions", Parameter::Bool), ("space", Parameter::Text)];

/// The parameters of a proxy's upload. `validate` is ignored: every upload is validated.
const PROXY_UPLOAD: Parameters = &[
    ("action", Parameter::Text),
    ("name", Parameter::Text),
    ("space", Parameter::Text),
    ("validate", Parameter::Bool),
];

/// The parameters of a shared flow's upload.
const FLOW_UPLOAD: Parameters = &[("action", Parameter::Text), ("name", Parameter::Text), ("space", Parameter::Text)];

/// The parameters for the update of a revision.
const UPDATE: Parameters = &[("validate", Parameter::Bool)];

/// The parameters for reading a revision.
const FORMAT: Parameters = &[("format", Parameter::Text)];

/// The options of a list of proxies or shared flows.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Listing<'a> {
    pub(crate) revisions: bool,
    pub(crate) meta_data: bool,
    /// Only resources of this space; empty: all.
    pub(crate) space: &'a str,
}

/// `GoogleCloudApigeeV1ApiProxy`.
pub(crate) const API_PROXY: Message = Message {
    name: "api_proxy",
    fields: &[
        ("labels", Type::Texts),
        ("space", Type::Text),
        ("apiProxyType", Type::Output),
        ("latestRevisionId", Type::Output),
        ("metaData", Type::Output),
        ("name", Type::Output),
        ("readOnly", Type::Output),
        ("revision", Type::Output),
    ],
};

/// `GoogleCloudApigeeV1MoveApiProxyRequest` and `GoogleCloudApigeeV1MoveSharedFlowRequest`.
pub(crate) const MOVE: Message = Message { name: "move_request", fields: &[("space", Type::Text)] };

fn list(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let listing = Listing {
        revisions: request.flag("includeRevisions"),
        meta_data: request.flag("includeMetaData"),
        space: request.query_text("space"),
    };
    Ok(ApiResponse::Json(state.list(request.organization(), kind, listing)))
}

fn upload(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let path = BundleRef { name: request.query_text("name"), ..BundleRef::of(kind, request) };
    let zip = request.body.whole();
    match request.query_text("action") {
        "import" => state.import(path, zip, request.query("space"), request.now).map(ApiResponse::Json),
        "validate" => State::validate(path, zip, request.now).map(ApiResponse::Json),
        other => {
            Err(ApiError::invalid_argument(format!("invalid action \"{other}\": set it to \"import\" or \"validate\"")))
        }
    }
}

fn get(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    state.get(BundleRef::of(kind, request)).map(ApiResponse::Json)
}

fn patch(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, body) = (BundleRef::of(kind, request), request.parse(&API_PROXY)?);
    state.patch_proxy(path, request.query_text("updateMask"), &body, request.now).map(ApiResponse::Json)
}

fn delete(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    state.delete(BundleRef::of(kind, request), request.now).map(ApiResponse::Json)
}

fn move_to_space(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, body) = (BundleRef::of(kind, request), request.read(&MOVE)?);
    state.move_to_space(path, message::text(&body, "space"), request.now).map(ApiResponse::Json)
}

/// Only the revision numbers. The discovery document lacks this method; apigee-edge-js uses it.
fn list_revisions(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::Json(state.get(BundleRef::of(kind, request))?["revision"].take()))
}

fn get_revision(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id) = (BundleRef::of(kind, request), revision_id(request)?);
    match request.query_text("format") {
        "bundle" => state.bundle(path, id, request.now).map(ApiResponse::Bytes),
        _ => state.revision(path, id, request.now).map(ApiResponse::Json),
    }
}

fn update_revision(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id) = (BundleRef::of(kind, request), revision_id(request)?);
    state.update_revision(path, id, request.body.whole(), request.now).map(ApiResponse::Json)
}

fn delete_revision(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id) = (BundleRef::of(kind, request), revision_id(request)?);
    state.delete_revision(path, id, request.now).map(ApiResponse::Json)
}

impl State {
    /// `action=validate`: the revision that an import would create.
    pub(crate) fn validate(path: BundleRef<'_>, zip: &[u8], now: u64) -> Result<Value, ApiError> {
        let stored = read_bundle(path, zip, now)?;
        Ok(bundle_view::revision(path.organization, path.kind, path.name, None, &stored))
    }

    /// `action=import`: a new revision. "`space` is only respected when creating a new proxy."
    pub(crate) fn import(
        &mut self,
        path: BundleRef<'_>,
        zip: &[u8],
        space: Option<&str>,
        now: u64,
    ) -> Result<Value, ApiError> {
        let stored = read_bundle(path, zip, now)?;
        let max = self.settings.max_revisions;
        let organization = self.organization_mut(path.organization);
        let resource = organization.resources.entry(path.key()).or_insert_with(|| StoredBundle {
            revisions: BTreeMap::new(),
            next: RevisionId::FIRST,
            created: now,
            modified: now,
            labels: BTreeMap::new(),
            space: space.map(str::to_owned),
        });
        if let Some(max) = max.filter(|max| resource.revisions.len() >= *max) {
            // The limit is documented, the message is not.
            let description = format!("{} has {max} revisions, the maximum; delete one.", path.full());
            let violation = Violation { kind: "REVISION_LIMIT", subject: path.full(), description };
            return Err(ApiError::failed_precondition("the limit of revisions is reached", &[violation]));
        }
        let id = resource.next;
        resource.next = id.next();
        resource.modified = now;
        let response = bundle_view::revision(path.organization, path.kind, path.name, Some(id), &stored);
        resource.revisions.insert(id, stored);
        match self.take_failure(path.name, |failure| *failure == SimulatedFailure::LostImportAnswer) {
            Some(_) => Err(ApiError::unavailable()),
            None => Ok(response),
        }
    }

    /// `updateApiProxyRevision` and `updateSharedFlowRevision`: replaces the bundle of a revision "that has never been deployed".
    pub(crate) fn update_revision(
        &mut self,
        path: BundleRef<'_>,
        id: RevisionId,
        zip: &[u8],
        now: u64,
    ) -> Result<Value, ApiError> {
        let old = self.visible_revision(path, id, now)?;
        let created = old.created;
        if old.was_deployed {
            let subject = path.revision(id);
            let description = format!("{subject} was deployed, so it cannot be changed; import a new revision.");
            let violation = Violation { kind: "IMMUTABLE", subject, description };
            return Err(ApiError::failed_precondition("the revision is immutable", &[violation]));
        }
        let stored = StoredRevision { created, ..read_bundle(path, zip, now)? };
        let response = bundle_view::revision(path.organization, path.kind, path.name, Some(id), &stored);
        if let Some(resource) = self.resource_mut(path) {
            resource.modified = now;
            resource.revisions.insert(id, stored);
        }
        Ok(response)
    }

    fn resource_mut(&mut self, path: BundleRef<'_>) -> Option<&mut StoredBundle> {
        self.organizations.get_mut(path.organization)?.resources.get_mut(&path.key())
    }

    /// The list of an organization's proxies or shared flows.
    pub(crate) fn list(&self, organization: &str, kind: BundleKind, listing: Listing<'_>) -> Value {
        let resources = self.organizations.get(organization).map(|organization| &organization.resources);
        let list: Vec<Value> = resources
            .into_iter()
            .flatten()
            .filter(|((other, _), _)| *other == kind)
            .filter(|(_, resource)| listing.space.is_empty() || resource.space.as_deref() == Some(listing.space))
            .map(|((_, name), resource)| {
                let all = BundleView::new(kind, name, resource);
                BundleView {
                    revisions: all.revisions.filter(|_| listing.revisions),
                    times: all.times.filter(|_| listing.meta_data),
                    labels: None,
                    ..all
                }
                .to_json()
            })
            .collect();
        let field = match kind {
            BundleKind::Proxy => "proxies",
            BundleKind::SharedFlow => "sharedFlows",
        };
        prune(json!({ field: list }))
    }

    /// A proxy or shared flow. It lists a new revision immediately, even while that revision is not found by its number.
    pub(crate) fn get(&self, path: BundleRef<'_>) -> Result<Value, ApiError> {
        Ok(BundleView::new(path.kind, path.name, self.find(path)?).to_json())
    }

    /// A revision.
    pub(crate) fn revision(&self, path: BundleRef<'_>, id: RevisionId, now: u64) -> Result<Value, ApiError> {
        let stored = self.visible_revision(path, id, now)?;
        Ok(bundle_view::revision(path.organization, path.kind, path.name, Some(id), stored))
    }

    /// A revision's zip, as it was uploaded.
    pub(crate) fn bundle(&self, path: BundleRef<'_>, id: RevisionId, now: u64) -> Result<Vec<u8>, ApiError> {
        Ok(self.visible_revision(path, id, now)?.zip.clone())
    }

    /// `PATCH …?updateMask=labels`; other fields of a proxy cannot be changed this way, and shared flows have no labels.
    pub(crate) fn patch_proxy(
        &mut self,
        path: BundleRef<'_>,
        update_mask: &str,
        body: &Value,
        now: u64,
    ) -> Result<Value, ApiError> {
        let body = API_PROXY.check(body)?;
        self.find(path)?;
        if update_mask != "labels" {
            return Err(ApiError::invalid_argument(format!(
                "invalid update mask \"{update_mask}\": set it to \"labels\""
            )));
        }
        let labels: BTreeMap<String, String> = match body.get("labels") {
            None => BTreeMap::new(),
            Some(labels) => serde_json::from_value(labels.clone()).map_err(|error| {
                ApiError::invalid_argument(format!("Invalid value at 'labels': {error}; expected an object of strings"))
            })?,
        };
        if let Some(resource) = self.resource_mut(path) {
            resource.labels = labels;
            resource.modified = now;
        }
        self.get(path)
    }

    /// `:move`: into another space, or with an empty name out of any space.
    pub(crate) fn move_to_space(&mut self, path: BundleRef<'_>, space: &str, now: u64) -> Result<Value, ApiError> {
        self.find(path)?;
        if let Some(resource) = self.resource_mut(path) {
            resource.space = Some(space.to_owned()).filter(|space| !space.is_empty());
            resource.modified = now;
        }
        self.get(path)
    }

    /// Deletes a proxy or shared flow that is not deployed.
    pub(crate) fn delete(&mut self, path: BundleRef<'_>, now: u64) -> Result<Value, ApiError> {
        let response = self.get(path)?;
        self.refuse_deployed(path, None, now)?;
        if let Some(organization) = self.organizations.get_mut(path.organization) {
            organization.resources.remove(&path.key());
        }
        Ok(response)
    }

    /// Deletes a revision that is not deployed. Deleting the last revision deletes the resource, which Google's documentation leaves open.
    pub(crate) fn delete_revision(&mut self, path: BundleRef<'_>, id: RevisionId, now: u64) -> Result<Value, ApiError> {
        let response = self.revision(path, id, now)?;
        self.refuse_deployed(path, Some(id), now)?;
        if let Some(organization) = self.organizations.get_mut(path.organization)
            && let Some(resource) = organization.resources.get_mut(&path.key())
        {
            resource.revisions.remove(&id);
            resource.modified = now;
            if resource.revisions.is_empty() {
                organization.resources.remove(&path.key());
            }
        }
        Ok(response)
    }

    /// A revision that still serves while a new one is PROGRESSING counts as deployed.
    fn refuse_deployed(&self, path: BundleRef<'_>, revision: Option<RevisionId>, now: u64) -> Result<(), ApiError> {
        let filter = DeploymentFilter { kind: path.kind, environment: None, name: Some(path.name), revision };
        let blocks = |deployed: &&Deployed| {
            let any = DeploymentFilter { revision: None, ..filter };
            filter.allows(deployed)
                || (any.allows(deployed) && revision.is_some() && self.serving(deployed, now) == revision)
        };
        match self.deployed(path.organization).find(blocks) {
            None => Ok(()),
            Some(deployed) => {
                let subject = path.revision(revision.unwrap_or(deployed.revision));
                let description =
                    format!("{subject} is deployed in environment {}; undeploy it first.", deployed.environment);
                let violation = Violation { kind: "DEPLOYED", subject, description };
                Err(ApiError::failed_precondition("resource is deployed", &[violation]))
            }
        }
    }
}

/// Unpacks and inspects an upload.
fn read_bundle(path: BundleRef<'_>, zip: &[u8], now: u64) -> Result<StoredRevision, ApiError> {
    if path.name.parse::<Name>().is_err() {
        return Err(ApiError::invalid_argument(format!(
            "invalid name \"{}\": use the characters A-Za-z0-9._-",
            path.name
        )));
    }
    if zip.len() > MAX_BUNDLE_BYTES {
        return Err(ApiError::invalid_argument(format!("the bundle is larger than {MAX_BUNDLE_BYTES} bytes")));
    }
    let bad_zip =
        |description| ApiError::bad_bundle(&[BadFile { filename: format!("{}/", path.kind.root()), description }]);
    let (kind, files): (BundleKind, Files) = unpack(zip).map_err(bad_zip)?;
    if kind != path.kind {
        return Err(bad_zip(format!("the zip file has the folder {}/, expected {}/", kind.root(), path.kind.root())));
    }
    let summary = inspect(kind, &files).map_err(|findings| ApiError::bad_bundle(&findings))?;
    Ok(StoredRevision { summary, created: now, modified: now, was_deployed: false, zip: zip.to_vec() })
}
