//! Makes an environment equal to an inventory: configuration, then proxies and shared flows, then what names those, and last what left Git.
//!
//! A Job deploys one thing when Git changes; this looks at all of it at any time, finds what was changed behind Git's back, and repairs it
//! or reports it. What a Job deployed a moment ago is left to the next run, so that a run which began with an older inventory takes nothing
//! back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Error;
use super::apply::{Applied, ApplyEvent, ApplyReport, Ending, Options, Progress, Secrets, apply};
use super::batch::{BatchEvent, deploy_batch};
use super::client::Client;
use super::deploy::{self, Target};
use super::deployment::Deployment;
use super::mount::MountedBundle;
use super::outcome::{self, Report};
use super::prune::{Kept, prune};
use super::register::{self, Register};
use crate::bundle::BundleKind;
use crate::configuration::document::{Document, SCHEMA_VERSION};
use crate::configuration::{Entry, Id, OwnedPlace, Record, WhenGone};
use crate::inventory::{Inventory, InventoryBundle};
use crate::spec;

/// A deployment that is younger belongs to a Job that may know a newer state of Git.
pub const YOUNG: Duration = Duration::from_mins(2);

/// How to reconcile.
#[derive(Debug, Clone)]
pub struct Reconcile {
    /// How configuration is applied; the rest follows it.
    pub options: Options,
    /// What may be deleted at once; none: what left Git stays.
    pub max_deletes: Option<usize>,
    /// A deployment that is younger is left alone.
    pub young: Duration,
}

/// Reconciles. What happened is in the report, one entry for each proxy, shared flow and resource.
pub async fn reconcile(
    client: &Client,
    target: &Target,
    inventory: &Inventory,
    bundles: Vec<MountedBundle>,
    secrets: Secrets,
    how: &Reconcile,
    progress: Progress,
) -> Result<ApplyReport, Error> {
    let run = Run {
        client,
        target,
        place: OwnedPlace {
            organization: target.organization.to_string(),
            environment: Some(target.environment.to_string()),
        },
        inventory,
        secrets,
        how,
        progress,
    };
    run.all(bundles).await
}

struct Run<'a> {
    client: &'a Client,
    target: &'a Target,
    place: OwnedPlace,
    inventory: &'a Inventory,
    secrets: Secrets,
    how: &'a Reconcile,
    progress: Progress,
}

