//! Calls about proxies, shared flows and their revisions.

use bytes::Bytes;
use reqwest::Method;

use crate::api::client::Client;
use crate::api::client::call::{Call, Sent};
use crate::api::reply::{Reply, is_about};
use crate::api::resource_name::ResourceName;
use crate::api::retry::Effect;
use crate::api::revision::{ProxyOrSharedFlow, Revision};
use crate::error::Error;
use crate::error::unexpected_response::ResponseProblem;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::RevisionId;

impl Client {
    /// Imports a bundle's zip as a new revision. After an ambiguous failure ([`Error::is_ambiguous`]) the caller must
    /// check whether the revision exists before it calls again.
    pub async fn import(&self, resource: ResourceName<'_>, zip: &Bytes) -> Result<(RevisionId, Revision), Error> {
        let call = upload_call(resource, "import", zip, Effect::Create);
        let numbered = |reply: &Reply| {
            let revision: Revision = reply.message()?;
            let missing = || ResponseProblem::Field("it has no `revision`".to_owned());
            Ok((revision.revision.ok_or_else(missing)?, revision))
        };
        self.answer(&call, numbered).await
    }

    /// The proxy or shared flow with its revisions; `None` if it does not exist.
    pub async fn resource(&self, resource: ResourceName<'_>) -> Result<Option<ProxyOrSharedFlow>, Error> {
        let needs = match resource.kind {
            BundleKind::Proxy => "apigee.proxies.get",
            BundleKind::SharedFlow => "apigee.sharedflows.get",
        };
        let parts =
            vec!["organizations", resource.organization.as_str(), resource.kind.collection(), resource.name.as_str()];
        let is_it = |found: &ProxyOrSharedFlow| is_about("name", resource.name.as_str(), &found.name);
        match self.call_about(Call::read(parts, needs), is_it).await {
            Err(error) if error.is_not_found() => Ok(None),
            other => other.map(Some),
        }
    }

    /// One revision.
    pub async fn revision(&self, resource: ResourceName<'_>, id: RevisionId) -> Result<Revision, Error> {
        let number = id.to_string();
        let is_it = |found: &Revision| {
            is_about("revision", &number, &found.revision.map(|id| id.to_string()).unwrap_or_default())
        };
        self.call_about(revision_call(resource, &number), is_it).await
    }

    /// The zip of one revision, as stored by Apigee.
    pub async fn revision_zip(&self, resource: ResourceName<'_>, id: RevisionId) -> Result<Vec<u8>, Error> {
        let id = id.to_string();
        let call = revision_call(resource, &id);
        let zip = |reply: &Reply| reply.file("a zip file", |bytes| bytes.starts_with(b"PK"));
        self.answer(&Call { query: vec![("format", "bundle")], ..call }, zip).await
    }

    /// Deletes a revision that is not deployed anywhere. A missing revision is not an error.
    pub async fn delete_revision(&self, resource: ResourceName<'_>, id: RevisionId) -> Result<(), Error> {
        let id = id.to_string();
        let (organization, collection) = (resource.organization.as_str(), resource.kind.collection());
        let needs = match resource.kind {
            BundleKind::Proxy => "apigee.proxyrevisions.delete",
            BundleKind::SharedFlow => "apigee.sharedflowrevisions.delete",
        };
        self.delete(vec!["organizations", organization, collection, resource.name.as_str(), "revisions", &id], needs)
            .await
    }

    /// Deletes a proxy or shared flow with all its revisions, none of which may be deployed. A missing one is not an
    /// error.
    pub async fn delete_resource(&self, resource: ResourceName<'_>) -> Result<(), Error> {
        let needs = match resource.kind {
            BundleKind::Proxy => "apigee.proxies.delete",
            BundleKind::SharedFlow => "apigee.sharedflows.delete",
        };
        let (organization, collection) = (resource.organization.as_str(), resource.kind.collection());
        self.delete(vec!["organizations", organization, collection, resource.name.as_str()], needs).await
    }
}

/// The call that uploads a bundle.
fn upload_call<'a>(resource: ResourceName<'a>, action: &'a str, zip: &Bytes, effect: Effect) -> Call<'a> {
    Call {
        method: Method::POST,
        parts: vec!["organizations", resource.organization.as_str(), resource.kind.collection()],
        custom: None,
        query: vec![("name", resource.name.as_str()), ("action", action)],
        body: Sent::Zip(zip.clone()),
        effect,
        needs: match resource.kind {
            BundleKind::Proxy => "apigee.proxies.create",
            BundleKind::SharedFlow => "apigee.sharedflows.create",
        },
    }
}

/// The call that reads a revision.
fn revision_call<'a>(resource: ResourceName<'a>, id: &'a str) -> Call<'a> {
    let needs = match resource.kind {
        BundleKind::Proxy => "apigee.proxyrevisions.get",
        BundleKind::SharedFlow => "apigee.sharedflowrevisions.get",
    };
    let (organization, collection) = (resource.organization.as_str(), resource.kind.collection());
    Call::read(vec!["organizations", organization, collection, resource.name.as_str(), "revisions", id], needs)
}
