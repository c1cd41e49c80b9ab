//! Makes an environment equal to an inventory: configuration, then proxies and shared flows, then configuration that
//! refers to these. At the end it prunes the resources removed from Git.
//!
//! A Job deploys one bundle when Git changes; the reconciler compares all of them at any time, finds drift, and repairs
//! or reports it. In a cluster it changes only what the newest inventory and the living Job say the same about, and asks the cluster again
//! before each write; everything else is left to its own Job.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::FutureExt as _;
use futures_util::stream::{self, StreamExt};

use crate::api::client::Client;
use crate::api::deployment::Deployment;
use crate::api::target::Target;
use crate::compare::drift::{Depth, DesiredDeployment, DesiredState, Download, Drift, drift};
use crate::compare::listed::Listed;
use crate::compare::survey::MAX_DOWNLOADS;
use crate::compare::vouched::{is_seen, is_settled};
use crate::configuration::apply::apply;
use crate::configuration::event::{ApplyEvent, ApplyListener};
use crate::configuration::options::{ApplyOptions, Mode, Secrets};
use crate::configuration::outcome::{Applied, ApplyReport, ResourceResult, failed};
use crate::error::Error;
use crate::event::{Event, Phase};
use crate::guard::Guard;
use crate::in_cluster::{Cluster, State};
use crate::mount::{Bundle, Loader, MountedBundle};
use crate::reconciler::agreement::{self, JobPlace};
use crate::reconciler::prune::{InSync, Kept, Pruning};
use crate::reconciler::summary::history_entries;
use crate::reconciler::truth::Truth;
use crate::records::history::append_history;
use crate::records::register::{self, Register};
use crate::rollout::batch::{BatchEvent, deploy_batch};
use crate::rollout::options::DeployOptions;
use crate::rollout::outcome::{BundleResult, DeployReport};
use apigee_flux_configuration::document::{Document, SCHEMA_VERSION};
use apigee_flux_configuration::inventory::{Deep, InventoryBundle};
use apigee_flux_configuration::ownership::Actor;
use apigee_flux_configuration::{Entry, Id, OwnedPlace, Record};
use apigee_flux_model::bundle::{BatchEntry, BundleKind, Files};
use apigee_flux_model::duration::millis;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::{Name, RevisionId};
use apigee_flux_model::provenance::Provenance;

pub use crate::reconciler::source::Source;
pub use crate::reconciler::summary::cron_job_report;

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

/// The result of a run.
#[derive(Debug, Clone)]
pub struct Reconciled {
    /// The results of all resources.
    pub report: ApplyReport,
    /// Where the desired state comes from.
    pub provenance: Provenance,
}

/// Reconciles. The report has one entry for each proxy, shared flow and resource. An error concerns the whole run: the desired state cannot be
/// read.
pub async fn reconcile(
    client: &Client,
    target: &Target,
    source: Source,
    secrets: Secrets,
    how: &ReconcileOptions,
    progress: ApplyListener,
) -> Result<Reconciled, Error> {
    let mut how = how.clone();
    how.options.claimant.actor = Actor::Reconciler;
    let (truth, desired, candidates) = match source {
        Source::Files { inventory, bundles } => {
            let desired = State { inventory, ..State::default() };
            (None, desired, bundles.into_iter().map(Candidate::Mounted).collect())
        }
        Source::Cluster(cluster) => {
            let state = cluster.state(target.organization.as_str(), target.environment.as_str()).await?;
            let truth = Truth::new(Arc::clone(&cluster), target, state.index.clone());
            // A record names the state of Git that made the value, which this one is if it makes one.
            how.options.provenance = state.index.provenance.clone();
            how.options.claimant.siblings = state.index.owners.clone();
            let fetched = |bundle: &InventoryBundle| -> Result<Candidate, Error> {
                let name = bundle.entry.name.parse().map_err(Error::Altered)?;
                Ok(Candidate::Fetched { name, bundle: bundle.clone(), cluster: Arc::clone(&cluster) })
            };
            let candidates = state.inventory.bundles.iter().map(fetched).collect::<Result<Vec<_>, _>>()?;
            (Some(truth), state, candidates)
        }
    };
    let run = ReconcileRun {
        client,
        target,
        place: OwnedPlace {
            organization: target.organization.to_string(),
            environment: Some(target.environment.to_string()),
        },
        truth,
        desired,
        secrets,
        how: &how,
        progress,
    };
    // Boxed: the run of a whole environment is a large future, and so would be every caller's.
    let mut report = Box::pin(run.all(candidates)).await?;
    run.note_history(&mut report).await;
    Ok(Reconciled { report, provenance: how.options.provenance })
}

