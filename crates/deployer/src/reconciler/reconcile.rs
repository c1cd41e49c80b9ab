//! Makes an environment equal to an inventory: configuration, then proxies and shared flows, then configuration that
//! refers to these. At the end it prunes the resources removed from Git.
//!
//! A Job deploys one bundle when Git changes; the reconciler compares all of them at any time, finds drift, and repairs
//! or reports it. A deployment of a few moments ago is left to the next run, so that a run with an older inventory does
//! not revert it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::stream::{self, StreamExt};

use crate::api::client::Client;
use crate::api::deployment::Deployment;
use crate::api::target::Target;
use crate::compare::drift::{Depth, DesiredDeployment, DesiredState, Download, Drift, drift};
use crate::compare::listed::Listed;
use crate::compare::survey::MAX_DOWNLOADS;
use crate::configuration::apply::apply;
use crate::configuration::event::{ApplyEvent, ApplyListener};
use crate::configuration::options::{ApplyOptions, Mode, Secrets};
use crate::configuration::outcome::{Applied, ApplyReport, ResourceResult, failed};
use crate::error::Error;
use crate::event::{Event, Phase};
use crate::mount::MountedBundle;
use crate::reconciler::prune::{Kept, prune};
use crate::records::register::{self, Register};
use crate::rollout::batch::{BatchEvent, deploy_batch};
use crate::rollout::options::DeployOptions;
use crate::rollout::outcome::{BundleResult, DeployReport};
use apigee_flux_configuration::document::{Document, SCHEMA_VERSION};
use apigee_flux_configuration::inventory::Deep;
use apigee_flux_configuration::inventory::{Inventory, InventoryBundle};
use apigee_flux_configuration::{Claimant, Entry, Id, OwnedPlace, Record};
use apigee_flux_model::bundle::{BundleKind, Files};
use apigee_flux_model::duration::millis;
use apigee_flux_model::exit::Exit;

/// A younger deployment belongs to a Job that may have a newer state of Git.
pub const YOUNG: Duration = Duration::from_mins(2);

const DAY: Duration = Duration::from_hours(24);

/// Options of a reconciliation.
#[derive(Debug, Clone)]
pub struct ReconcileOptions {
    /// The options for configuration; proxies and shared flows use the same ones.
    pub options: ApplyOptions,
    /// The owner of the organization's desired state.
    pub owner_of_organization: String,
    /// The maximum number of deletions in one run; `None`: nothing is deleted.
    pub max_deletes: Option<usize>,
    /// A younger deployment is not checked.
    pub young: Duration,
    /// When files are compared.
    pub deep: Deep,
}

