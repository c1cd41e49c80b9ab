//! A proxy or shared flow with its revisions: what is stored, and how it is found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bundle_summary::BundleSummary;
use super::{State, stored_form};
use crate::api::{ApiError, ApiRequest};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::RevisionId;

/// A proxy or shared flow.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredBundle {
    pub(crate) revisions: BTreeMap<RevisionId, StoredRevision>,
    /// The number of the next revision; numbers are never reused.
    pub(crate) next: RevisionId,
    pub(crate) created: u64,
    pub(crate) modified: u64,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) space: Option<String>,
}

/// A revision.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoredRevision {
    pub(crate) summary: BundleSummary,
    pub(crate) created: u64,
    pub(crate) modified: u64,
    /// Whether it was ever deployed, so that it is immutable.
    pub(crate) was_deployed: bool,
    #[serde(with = "stored_form::base64_text")]
    pub(crate) zip: Vec<u8>,
}

/// A proxy or shared flow in a request's path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BundleRef<'a> {
    pub(crate) organization: &'a str,
    pub(crate) kind: BundleKind,
    pub(crate) name: &'a str,
}

impl<'a> BundleRef<'a> {
    /// The one in the path of a request.
    pub(crate) fn of(kind: BundleKind, request: &'a ApiRequest) -> Self {
        Self { organization: request.organization(), kind, name: request.parameter("name") }
    }

    pub(crate) fn key(&self) -> (BundleKind, String) {
        (self.kind, self.name.to_owned())
    }

    /// The resource name in Apigee, for example `organizations/o/apis/a`.
    pub(crate) fn full(&self) -> String {
        format!("organizations/{}/{}/{}", self.organization, self.kind.collection(), self.name)
    }

    pub(crate) fn revision(&self, id: RevisionId) -> String {
        format!("{}/revisions/{id}", self.full())
    }
}

/// The revision in the path of a request.
pub(crate) fn revision_id(request: &ApiRequest) -> Result<RevisionId, ApiError> {
    request.parameter("rev").parse().map_err(|why: String| ApiError::invalid_argument(why))
}

impl State {
    pub(crate) fn find(&self, path: BundleRef<'_>) -> Result<&StoredBundle, ApiError> {
        self.organizations
            .get(path.organization)
            .and_then(|organization| organization.resources.get(&path.key()))
            .ok_or_else(|| ApiError::not_found(format!("generic::not_found: {} not found", path.full())))
    }

    /// A revision that exists, whether or not it is visible to requests yet.
    pub(crate) fn find_revision(&self, path: BundleRef<'_>, id: RevisionId) -> Result<&StoredRevision, ApiError> {
        self.find(path)?.revisions.get(&id).ok_or_else(|| no_revision(path, id))
    }

    /// A revision that is visible to requests, which may be some time after its import (`Settings::visible_after`).
    pub(crate) fn visible_revision(
        &self,
        path: BundleRef<'_>,
        id: RevisionId,
        now: u64,
    ) -> Result<&StoredRevision, ApiError> {
        let stored = self.find_revision(path, id)?;
        if now.saturating_sub(stored.created) < self.settings.visible_after {
            return Err(no_revision(path, id));
        }
        Ok(stored)
    }
}

fn no_revision(path: BundleRef<'_>, id: RevisionId) -> ApiError {
    ApiError::not_found(format!("generic::not_found: {} not found", path.revision(id)))
}
