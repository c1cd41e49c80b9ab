//! What an organization runs, and the origin of each resource: repository, commit, owner and so on for managed
//! resources, and "outside Git" for the others. Nothing is written.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;

use crate::api::client::Client;
use crate::api::deployment::{Deployment, RuntimeState};
use crate::api::resource_name::ResourceName;
use crate::compare::vouched::is_seen;
use crate::error::Error;
use crate::records::history::read_history;
use crate::records::register::Register;
use apigee_flux_configuration::history::{HistoryAction, HistoryEntry, HistoryPage};
use apigee_flux_configuration::{Id, OwnedPlace, Record};
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
    /// The repository of the commit.
    pub source: Option<String>,
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
    /// The namespace whose Jobs apply it.
    pub namespace: Option<String>,
    /// The identity of the cluster whose Jobs apply it.
    pub cluster: Option<String>,
    /// When it was last changed in Apigee, RFC 3339.
    pub changed: Option<String>,
    /// A Cloud Logging filter that finds who changed it; Apigee itself does not report this.
    pub log_filter: String,
}

/// What a reconciler did to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryRow {
    /// When, RFC 3339.
    pub time: String,
    /// `deleted` or `repaired`.
    pub action: HistoryAction,
    /// The organization.
    pub organization: String,
    /// The environment; `None` for a resource of the organization.
    pub environment: Option<String>,
    /// The kind as in specs.
    pub kind: String,
    /// Its name, preceded by its parent.
    pub name: String,
    /// The owner whose reconciler it was.
    pub owner: String,
    /// The namespace of the reconciler.
    pub namespace: Option<String>,
    /// The identity of its cluster.
    pub cluster: Option<String>,
    /// The repository of the desired state.
    pub source: Option<String>,
    /// The commit of the desired state.
    pub commit: Option<String>,
    /// Why, or what differed.
    pub reason: String,
}

/// The last deletions and repairs of all reconcilers in the environments and the organization, the newest first.
pub async fn history(client: &Client, organization: &Name, environments: &[Name]) -> Result<Vec<HistoryRow>, Error> {
    let environments = environments.iter().map(|environment| Some(environment.to_string()));
    let mut rows = Vec::new();
    for environment in environments.chain([None]) {
        let place = OwnedPlace { organization: organization.to_string(), environment };
        for HistoryPage { owner, namespace, cluster, history } in read_history(client, place.as_place()).await? {
            rows.extend(history.into_iter().map(|HistoryEntry { time, action, id, commit, source, reason }| {
                HistoryRow {
                    time,
                    action,
                    organization: place.organization.clone(),
                    environment: place.environment.clone(),
                    name: id.path(),
                    kind: id.kind,
                    owner: owner.clone(),
                    namespace: namespace.clone(),
                    cluster: cluster.clone(),
                    source,
                    commit,
                    reason,
                }
            }));
        }
    }
    // All times are in UTC and of one length. The sort keeps the order of equal ones.
    rows.sort_by(|a, b| b.time.cmp(&a.time));
    Ok(rows)
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
        let place = OwnedPlace { organization: organization.to_string(), environment: Some(environment.to_string()) };
        let mut known: BTreeMap<Id, Record> = BTreeMap::new();
        for record in Register::read(client, place.as_place()).await?.records() {
            if is_bundle(record) {
                known.insert(record.id.clone(), record.clone());
            } else {
                rows.push(of_record(&place, record));
            }
        }
        for kind in BundleKind::ALL {
            let deployments = client.environment_deployments(organization, environment, kind).await?;
            let found = deployments.into_iter().map(|deployment| {
                let id = Id { kind: kind.resource_kind().to_owned(), parent: None, name: deployment.api_proxy.clone() };
                bundle(client, organization, environment, kind, deployment, known.get(&id).cloned(), state)
            });
            let found: Vec<_> = found.collect();
            let found: Vec<Row> = stream::iter(found).buffer_unordered(DEFAULT_WORKERS.get()).try_collect().await?;
            rows.extend(found);
        }
    }
    let place = OwnedPlace { organization: organization.to_string(), environment: None };
    let register = Register::read(client, place.as_place()).await?;
    rows.extend(register.records().map(|record| of_record(&place, record)));
    rows.sort_by(|a, b| (&a.environment, &a.kind, &a.name).cmp(&(&b.environment, &b.kind, &b.name)));
    Ok(rows)
}

