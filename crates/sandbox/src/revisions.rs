//! Proxies, shared flows and their revisions: import, read and delete.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::fault::{BadFile, Fault, Violation};
use super::inspect::inspect;
use super::message::{Message, Type};
use super::state::{Deployed, Filter, Mishap, Path, Resource, State, Stored};
use super::view::{self, ResourceView};
use apigee_flux_model::bundle::zip::{MAX_BUNDLE_BYTES, unpack};
use apigee_flux_model::bundle::{BundleKind, Files};
use apigee_flux_model::names::{Name, RevisionId};

/// The options of a list of proxies or shared flows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Listing<'a> {
    pub(super) revisions: bool,
    pub(super) meta_data: bool,
    /// Only resources of this space; empty: all.
    pub(super) space: &'a str,
}

/// `GoogleCloudApigeeV1ApiProxy`.
pub(super) const API_PROXY: Message = Message {
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
pub(super) const MOVE: Message = Message { name: "move_request", fields: &[("space", Type::Text)] };

impl State {
    /// `action=validate`: the revision that an import would create.
    pub(super) fn validate(path: Path<'_>, zip: &[u8], now: u64) -> Result<Value, Fault> {
        let stored = read_bundle(path, zip, now)?;
        Ok(view::revision(path.organization, path.kind, path.name, None, &stored))
    }

    /// `action=import`: a new revision. "`space` is only respected when creating a new proxy."
    pub(super) fn import(&mut self, path: Path<'_>, zip: &[u8], space: Option<&str>, now: u64) -> Result<Value, Fault> {
        let stored = read_bundle(path, zip, now)?;
        let max = self.settings.max_revisions;
        let organization = self.organization_mut(path.organization);
        let resource = organization.resources.entry(path.key()).or_insert_with(|| Resource {
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
            return Err(Fault::failed_precondition("the limit of revisions is reached", &[violation]));
        }
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

    /// `updateApiProxyRevision` and `updateSharedFlowRevision`: replaces the bundle of a revision "that has never been deployed".
    pub(super) fn update_revision(
        &mut self,
        path: Path<'_>,
        id: RevisionId,
        zip: &[u8],
        now: u64,
    ) -> Result<Value, Fault> {
        let old = self.visible_revision(path, id, now)?;
        let created = old.created;
        if old.was_deployed {
            let subject = path.revision(id);
            let description = format!("{subject} was deployed, so it cannot be changed; import a new revision.");
            let violation = Violation { kind: "IMMUTABLE", subject, description };
            return Err(Fault::failed_precondition("the revision is immutable", &[violation]));
        }
        let stored = Stored { created, ..read_bundle(path, zip, now)? };
        let answer = view::revision(path.organization, path.kind, path.name, Some(id), &stored);
        if let Some(resource) = self.resource_mut(path) {
            resource.modified = now;
            resource.revisions.insert(id, stored);
        }
        Ok(answer)
    }

    fn resource_mut(&mut self, path: Path<'_>) -> Option<&mut Resource> {
        self.organizations.get_mut(path.organization)?.resources.get_mut(&path.key())
    }

    /// The list of an organization's proxies or shared flows.
    pub(super) fn list(&self, organization: &str, kind: BundleKind, listing: Listing<'_>) -> Value {
        let resources = self.organizations.get(organization).map(|organization| &organization.resources);
        let list: Vec<Value> = resources
            .into_iter()
            .flatten()
            .filter(|((other, _), _)| *other == kind)
            .filter(|(_, resource)| listing.space.is_empty() || resource.space.as_deref() == Some(listing.space))
            .map(|((_, name), resource)| {
                let all = ResourceView::new(kind, name, resource);
                ResourceView {
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
        view::prune(json!({ field: list }))
    }

    /// A proxy or shared flow. It lists a new revision immediately, even while that revision is not found by its number.
    pub(super) fn get(&self, path: Path<'_>) -> Result<Value, Fault> {
        Ok(ResourceView::new(path.kind, path.name, self.find(path)?).to_json())
    }

    /// A revision.
    pub(super) fn revision(&self, path: Path<'_>, id: RevisionId, now: u64) -> Result<Value, Fault> {
        let stored = self.visible_revision(path, id, now)?;
        Ok(view::revision(path.organization, path.kind, path.name, Some(id), stored))
    }

    /// A revision's zip, as it was uploaded.
    pub(super) fn bundle(&self, path: Path<'_>, id: RevisionId, now: u64) -> Result<Vec<u8>, Fault> {
        Ok(self.visible_revision(path, id, now)?.zip.clone())
    }

    /// `PATCH …?updateMask=labels`; other fields of a proxy cannot be changed this way, and shared flows have no labels.
    pub(super) fn patch_proxy(
        &mut self,
        path: Path<'_>,
        update_mask: &str,
        body: &Value,
        now: u64,
    ) -> Result<Value, Fault> {
        let body = API_PROXY.check(body)?;
        self.find(path)?;
        if update_mask != "labels" {
            return Err(Fault::invalid_argument(format!(
                "invalid update mask \"{update_mask}\": set it to \"labels\""
            )));
        }
        let labels: BTreeMap<String, String> = match body.get("labels") {
            None => BTreeMap::new(),
            Some(labels) => serde_json::from_value(labels.clone()).map_err(|error| {
                Fault::invalid_argument(format!("Invalid value at 'labels': {error}; expected an object of strings"))
            })?,
        };
        if let Some(resource) = self.resource_mut(path) {
            resource.labels = labels;
            resource.modified = now;
        }
        self.get(path)
    }

    /// `:move`: into another space, or with an empty name out of any space.
    pub(super) fn move_to_space(&mut self, path: Path<'_>, space: &str, now: u64) -> Result<Value, Fault> {
        self.find(path)?;
        if let Some(resource) = self.resource_mut(path) {
            resource.space = Some(space.to_owned()).filter(|space| !space.is_empty());
            resource.modified = now;
        }
        self.get(path)
    }

    /// Deletes a proxy or shared flow that is not deployed.
    pub(super) fn delete(&mut self, path: Path<'_>, now: u64) -> Result<Value, Fault> {
        let answer = self.get(path)?;
        self.refuse_deployed(path, None, now)?;
        if let Some(organization) = self.organizations.get_mut(path.organization) {
            organization.resources.remove(&path.key());
        }
        Ok(answer)
    }

    /// Deletes a revision that is not deployed. Deleting the last revision deletes the resource, which Google's documentation leaves open.
    pub(super) fn delete_revision(&mut self, path: Path<'_>, id: RevisionId, now: u64) -> Result<Value, Fault> {
        let answer = self.revision(path, id, now)?;
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
        Ok(answer)
    }

    /// A revision that still serves while a new one is PROGRESSING counts as deployed.
    fn refuse_deployed(&self, path: Path<'_>, revision: Option<RevisionId>, now: u64) -> Result<(), Fault> {
        let filter = Filter { kind: path.kind, environment: None, name: Some(path.name), revision };
        let blocks = |deployed: &&Deployed| {
            let any = Filter { revision: None, ..filter };
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
                Err(Fault::failed_precondition("resource is deployed", &[violation]))
            }
        }
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
    let (kind, files): (BundleKind, Files) = unpack(zip).map_err(|error| bad_zip(error.to_string()))?;
    if kind != path.kind {
        return Err(bad_zip(format!("the zip file has the folder {}/, expected {}/", kind.root(), path.kind.root())));
    }
    let summary = inspect(kind, &files).map_err(|findings| Fault::bad_bundle(&findings))?;
    Ok(Stored { summary, created: now, modified: now, was_deployed: false, zip: zip.to_vec() })
}