impl Run<'_> {
    async fn all(&self, bundles: Vec<MountedBundle>) -> Result<ApplyReport, Error> {
        let mut report = ApplyReport::default();
        let (before, after): (Vec<Entry>, Vec<Entry>) =
            self.inventory.environment.iter().cloned().partition(|entry| !after_bundles(entry));
        report.extend(self.apply(&self.place, before).await?);
        report.extend(self.bundles(bundles).await?);
        report.extend(self.apply(&self.place, after).await?);
        let organization = OwnedPlace { environment: None, ..self.place.clone() };
        if let Some(entries) = &self.inventory.organization {
            report.extend(self.apply(&organization, entries.clone()).await?);
        }
        if let Some(max_deletes) = self.how.max_deletes {
            let ids = self.inventory.bundles.iter().map(id).chain(self.inventory.environment.iter().map(own_id));
            let mut kept = vec![Kept { place: self.place.clone(), ids: ids.collect() }];
            if let Some(entries) = &self.inventory.organization {
                kept.push(Kept { place: organization, ids: entries.iter().map(own_id).collect() });
            }
            let progress = Arc::clone(&self.progress);
            report.extend(prune(self.client, &kept, max_deletes, &self.how.options, progress).await?);
        }
        Ok(report)
    }

    async fn apply(&self, place: &OwnedPlace, resources: Vec<Entry>) -> Result<ApplyReport, Error> {
        if resources.is_empty() {
            return Ok(ApplyReport::default());
        }
        let document = Document { schema_version: SCHEMA_VERSION, resources };
        let (secrets, progress) = (Arc::clone(&self.secrets), Arc::clone(&self.progress));
        apply(self.client, place, &document, secrets, &self.how.options, progress).await
    }

    async fn bundles(&self, bundles: Vec<MountedBundle>) -> Result<ApplyReport, Error> {
        let young = self.young(&bundles).await?;
        let (skipped, bundles): (Vec<MountedBundle>, Vec<MountedBundle>) =
            bundles.into_iter().partition(|bundle| young.contains(&(bundle.kind, bundle.name.to_string())));
        let mut report = ApplyReport::default();
        for bundle in skipped {
            report.resources.push(Applied {
                id: bundle_id(bundle.kind, bundle.name.as_str()),
                result: Ending::Unchanged,
                reason: "it was deployed a moment ago: the next run looks at it".to_owned(),
                fields: Vec::new(),
                exit_code: 0,
            });
        }
        let options = deploy::Options {
            timeout: self.how.options.timeout,
            polling: self.how.options.polling,
            provenance: self.how.options.provenance.clone(),
            ..deploy::Options::default()
        };
        let (progress, place) = (Arc::clone(&self.progress), self.place.clone());
        let told = Arc::new(move |event: BatchEvent<'_>| match event {
            BatchEvent::Step(bundle, event) => {
                progress(ApplyEvent::Step(&bundle_id(bundle.kind, bundle.name.as_str()), event));
            }
            BatchEvent::Ended(report) => progress(ApplyEvent::Ended(place.as_place(), &of_bundle(report))),
        });
        let stop = self.client.stop().clone();
        let stopped = async move { stop.requested().await };
        let workers = self.how.options.workers;
        let done = deploy_batch(self.client, bundles, self.target, &options, workers, told, stopped).await?;
        report.writes = done.reports.iter().map(|report| report.outcome.writes).sum();
        report.resources.extend(done.reports.iter().map(of_bundle));
        self.remember(&done.reports, &mut report).await?;
        Ok(report)
    }

    /// Proxies and shared flows that were deployed a moment ago.
    async fn young(&self, bundles: &[MountedBundle]) -> Result<BTreeSet<(BundleKind, String)>, Error> {
        let mut young = BTreeSet::new();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let is_young =
            |deployment: &Deployment| now.saturating_sub(Duration::from_millis(deployment.started())) < self.how.young;
        for kind in BundleKind::ALL {
            if bundles.iter().any(|bundle| bundle.kind == kind) {
                let Target { organization, environment } = self.target;
                let list = self.client.environment_deployments(organization, environment, kind).await?;
                young.extend(list.into_iter().filter(is_young).map(|deployment| (kind, deployment.api_proxy)));
            }
        }
        Ok(young)
    }

    /// Keeps a record of each proxy and shared flow that is to go when it leaves Git.
    async fn remember(&self, reports: &[Report], total: &mut ApplyReport) -> Result<(), Error> {
        let policies: BTreeMap<Id, WhenGone> =
            self.inventory.bundles.iter().map(|bundle| (id(bundle), bundle.when_gone)).collect();
        let client = self.client.with_own_count();
        let mut register = Register::read(&client, self.place.as_place()).await?;
        for report in reports.iter().filter(|report| report.exit_code == 0) {
            let id = of_bundle(report).id;
            let when_gone = policies.get(&id).copied().unwrap_or_default();
            let known = register.get(&id).cloned();
            // A revert in Git that leaves a proxy to itself must not leave the order to delete it.
            let needed = when_gone != WhenGone::Orphan || known.is_some();
            let digest = report.outcome.digest.map(|digest| digest.hex()).unwrap_or_default();
            let same = |record: &Record| {
                (record.when_gone, &record.digest, &record.owner) == (when_gone, &digest, &self.how.options.owner)
            };
            if !needed || known.as_ref().is_some_and(same) {
                continue;
            }
            let provenance = &self.how.options.provenance;
            let record = Record {
                id,
                owner: self.how.options.owner.clone(),
                digest,
                when_gone,
                parts: Vec::new(),
                commit: provenance.commit.clone(),
                tag: provenance.tag.clone(),
                author: provenance.author.clone(),
                time: provenance.time.clone(),
            };
            register.prepare(&client, self.place.as_place()).await?;
            register::write(&client, self.place.as_place(), &record, known.is_some()).await?;
        }
        total.writes += client.writes();
        Ok(())
    }
}

fn after_bundles(entry: &Entry) -> bool {
    spec::kind(&entry.id.kind).and_then(|kind| kind.crud).is_some_and(|crud| crud.after_bundles())
}

fn own_id(entry: &Entry) -> Id {
    entry.id.clone()
}

fn id(bundle: &InventoryBundle) -> Id {
    bundle_id(bundle.entry.kind, &bundle.entry.name)
}

fn bundle_id(kind: BundleKind, name: &str) -> Id {
    Id { kind: kind.resource_kind().to_owned(), parent: None, name: name.to_owned() }
}

/// The end of a proxy or shared flow among resources.
fn of_bundle(report: &Report) -> Applied {
    let outcome = &report.outcome;
    Applied {
        id: bundle_id(outcome.kind.unwrap_or(BundleKind::Proxy), outcome.name.as_deref().unwrap_or_default()),
        result: match outcome.result {
            outcome::Ending::Unchanged => Ending::Unchanged,
            outcome::Ending::Deployed | outcome::Ending::Redeployed if outcome.previous_revision.is_none() => {
                Ending::Created
            }
            outcome::Ending::Deployed | outcome::Ending::Redeployed => Ending::Updated,
            outcome::Ending::Removed => Ending::Deleted,
            outcome::Ending::Failed => Ending::Failed,
        },
        reason: outcome.reason.clone(),
        fields: Vec::new(),
        exit_code: report.exit_code,
    }
}