/// Reconciles. The report has one entry for each proxy, shared flow and resource.
pub async fn reconcile(
    client: &Client,
    target: &Target,
    inventory: &Inventory,
    bundles: Vec<MountedBundle>,
    secrets: Secrets,
    how: &ReconcileOptions,
    progress: ApplyListener,
) -> Result<ApplyReport, Error> {
    let run = ReconcileRun {
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

struct ReconcileRun<'a> {
    client: &'a Client,
    target: &'a Target,
    place: OwnedPlace,
    inventory: &'a Inventory,
    secrets: Secrets,
    how: &'a ReconcileOptions,
    progress: ApplyListener,
}

impl ReconcileRun<'_> {
    async fn all(&self, bundles: Vec<MountedBundle>) -> Result<ApplyReport, Error> {
        let mut report = ApplyReport::default();
        let (before, after): (Vec<Entry>, Vec<Entry>) =
            self.inventory.environment.iter().cloned().partition(|entry| !after_bundles(entry));
        let organization = OwnedPlace { environment: None, ..self.place.clone() };
        self.add(&mut report, self.apply(&self.place, before).await);
        self.add(&mut report, self.bundles(bundles).await);
        self.add(&mut report, self.apply(&self.place, after).await);
        // After a failure, what still runs may need a resource that was removed from Git. The organization is applied all
        // the same: no call needs more of it than it has now, and a new resource there may have to wait for a deletion (a
        // key belongs to one app).
        let must_stay = !report.exit().is_ok();
        if let Some(entries) = &self.inventory.organization {
            self.add(&mut report, self.apply(&organization, entries.clone()).await);
        }
        let Some(max_deletes) = self.how.max_deletes else { return Ok(report) };
        if must_stay {
            self.warn(
                Phase::Keep,
                "resources removed from Git are not deleted until all other resources are in sync".to_owned(),
            );
            return Ok(report);
        }
        let ids = self.inventory.bundles.iter().map(id).chain(self.inventory.environment.iter().map(own_id));
        let owner = |place: &OwnedPlace| self.options(place).claimant.owner;
        let mut kept = vec![Kept { owner: owner(&self.place), place: self.place.clone(), ids: ids.collect() }];
        if let Some(entries) = &self.inventory.organization {
            let ids = entries.iter().map(own_id).collect();
            kept.push(Kept { owner: owner(&organization), place: organization, ids });
        }
        let progress = Arc::clone(&self.progress);
        let pruned = prune(self.client, &kept, max_deletes, &self.how.options, progress).await;
        self.add(&mut report, pruned);
        Ok(report)
    }

    /// Adds the report of a stage. A failure of a whole stage does not stop the others: it is reported for the
    /// environment.
    fn add(&self, report: &mut ApplyReport, stage: Result<ApplyReport, Error>) {
        match stage {
            Ok(stage) => report.extend(stage),
            Err(error) => {
                let applied = failed(&self.environment_id(), &error);
                (self.progress)(ApplyEvent::Ended(self.place.as_place(), &applied));
                report.resources.push(applied);
            }
        }
    }

    fn environment_id(&self) -> Id {
        let name = self.target.environment.to_string();
        Id { kind: "ApigeeEnvironment".to_owned(), parent: None, name }
    }

    fn warn(&self, phase: Phase, message: String) {
        (self.progress)(ApplyEvent::Step(&self.environment_id(), &Event::warning(phase, message)));
    }

    async fn apply(&self, place: &OwnedPlace, resources: Vec<Entry>) -> Result<ApplyReport, Error> {
        if resources.is_empty() {
            return Ok(ApplyReport::default());
        }
        let document = Document { schema_version: SCHEMA_VERSION, resources };
        let (secrets, progress) = (Arc::clone(&self.secrets), Arc::clone(&self.progress));
        apply(self.client, place, &document, secrets, &self.options(place), progress).await
    }

    /// The options for the configuration of a place.
    fn options(&self, place: &OwnedPlace) -> ApplyOptions {
        let owner = match place.environment {
            Some(_) => self.how.options.claimant.owner.clone(),
            None => self.how.owner_of_organization.clone(),
        };
        let claimant = Claimant { owner, ..self.how.options.claimant.clone() };
        ApplyOptions { claimant, ..self.how.options.clone() }
    }

    async fn bundles(&self, bundles: Vec<MountedBundle>) -> Result<ApplyReport, Error> {
        let kinds: Vec<BundleKind> = bundles.iter().map(|bundle| bundle.kind).collect();
        let in_time = self.client.until(tokio::time::Instant::now() + self.how.options.timeout);
        let mut listed = Listed::read(&in_time, self.target, kinds.into_iter()).await?;
        let now = now();
        let is_young =
            |deployment: &Deployment| Duration::from_millis(now.saturating_sub(deployment.started())) < self.how.young;
        let mut report = ApplyReport::default();
        let mut old = Vec::new();
        for bundle in bundles {
            let deployed = listed.take(bundle.kind, &bundle.name);
            if deployed.iter().any(is_young) {
                let reason = "it was deployed a moment ago: the next run checks it".to_owned();
                report.resources.push(self.ended(
                    bundle_id(bundle.kind, bundle.name.as_str()),
                    ResourceResult::Unchanged,
                    reason,
                ));
            } else {
                old.push((bundle, deployed));
            }
        }
        let register = match Register::read(&in_time, self.place.as_place()).await {
            // An account without access to key value maps can still deploy.
            Err(error) if error.is_forbidden() => {
                self.warn(Phase::Read, format!("the records cannot be read: {error}"));
                Register::default()
            }
            other => other?,
        };
        let is_deep = match self.how.deep {
            Deep::Always => true,
            Deep::Never => false,
            // If nothing is written, the time of the comparison is not recorded, so each run is the first of its day.
            Deep::Daily => Duration::from_millis(now.saturating_sub(register.compared)) >= DAY,
        };
        if self.how.options.mode != Mode::Write {
            for (bundle, drift) in self.look_at(old, &register, is_deep, true).await {
                report.resources.push(self.of_drift(&bundle, drift));
            }
            return Ok(report);
        }
        let bundles = if is_deep {
            let looked = self.look_at(old, &register, true, false).await;
            looked.into_iter().map(|(bundle, drift)| self.with_edited(bundle, &drift)).collect()
        } else {
            old.into_iter().map(|(bundle, _)| bundle).collect()
        };
        // With `always`, the time is not needed, and a run without changes should write nothing.
        let all_compared = is_deep && self.how.deep == Deep::Daily && report.resources.is_empty();
        report.extend(self.deploy(bundles).await?);
        if all_compared {
            report.writes += self.remember(register, now).await;
        }
        Ok(report)
    }

    /// Compares bundles with their deployments, a few at a time, to limit the memory.
    async fn look_at(
        &self,
        bundles: Vec<(MountedBundle, Vec<Deployment>)>,
        register: &Register,
        is_deep: bool,
        state: bool,
    ) -> Vec<(MountedBundle, Result<Drift, Error>)> {
        let workers = if is_deep { MAX_DOWNLOADS } else { self.how.options.workers }.get();
        let looked = bundles.into_iter().enumerate().map(async |(index, (bundle, deployed))| {
            let record = register.get(&bundle_id(bundle.kind, bundle.name.as_str()));
            let found = self.compare(&bundle, deployed, record, is_deep, state).await;
            (index, (bundle, found))
        });
        let looked: BTreeMap<usize, _> = stream::iter(looked).buffer_unordered(workers).collect().await;
        looked.into_values().collect()
    }

    /// Compares one bundle; its files only in a deep comparison, or if the deployed revision may be edited.
    async fn compare(
        &self,
        bundle: &MountedBundle,
        deployed: Vec<Deployment>,
        record: Option<&Record>,
        is_deep: bool,
        state: bool,
    ) -> Result<Drift, Error> {
        // Each comparison has the timeout of a resource.
        let in_time = self.client.until(tokio::time::Instant::now() + self.how.options.timeout);
        if !is_deep {
            let depth = Depth { download: Download::Never, state };
            let listed = deployed.clone();
            let found = drift(&in_time, self.target, &desired(bundle, false)?, listed, record, depth).await?;
            if !matches!(found, Drift::MaybeEdited { .. }) {
                return Ok(found);
            }
        }
        let depth = Depth { download: Download::Always, state };
        drift(&in_time, self.target, &desired(bundle, true)?, deployed, record, depth).await
    }

    /// The bundle to deploy, with the result of the comparison. A bundle that could not be compared is left to the
    /// deployment.
    fn with_edited(&self, mut bundle: MountedBundle, drift: &Result<Drift, Error>) -> MountedBundle {
        let Ok(drift) = drift else { return bundle };
        let edited = match drift {
            Drift::Edited { revision, .. } => Some(*revision),
            _ => None,
        };
        if edited.is_some() {
            let id = bundle_id(bundle.kind, bundle.name.as_str());
            (self.progress)(ApplyEvent::Step(&id, &Event::warning(Phase::Read, drift.to_string())));
        }
        bundle.edited = edited;
        bundle
    }

    async fn deploy(&self, bundles: Vec<MountedBundle>) -> Result<ApplyReport, Error> {
        let options = DeployOptions {
            claimant: Some(self.how.options.claimant.clone()),
            timeout: self.how.options.timeout,
            polling: self.how.options.polling,
            provenance: self.how.options.provenance.clone(),
            failed: self.how.options.failed.clone(),
            ..DeployOptions::default()
        };
        let (progress, place) = (Arc::clone(&self.progress), self.place.clone());
        let told = Arc::new(move |event: BatchEvent<'_>| match event {
            BatchEvent::Step(bundle, event) => {
                progress(ApplyEvent::Step(&bundle_id(bundle.kind, bundle.name.as_str()), event));
            }
            BatchEvent::Ended(report) => progress(ApplyEvent::Ended(place.as_place(), &of_bundle(report))),
        });
        let workers = self.how.options.workers;
        // The caller handles SIGTERM.
        let told_to_stop = std::future::pending();
        let done = deploy_batch(self.client, bundles, self.target, &options, workers, told, told_to_stop).await?;
        Ok(ApplyReport {
            writes: done.reports.iter().map(|report| report.outcome.writes).sum(),
            resources: done.reports.iter().map(of_bundle).collect(),
        })
    }

    fn of_drift(&self, bundle: &MountedBundle, drift: Result<Drift, Error>) -> Applied {
        let id = bundle_id(bundle.kind, bundle.name.as_str());
        match drift {
            Err(error) => {
                let applied = failed(&id, &error);
                (self.progress)(ApplyEvent::Ended(self.place.as_place(), &applied));
                applied
            }
            Ok(drift) => {
                let ending = match &drift {
                    drift if drift.is_none() => ResourceResult::Unchanged,
                    Drift::NotDeployed { .. } => ResourceResult::Created,
                    _ => ResourceResult::Updated,
                };
                self.ended(id, ending, drift.to_string())
            }
        }
    }

    fn ended(&self, id: Id, result: ResourceResult, reason: String) -> Applied {
        let applied = Applied { id, result, reason, fields: Vec::new(), exit: Exit::Ok };
        (self.progress)(ApplyEvent::Ended(self.place.as_place(), &applied));
        applied
    }

    /// Records the time of the comparison. A run that cannot has still done its work. Returns the number of writes.
    async fn remember(&self, mut register: Register, now: u64) -> u32 {
        let client = self.client.with_own_count().until(tokio::time::Instant::now() + self.how.options.timeout);
        let place = self.place.as_place();
        let known = register.compared > 0;
        let noted = match register.prepare(&client, place).await {
            Ok(()) => register::note_compared(&client, place, now, known).await,
            Err(error) => Err(error),
        };
        if let Err(error) = noted {
            let message =
                format!("the time of the comparison is not recorded, so the next run compares all files: {error}");
            self.warn(Phase::Keep, message);
        }
        client.writes()
    }
}

