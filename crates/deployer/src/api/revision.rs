//! Proxies, shared flows and their revisions, as in the responses of the management API.
//!
//! Field names are those of the schemas `GoogleCloudApigeeV1ApiProxy`, `…SharedFlow`, `…ApiProxyRevision` and
//! `…SharedFlowRevision` of the discovery document `apigee.v1`; only what this program reads is named.

use serde::Deserialize;

use apigee_flux_configuration::Shape;
use apigee_flux_model::names::RevisionId;

use crate::api::reply::Message;

/// A proxy or shared flow with the numbers of its revisions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyOrSharedFlow {
    /// Its name.
    pub name: String,
    /// Every existing revision; the order is not specified.
    #[serde(default)]
    pub revision: Vec<RevisionId>,
    /// Created by an archive deployment: it accepts no new revision.
    #[serde(default)]
    pub read_only: bool,
}

impl Message for ProxyOrSharedFlow {
    const SHAPE: Shape = Shape::with(&["name"]);
}

/// One revision.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Its number.
    #[serde(default)]
    pub revision: Option<RevisionId>,
    /// The `<Description>` of the bundle's root XML file; it carries the `RevisionRecord`.
    #[serde(default)]
    pub description: String,
    /// At least one of its policies is extensible, which determines the type and the billing of its deployments. Proxies only.
    #[serde(default)]
    pub has_extensible_policy: bool,
    /// The base paths of its endpoints. Proxies only.
    #[serde(default)]
    pub basepaths: Vec<String>,
    /// When it was created, in milliseconds since 1970, as a string.
    #[serde(default)]
    pub created_at: String,
    /// When it was last changed, likewise.
    #[serde(default)]
    pub last_modified_at: String,
}

impl Message for Revision {
    const SHAPE: Shape = Shape::with(&["revision", "name"]);
}

impl Revision {
    /// When it was last changed, in milliseconds since 1970.
    pub fn changed(&self) -> Option<u64> {
        [&self.last_modified_at, &self.created_at].into_iter().find_map(|text| text.parse().ok())
    }
}