struct ReconcileRun<'a> {
    client: &'a Client,
    target: &'a Target,
    place: OwnedPlace,
    /// `None`: the desired state comes from files, and all of it counts.
    truth: Option<Truth>,
    desired: State,
    secrets: Secrets,
    how: &'a ReconcileOptions,
    progress: ApplyListener,
}

impl ReconcileRun<'_> {
    async fn all(&self, candidates: Vec<Candidate>) -> Result<ApplyReport, Error> {
        let mut report = ApplyReport::default();
        let (before, after): (Vec<Entry>, Vec<Entry>) =
            self.desired.inventory.environment.iter().cloned().partition(|entry| !after_bundles(entry));
        let organization = OwnedPlace { environment: None, ..self.place.clone() };
        let before = self.add(&mut report, self.apply(&self.place, before).await);
        let bundles = self.add(&mut report, self.bundles(candidates).await);
        let after = self.add(&mut report, self.apply(&self.place, after).await);
        // The organization is applied after a failure too: no call needs more of it than it has now, and a new resource there may have to wait
        // for a deletion (a key belongs to one app).
        let mut in_sync = InSync { bundles, environment: before && after, organization: true };
        if let Some(entries) = &self.desired.inventory.organization {
            in_sync.organization = self.add(&mut report, self.apply(&organization, entries.clone()).await);
        }
        let Some(max_deletes) = self.how.max_deletes else { return Ok(report) };
        let inventory = &self.desired.inventory;
        let ids = inventory.bundles.iter().map(id).chain(inventory.environment.iter().map(own_id));
        let kept = |place: &OwnedPlace, ids| Kept { claimant: self.options(place).claimant, place: place.clone(), ids };
        let mut places = vec![kept(&self.place, ids.collect())];
        if let Some(entries) = &inventory.organization {
            places.push(kept(&organization, entries.iter().map(own_id).collect()));
        }
        let pruning = Pruning {
            client: self.client.with_own_count(),
            truth: self.truth.as_ref(),
            names: &self.desired.names,
            in_sync,
            max_deletes,
            options: &self.how.options,
            progress: &self.progress,
        };
        self.add(&mut report, pruning.run(&places).await);
        Ok(report)
    }

    /// Adds what the run changed to the history of this reconciler, in the environment. A run that cannot has still done its work.
    async fn note_history(&self, report: &mut ApplyReport) {
        if self.truth.is_none() || self.how.options.mode != Mode::Write {
            return;
        }
        let client = self.client.with_own_count().until(self.client.now() + self.how.options.timeout);
        let options = &self.how.options;
        let entries = history_entries(report, &options.provenance, Duration::from_millis(now()));
        if let Err(error) = append_history(&client, self.place.as_place(), &options.claimant, entries).await {
            self.warn(Phase::Keep, format!("the history of repairs and deletions cannot be written: {error}"));
        }
        report.writes += client.writes();
    }

    /// Adds the report of a stage; true if all of it is in sync. A failure of a whole stage does not stop the others: it is reported for the
    /// environment.
    fn add(&self, report: &mut ApplyReport, stage: Result<ApplyReport, Error>) -> bool {
        match stage {
            Ok(stage) => {
                // What belongs to another owner is not this one's to bring in sync. If it counted, two owners that exchange two resources
                // would wait for each other: neither would delete the one that the other waits for.
                let is_in_sync = |applied: &Applied| {
                    applied.result != ResourceResult::Left && (applied.exit.is_ok() || applied.exit == Exit::OtherOwner)
                };
                let in_sync = stage.resources.iter().all(is_in_sync);
                report.extend(stage);
                in_sync
            }
            Err(error) => {
                let applied = failed(&self.environment_id(), &error);
                (self.progress)(ApplyEvent::Ended(self.place.as_place(), &applied));
                report.resources.push(applied);
                false
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

    fn left(&self, place: &OwnedPlace, id: &Id, error: &Error) -> Applied {
        let applied = failed(id, error);
        (self.progress)(ApplyEvent::Ended(place.as_place(), &applied));
        applied
    }

    async fn apply(&self, place: &OwnedPlace, resources: Vec<Entry>) -> Result<ApplyReport, Error> {
        if resources.is_empty() {
            return Ok(ApplyReport::default());
        }
        let mut options = self.options(place);
        if let Some(truth) = &self.truth {
            let at = JobPlace::new(&place.organization, place.environment.as_deref());
            match truth.check(|index, jobs| agreement::configuration(&at, index, jobs)).await {
                Ok(()) => {}
                Err(error @ Error::Left(_)) => {
                    let left = resources.iter().map(|entry| self.left(place, &entry.id, &error)).collect();
                    return Ok(ApplyReport { resources: left, writes: 0 });
                }
                Err(error) => return Err(error),
            }
            let truth = truth.clone();
            options.guard = Some(Guard::new(move |_| {
                let (truth, at) = (truth.clone(), at.clone());
                async move { truth.check(|index, jobs| agreement::configuration(&at, index, jobs)).await }.boxed()
            }));
        }
        let document = Document { schema_version: SCHEMA_VERSION, resources };
        let (secrets, progress) = (Arc::clone(&self.secrets), Arc::clone(&self.progress));
        apply(self.client, place, &document, secrets, &options, progress).await
    }

    /// The options for the configuration of a place.
    fn options(&self, place: &OwnedPlace) -> ApplyOptions {
        let mut options = self.how.options.clone();
        if place.environment.is_none() {
            options.claimant.owner.clone_from(&self.how.owner_of_organization);
            options.claimant.siblings.clone_from(&self.desired.index.organization_owners);
        }
        options
    }

    /// The guard of all bundles.
    fn guard(&self) -> Option<Guard> {
        let truth = self.truth.clone()?;
        let at = JobPlace::new(&self.place.organization, self.place.environment.as_deref());
        let entries: BTreeMap<Id, BatchEntry> =
            self.desired.inventory.bundles.iter().map(|bundle| (id(bundle), bundle.entry.clone())).collect();
        Some(Guard::new(move |id| {
            let (truth, at, entry) = (truth.clone(), at.clone(), entries.get(id).cloned());
            async move {
                let Some(entry) = entry else { return Ok(()) };
                truth.check(|index, jobs| agreement::bundle(&at, index, jobs, &entry)).await
            }
            .boxed()
        }))
    }

    /// The bundles on which inventory and Jobs agree; the others are reported.
    async fn agreed(&self, candidates: Vec<Candidate>, report: &mut ApplyReport) -> Result<Vec<Candidate>, Error> {
        let Some(guard) = self.guard() else { return Ok(candidates) };
        let mut agreed = Vec::new();
        for candidate in candidates {
            match guard.ask(&candidate.id()).await {
                Ok(()) => agreed.push(candidate),
                Err(error @ Error::Left(_)) => {
                    report.resources.push(self.left(&self.place, &candidate.id(), &error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(agreed)
    }

    async fn bundles(&self, candidates: Vec<Candidate>) -> Result<ApplyReport, Error> {
        let mut report = ApplyReport::default();
        let candidates = self.agreed(candidates, &mut report).await?;
        let kinds: Vec<BundleKind> = candidates.iter().map(Candidate::kind).collect();
        let in_time = self.client.until(self.client.now() + self.how.options.timeout);
        let mut listed = Listed::read(&in_time, self.target, kinds.into_iter()).await?;
        let now = now();
        let is_young =
            |deployment: &Deployment| Duration::from_millis(now.saturating_sub(deployment.started())) < self.how.young;
        let mut old = Vec::new();
        for candidate in candidates {
            let deployed = listed.take(candidate.kind(), candidate.name());
            if deployed.iter().any(is_young) {
                let reason = "it was deployed a moment ago: the next run checks it".to_owned();
                report.resources.push(self.ended(candidate.id(), ResourceResult::Unchanged, reason));
            } else {
                old.push((candidate, deployed));
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
            for Looked { candidate, drift, .. } in self.look_at(old, &register, is_deep, self.truth.is_none()).await {
                report.resources.push(self.of_drift(candidate.id(), drift));
            }
            return Ok(report);
        }
        // With `always`, the time is not needed, and a run without changes should write nothing.
        let all_compared = is_deep && self.how.deep == Deep::Daily && report.resources.is_empty();
        let mut done = ApplyReport::default();
        let bundles = if is_deep || self.truth.is_some() {
            let looked = self.look_at(old, &register, is_deep, false).await;
            self.differing(looked, &register, &mut done).await
        } else {
            old.into_iter().filter_map(|(candidate, _)| candidate.into_mounted()).collect()
        };
        done.extend(self.deploy(bundles).await?);
        if all_compared {
            done.writes += self.remember(register, now).await;
        }
        report.extend(done);
        Ok(report)
    }

    /// The bundles to deploy after a comparison. Mounted ones are all deployed, since their files are at hand and the deployment decides for
    /// itself; of the others only those that differ are fetched, one at a time: their shared flows determine the order.
    async fn differing(&self, looked: Vec<Looked>, register: &Register, done: &mut ApplyReport) -> Vec<MountedBundle> {
        let mut bundles = Vec::new();
        let guard = self.guard();
        for Looked { candidate, drift, started } in looked {
            let id = candidate.id();
            // The deployment writes the record of a bundle.
            if let (Candidate::Fetched { bundle, .. }, Ok(same @ Drift::Same { revision })) = (&candidate, &drift)
                && self.is_recorded(register.get(&id), &bundle.entry, *revision, started)
            {
                done.resources.push(self.ended(id, ResourceResult::Unchanged, same.to_string()));
                continue;
            }
            match candidate.into_bundle(guard.clone()).await {
                Ok(bundle) => bundles.push(self.with_edited(bundle, &drift)),
                Err(error) => done.resources.push(self.left(&self.place, &id, &error)),
            }
        }
        bundles
    }

    /// Compares bundles with their deployments, a few at a time, to limit the memory. `state` reads the state of the runtime too; otherwise
    /// only that of a deployment for which a run may still be waiting.
    async fn look_at(
        &self,
        candidates: Vec<(Candidate, Vec<Deployment>)>,
        register: &Register,
        is_deep: bool,
        state: bool,
    ) -> Vec<Looked> {
        let workers = if is_deep { MAX_DOWNLOADS } else { self.how.options.workers }.get();
        let looked = candidates.into_iter().enumerate().map(async |(index, (candidate, deployed))| {
            let record = register.get(&candidate.id());
            let recorded = record.and_then(|record| record.revision.as_ref());
            let is_past = |deployment: &Deployment| {
                is_settled(deployment) || recorded.is_some_and(|recorded| is_seen(recorded, deployment))
            };
            let state = state || self.truth.is_some() && !deployed.iter().all(is_past);
            let started = deployed.first().map(Deployment::started).filter(|started| *started > 0);
            let drift = self.compare(&candidate, deployed, record, is_deep, state).await;
            (index, Looked { candidate, drift, started })
        });
        let looked: BTreeMap<usize, _> = stream::iter(looked).buffer_unordered(workers).collect().await;
        looked.into_values().collect()
    }

    /// Compares one bundle; its files only in a deep comparison, or if the deployed revision may be edited.
    async fn compare(
        &self,
        candidate: &Candidate,
        deployed: Vec<Deployment>,
        record: Option<&Record>,
        is_deep: bool,
        state: bool,
    ) -> Result<Drift, Error> {
        // Each comparison has the timeout of a resource.
        let in_time = self.client.until(self.client.now() + self.how.options.timeout);
        if !is_deep {
            let depth = Depth { download: Download::Never, state };
            let desired = candidate.desired(false).await?;
            let found = drift(&in_time, self.target, &desired, deployed.clone(), record, depth).await?;
            if !matches!(found, Drift::MaybeEdited { .. }) {
                return Ok(found);
            }
        }
        let depth = Depth { download: Download::Always, state };
        drift(&in_time, self.target, &candidate.desired(true).await?, deployed, record, depth).await
    }

    /// Whether the record says what is deployed. `seen` is when that deployment started.
    fn is_recorded(
        &self,
        record: Option<&Record>,
        entry: &BatchEntry,
        revision: RevisionId,
        seen: Option<u64>,
    ) -> bool {
        record.is_some_and(|record| {
            record.digest == entry.digest.hex()
                && record.when_gone == entry.settings.when_gone
                && record.revision.as_ref().is_some_and(|recorded| recorded.id == revision && recorded.seen == seen)
                && self.how.options.claimant.has_signed(record)
        })
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
        if bundles.is_empty() {
            return Ok(ApplyReport::default());
        }
        let options = DeployOptions {
            claimant: Some(self.how.options.claimant.clone()),
            timeout: self.how.options.timeout,
            polling: self.how.options.polling,
            provenance: self.how.options.provenance.clone(),
            names: self.truth.is_some().then(|| Arc::new(self.desired.names.clone())),
            guard: self.guard(),
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

    fn of_drift(&self, id: Id, drift: Result<Drift, Error>) -> Applied {
        match drift {
            Err(error) => self.left(&self.place, &id, &error),
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
        let client = self.client.with_own_count().until(self.client.now() + self.how.options.timeout);
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

/// A bundle that was compared with its deployment.
struct Looked {
    candidate: Candidate,
    drift: Result<Drift, Error>,
    /// When the deployment started, in milliseconds since 1970.
    started: Option<u64>,
}

/// A bundle of the inventory.
enum Candidate {
    /// Its files are mounted.
    Mounted(MountedBundle),
    /// Its files are fetched when they are needed.
    Fetched { name: Name, bundle: InventoryBundle, cluster: Arc<dyn Cluster> },
}

/// Fetches a bundle. If it is missing because the state changed, it is left to the next run.
async fn fetch(cluster: &dyn Cluster, bundle: &InventoryBundle, guard: Option<&Guard>) -> Result<Bundle, Error> {
    match (cluster.bundle(bundle).await, guard) {
        (Err(error), Some(guard)) if error.is_temporary() => match guard.ask(&id(bundle)).await {
            Err(left @ Error::Left(_)) => Err(left),
            _ => Err(error),
        },
        (other, _) => other,
    }
}

impl Candidate {
    fn kind(&self) -> BundleKind {
        match self {
            Self::Mounted(bundle) => bundle.kind,
            Self::Fetched { bundle, .. } => bundle.entry.kind,
        }
    }

    fn name(&self) -> &Name {
        match self {
            Self::Mounted(bundle) => &bundle.name,
            Self::Fetched { name, .. } => name,
        }
    }

    fn id(&self) -> Id {
        bundle_id(self.kind(), self.name().as_str())
    }

    /// The desired state. The files are read only for a deep comparison.
    async fn desired(&self, is_deep: bool) -> Result<DesiredDeployment, Error> {
        let (digest, settings) = match self {
            Self::Mounted(bundle) => (bundle.digest, &bundle.settings),
            Self::Fetched { bundle, .. } => (bundle.entry.digest, &bundle.entry.settings),
        };
        let files = match self {
            _ if !is_deep => Files::default(),
            Self::Mounted(bundle) => bundle.load().await?.files,
            Self::Fetched { bundle, cluster, .. } => cluster.bundle(bundle).await?.files,
        };
        let state = DesiredState::Deployed { files, digest, service_account: settings.service_account.clone() };
        Ok(DesiredDeployment { kind: self.kind(), name: self.name().clone(), state })
    }

    fn into_mounted(self) -> Option<MountedBundle> {
        match self {
            Self::Mounted(bundle) => Some(bundle),
            Self::Fetched { .. } => None,
        }
    }

    async fn into_bundle(self, guard: Option<Guard>) -> Result<MountedBundle, Error> {
        match self {
            Self::Mounted(bundle) => Ok(bundle),
            Self::Fetched { bundle, cluster, .. } => {
                let first = fetch(&*cluster, &bundle, guard.as_ref()).await?;
                let entry = bundle.entry.clone();
                let loader: Loader = Arc::new(move || {
                    let (cluster, bundle, guard) = (Arc::clone(&cluster), bundle.clone(), guard.clone());
                    async move { fetch(&*cluster, &bundle, guard.as_ref()).await }.boxed()
                });
                Ok(MountedBundle::elsewhere(&entry, &first, loader))
            }
        }
    }
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
            BundleResult::Left => ResourceResult::Left,
            BundleResult::Failed => ResourceResult::Failed,
        },
        reason: outcome.reason.clone(),
        fields: Vec::new(),
        exit: report.exit,
    }
}