fn is_bundle(record: &Record) -> bool {
    BundleKind::ALL.iter().any(|kind| kind.resource_kind() == record.id.kind)
}

async fn bundle(
    client: &Client,
    organization: &Name,
    environment: &Name,
    kind: BundleKind,
    deployment: Deployment,
    record: Option<Record>,
    state: bool,
) -> Result<Row, Error> {
    let name: Name = deployment.api_proxy.parse().map_err(Error::Usage)?;
    let resource = ResourceName { organization, kind, name: &name };
    let id = deployment.revision;
    let state = if state { Some(client.deployment(resource, environment, id).await?) } else { None };
    let known = record.as_ref().and_then(|record| recorded(record, &deployment));
    let (stamp, changed) = if let Some((stamp, modified)) = known {
        (Some(stamp), Some(modified))
    } else {
        let revision = client.revision(resource, id).await?;
        (RevisionRecord::parse(&revision.description), revision.changed())
    };
    let path = format!("organizations/{organization}/{}/{name}/revisions/{id}", kind.collection());
    let origin = if record.is_some() || stamp.is_some() { Origin::Git } else { Origin::Outside };
    let Provenance { source, commit, tag, author, time } = made_by(record.as_ref(), stamp.as_ref());
    Ok(Row {
        organization: organization.to_string(),
        environment: Some(environment.to_string()),
        kind: kind.resource_kind().to_owned(),
        name: name.to_string(),
        origin,
        revision: Some(id.to_string()),
        state: state.as_ref().map(shown),
        digest: stamp.map(|stamp| stamp.digest.to_string()),
        source,
        commit,
        tag,
        author,
        time,
        owner: record.as_ref().map(|record| record.owner.clone()),
        namespace: record.as_ref().and_then(|record| record.namespace.clone()),
        cluster: record.and_then(|record| record.cluster),
        changed: changed.map(rfc3339),
        log_filter: log_filter(&path, None),
    })
}

/// What the record of a bundle says of its deployment, and when the revision was last changed, if a run has confirmed this deployment and the
/// record names the state of Git: then the revision need not be read.
fn recorded(record: &Record, deployment: &Deployment) -> Option<(RevisionRecord, u64)> {
    let modified = record.revision.as_ref().filter(|known| is_seen(known, deployment))?.modified?;
    let digest = format!("sha256:{}", record.digest).parse().ok()?;
    (record.provenance != Provenance::default()).then(|| (RevisionRecord::new(digest, &record.provenance), modified))
}

/// The state of Git that made a deployment. The record of this environment knows it if it is about the deployed bundle;
/// otherwise the revision names the commit that it was imported from, perhaps for another environment.
fn made_by(record: Option<&Record>, stamp: Option<&RevisionRecord>) -> Provenance {
    let Some(stamp) = stamp else { return Provenance::default() };
    let same = record.filter(|record| record.digest == stamp.digest.hex());
    if let Some(record) = same.filter(|record| record.provenance != Provenance::default()) {
        return record.provenance.clone();
    }
    let RevisionRecord { source, commit, tag, author, time, .. } = stamp.clone();
    Provenance { source, commit, tag, author, time }
}

/// The state, with the route conflicts that make it unusable.
fn shown(deployment: &Deployment) -> String {
    if deployment.state == RuntimeState::Ready && !deployment.route_conflicts.is_empty() {
        return "READY with routeConflicts".to_owned();
    }
    deployment.state.to_string()
}

fn of_record(place: &OwnedPlace, record: &Record) -> Row {
    let Record { id, owner, namespace, cluster, digest, provenance, .. } = record.clone();
    let Provenance { source, commit, tag, author, time } = provenance;
    Row {
        organization: place.organization.clone(),
        environment: place.environment.clone(),
        name: id.path(),
        origin: Origin::Git,
        revision: None,
        state: None,
        digest: Some(digest),
        source,
        commit,
        tag,
        author,
        time,
        owner: Some(owner),
        namespace,
        cluster,
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
