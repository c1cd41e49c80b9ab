//! What an organization runs, and the origin of each resource: commit, tag, author and time for managed resources, and
//! "outside Git" for the others. Nothing is written.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use crate::api::client::Client;
use crate::api::deployment::{Deployment, RuntimeState};
use crate::api::resource_name::ResourceName;
use crate::error::Error;
use crate::records::register::Register;
use apigee_flux_configuration::{OwnedPlace, Record};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::bundle::batch::DEFAULT_WORKERS;
use apigee_flux_model::duration::rfc3339;
use apigee_flux_model::names::Name;
use apigee_flux_model::provenance::Provenance;

/// The origin of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It is managed by apigee-flux.
    Git,
    /// It was created by another client.
    Outside,
}

/// One resource in Apigee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The organization.
    pub organization: String,
    /// The environment; `None` for a resource of the organization.
    pub environment: Option<String>,
    /// The kind as in specs, for example `ApigeeProxy`.
    pub kind: String,
    /// Its name, preceded by its parent.
    pub name: String,
    /// Its origin.
    pub origin: Origin,
    /// The deployed revision of a proxy or shared flow.
    pub revision: Option<String>,
    /// The state that the runtime reports.
    pub state: Option<String>,
    /// The digest of the applied state.
    pub digest: Option<String>,
    /// The commit that was rendered.
    pub commit: Option<String>,
    /// The tag that was rendered.
    pub tag: Option<String>,
    /// The author of the commit.
    pub author: Option<String>,
    /// When the commit was made.
    pub time: Option<String>,
    /// The owner of the desired state.
    pub owner: Option<String>,
    /// When it was last changed in Apigee, RFC 3339.
    pub changed: Option<String>,
    /// A Cloud Logging filter that finds who changed it; Apigee itself does not report this.
    pub log_filter: String,
}

/// All deployed proxies and shared flows of the environments, and all configuration that has a record. With `state`,
/// the runtime state of each deployment is read too.
pub async fn audit(
    client: &Client,
    organization: &Name,
    environments: &[Name],
    state: bool,
) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for environment in environments {
        for kind in BundleKind::ALL {
            let deployments = client.environment_deployments(organization, environment, kind).await?;
            let found = deployments
                .into_iter()
                .map(|deployment| bundle(client, organization, environment, kind, deployment, state));
            let found: Vec<Row> = stream::iter(found).buffer_unordered(DEFAULT_WORKERS.get()).try_collect().await?;
            rows.extend(found);
        }
        let place = OwnedPlace { organization: organization.to_string(), environment: Some(environment.to_string()) };
        rows.extend(records(client, &place).await?);
    }
    rows.extend(records(client, &OwnedPlace { organization: organization.to_string(), environment: None }).await?);
    rows.sort_by(|a, b| (&a.environment, &a.kind, &a.name).cmp(&(&b.environment, &b.kind, &b.name)));
    Ok(rows)
}

async fn bundle(
    client: &Client,
    organization: &Name,
    environment: &Name,
    kind: BundleKind,
    deployment: Deployment,
    state: bool,
) -> Result<Row, Error> {
    let name: Name = deployment.api_proxy.parse().map_err(Error::Usage)?;
    let resource = ResourceName { organization, kind, name: &name };
    let id = deployment.revision;
    let revision = client.revision(resource, id).await?;
    let state = if state { Some(client.deployment(resource, environment, id).await?) } else { None };
    let record = RevisionRecord::parse(&revision.description);
    let path = format!("organizations/{organization}/{}/{name}/revisions/{id}", kind.collection());
    Ok(Row {
        organization: organization.to_string(),
        environment: Some(environment.to_string()),
        kind: kind.resource_kind().to_owned(),
        name: name.to_string(),
        origin: if record.is_some() { Origin::Git } else { Origin::Outside },
        revision: Some(id.to_string()),
        state: state.as_ref().map(shown),
        digest: record.as_ref().map(|record| record.digest.to_string()),
        commit: record.as_ref().and_then(|record| record.commit.clone()),
        tag: record.as_ref().and_then(|record| record.tag.clone()),
        author: record.as_ref().and_then(|record| record.author.clone()),
        time: record.and_then(|record| record.time),
        owner: None,
        changed: revision.changed().map(rfc3339),
        log_filter: log_filter(&path, None),
    })
}

/// The state, with the route conflicts that make it unusable.
fn shown(deployment: &Deployment) -> String {
    if deployment.state == RuntimeState::Ready && !deployment.route_conflicts.is_empty() {
        return "READY with routeConflicts".to_owned();
    }
    deployment.state.to_string()
}

async fn records(client: &Client, place: &OwnedPlace) -> Result<Vec<Row>, Error> {
    let register = Register::read(client, place.as_place()).await?;
    // Deployed bundles are listed with their own record.
    let is_bundle = |record: &Record| BundleKind::ALL.iter().any(|kind| kind.resource_kind() == record.id.kind);
    Ok(register.records().filter(|record| !is_bundle(record)).map(|record| of_record(place, record)).collect())
}

fn of_record(place: &OwnedPlace, record: &Record) -> Row {
    let Record { id, owner, digest, provenance, .. } = record.clone();
    let Provenance { commit, tag, author, time, .. } = provenance;
    Row {
        organization: place.organization.clone(),
        environment: place.environment.clone(),
        name: id.path(),
        origin: Origin::Git,
        revision: None,
        state: None,
        digest: Some(digest),
        commit,
        tag,
        author,
        time,
        owner: Some(owner),
        changed: None,
        log_filter: log_filter(&format!("{}/", place.as_place().path(&[]).join("/")), Some(&id.name)),
        kind: id.kind,
    }
}

/// Cloud Logging records who called which method on which resource (Google Cloud, "Apigee audit logging").
fn log_filter(path: &str, name: Option<&str>) -> String {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let parts = [Some(path), name].into_iter().flatten();
    let parts = parts.map(|part| format!(" AND protoPayload.resourceName:\"{}\"", quoted(part)));
    format!("protoPayload.serviceName=\"apigee.googleapis.com\"{}", parts.collect::<String>())
}
