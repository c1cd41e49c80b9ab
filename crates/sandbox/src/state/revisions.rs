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
    ApiError, ApiRequest, ApiResponse, BadFile, Message, Method, Parameter, Parameters, Type, Violation, message,
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
    Method::delete("apis/{name}", Bundle(Proxy, delete)),
    Method::post("apis/{name}:move", Bundle(Proxy, move_to_space)).json(&MOVE),
    Method::patch("apis/{name}", Bundle(Proxy, patch)).query(MASK).json(&API_PROXY),
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

/// `GoogleCloudApigeeV1ApiProxy`.
const API_PROXY: Message = Message {
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
const MOVE: Message = Message { name: "move_request", fields: &[("space", Type::Text)] };

/// The list of an organization's proxies or shared flows.
fn list(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (with_revisions, with_meta_data) = (request.flag("includeRevisions"), request.flag("includeMetaData"));
    let space = request.query("space");
    let resources = state.organizations.get(request.organization()).map(|organization| &organization.resources);
    let list: Vec<Value> = resources
        .into_iter()
        .flatten()
        .filter(|((other, _), _)| *other == kind)
        .filter(|(_, resource)| space.is_none() || resource.space.as_deref() == space)
        .map(|((_, name), resource)| {
            let all = BundleView::new(kind, name, resource);
            BundleView {
                revisions: all.revisions.filter(|_| with_revisions),
                times: all.times.filter(|_| with_meta_data),
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
    Ok(ApiResponse::value(json!({ field: list })))
}

/// A new revision, or with `action=validate` the one that an import would create.
fn upload(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let path = BundleRef { name: request.query_text("name"), ..BundleRef::of(kind, request) };
    let zip = request.body.whole();
    match request.query_text("action") {
        "import" => import(state, path, zip, request.query("space"), request.now),
        "validate" => {
            let stored = read_bundle(path, zip, request.now)?;
            Ok(ApiResponse::Json(bundle_view::revision(path.organization, path.kind, path.name, None, &stored)))
        }
        other => {
            Err(ApiError::invalid_argument(format!("invalid action \"{other}\": set it to \"import\" or \"validate\"")))
        }
    }
}

/// `action=import`: a new revision. "`space` is only respected when creating a new proxy."
fn import(
    state: &mut State,
    path: BundleRef<'_>,
    zip: &[u8],
    space: Option<&str>,
    now: u64,
) -> Result<ApiResponse, ApiError> {
    let stored = read_bundle(path, zip, now)?;
    let max = state.settings.max_revisions;
    let organization = state.organization_mut(path.organization);
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
    match state.take_failure(path.name, |failure| *failure == SimulatedFailure::LostImportAnswer) {
        Some(_) => Err(ApiError::unavailable()),
        None => Ok(ApiResponse::Json(response)),
    }
}

/// A proxy or shared flow. It lists a new revision immediately, even while that revision is not found by its number.
fn get(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    state.bundle_message(BundleRef::of(kind, request)).map(ApiResponse::Json)
}

/// `PATCH …?updateMask=labels`; other fields of a proxy cannot be changed this way, and shared flows have no labels.
fn patch(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, update_mask) = (BundleRef::of(kind, request), request.query_text("updateMask"));
    let body = request.read(&API_PROXY)?;
    state.find(path)?;
    if update_mask != "labels" {
        return Err(ApiError::invalid_argument(format!("invalid update mask \"{update_mask}\": set it to \"labels\"")));
    }
    let labels: BTreeMap<String, String> = match body.get("labels") {
        None => BTreeMap::new(),
        Some(labels) => serde_json::from_value(labels.clone()).map_err(|error| {
            ApiError::invalid_argument(format!("Invalid value at 'labels': {error}; expected an object of strings"))
        })?,
    };
    if let Some(resource) = state.resource_mut(path) {
        resource.labels = labels;
        resource.modified = request.now;
    }
    state.bundle_message(path).map(ApiResponse::Json)
}

/// Deletes a proxy or shared flow that is not deployed.
fn delete(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let path = BundleRef::of(kind, request);
    let response = state.bundle_message(path)?;
    state.refuse_deployed(path, None, request.now)?;
    if let Some(organization) = state.organizations.get_mut(path.organization) {
        organization.resources.remove(&path.key());
    }
    Ok(ApiResponse::Json(response))
}

/// `:move`: into another space, or with an empty name out of any space.
fn move_to_space(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let path = BundleRef::of(kind, request);
    let body = request.read(&MOVE)?;
    let space = message::text(&body, "space");
    state.find(path)?;
    if let Some(resource) = state.resource_mut(path) {
        resource.space = Some(space.to_owned()).filter(|space| !space.is_empty());
        resource.modified = request.now;
    }
    state.bundle_message(path).map(ApiResponse::Json)
}

/// Only the revision numbers. The discovery document lacks this method; apigee-edge-js uses it.
fn list_revisions(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    Ok(ApiResponse::Json(state.bundle_message(BundleRef::of(kind, request))?["revision"].take()))
}

/// A revision, or with `format=bundle` its zip file, as it was uploaded.
fn get_revision(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id, now) = (BundleRef::of(kind, request), revision_id(request)?, request.now);
    let stored = state.visible_revision(path, id, now)?;
    match request.query_text("format") {
        "bundle" => Ok(ApiResponse::Bytes(stored.zip.clone())),
        _ => Ok(ApiResponse::Json(bundle_view::revision(path.organization, path.kind, path.name, Some(id), stored))),
    }
}

/// `updateApiProxyRevision` and `updateSharedFlowRevision`: replaces the bundle of a revision "that has never been deployed".
fn update_revision(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id, now) = (BundleRef::of(kind, request), revision_id(request)?, request.now);
    let old = state.visible_revision(path, id, now)?;
    let created = old.created;
    if old.was_deployed {
        let subject = path.revision(id);
        let description = format!("{subject} was deployed, so it cannot be changed; import a new revision.");
        let violation = Violation { kind: "IMMUTABLE", subject, description };
        return Err(ApiError::failed_precondition("the revision is immutable", &[violation]));
    }
    let stored = StoredRevision { created, ..read_bundle(path, request.body.whole(), now)? };
    let response = bundle_view::revision(path.organization, path.kind, path.name, Some(id), &stored);
    if let Some(resource) = state.resource_mut(path) {
        resource.modified = now;
        resource.revisions.insert(id, stored);
    }
    Ok(ApiResponse::Json(response))
}

/// Deletes a revision that is not deployed. Deleting the last revision deletes the resource, which Google's documentation leaves open.
fn delete_revision(state: &mut State, kind: BundleKind, request: &ApiRequest) -> Result<ApiResponse, ApiError> {
    let (path, id, now) = (BundleRef::of(kind, request), revision_id(request)?, request.now);
    let stored = state.visible_revision(path, id, now)?;
    let response = bundle_view::revision(path.organization, path.kind, path.name, Some(id), stored);
    state.refuse_deployed(path, Some(id), now)?;
    if let Some(organization) = state.organizations.get_mut(path.organization)
        && let Some(resource) = organization.resources.get_mut(&path.key())
    {
        resource.revisions.remove(&id);
        resource.modified = now;
        if resource.revisions.is_empty() {
            organization.resources.remove(&path.key());
        }
    }
    Ok(ApiResponse::Json(response))
}

impl State {
    /// `GoogleCloudApigeeV1ApiProxy` or `…SharedFlow`.
    fn bundle_message(&self, path: BundleRef<'_>) -> Result<Value, ApiError> {
        Ok(BundleView::new(path.kind, path.name, self.find(path)?).to_json())
    }

    fn resource_mut(&mut self, path: BundleRef<'_>) -> Option<&mut StoredBundle> {
        self.organizations.get_mut(path.organization)?.resources.get_mut(&path.key())
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
    let (kind, files): (BundleKind, Files) = unpack(zip).map_err(|error| bad_zip(error.to_string()))?;
    if kind != path.kind {
        return Err(bad_zip(format!("the zip file has the folder {}/, expected {}/", kind.root(), path.kind.root())));
    }
    let summary = inspect(kind, &files).map_err(|findings| ApiError::bad_bundle(&findings))?;
    Ok(StoredRevision { summary, created: now, modified: now, was_deployed: false, zip: zip.to_vec() })
}