/// The desired state of a bundle. Its files are read only for a deep comparison.
fn desired(bundle: &MountedBundle, is_deep: bool) -> Result<DesiredDeployment, Error> {
    let files = if is_deep { bundle.load()?.files } else { Files::default() };
    let service_account = bundle.settings.service_account.clone();
    let state = DesiredState::Deployed { files, digest: bundle.digest, service_account };
    Ok(DesiredDeployment { kind: bundle.kind, name: bundle.name.clone(), state })
}

/// Milliseconds since 1970.
fn now() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn after_bundles(entry: &Entry) -> bool {
    apigee_flux_configuration::kind(&entry.id.kind).is_some_and(|kind| kind.crud.after_bundles())
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

/// The result of a proxy or shared flow, as a resource.
fn of_bundle(report: &DeployReport) -> Applied {
    let outcome = &report.outcome;
    Applied {
        id: bundle_id(outcome.kind.unwrap_or(BundleKind::Proxy), outcome.name.as_deref().unwrap_or_default()),
        result: match outcome.result {
            BundleResult::Unchanged => ResourceResult::Unchanged,
            BundleResult::Deployed | BundleResult::Redeployed if outcome.previous_revision.is_none() => {
                ResourceResult::Created
            }
            BundleResult::Deployed | BundleResult::Redeployed => ResourceResult::Updated,
            BundleResult::Removed => ResourceResult::Deleted,
            BundleResult::Failed => ResourceResult::Failed,
        },
        reason: outcome.reason.clone(),
        fields: Vec::new(),
        exit: report.exit,
    }
}
