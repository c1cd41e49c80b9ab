//! Makes one environment equal to all bundles of a batch, several at a time. Called shared flows are deployed before
//! their callers.
//!
//! The deployments and the records of the environment are read once. The files of a bundle are in memory only while it is deployed, and
//! at most [`MAX_LOADED_BYTES`] at a time, so that a batch of any length needs the memory of one bundle. A bundle that waits for the runtime
//! gives its worker to another one ([`BatchPlace`](crate::rollout::batch_place::BatchPlace)), so that the rate of requests alone limits a batch.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;

use tokio::task::{Id, JoinError, JoinSet};

use crate::api::client::{Client, RetryListener};
use crate::api::target::Target;
use crate::compare::listed::Listed;
use crate::error::Error;
use crate::event::Event;
use crate::mount::MountedBundle;
use crate::records::register::Register;
use crate::rollout::batch_place::{BatchPlace, BatchPlaces};
use crate::rollout::batch_report::BatchReport;
use crate::rollout::deploy::deploy;
use crate::rollout::options::{DeployOptions, KnownRecord};
use crate::rollout::outcome::{BundleResult, DeployReport, Outcome};
use crate::rollout::site::resource_id;
use apigee_flux_configuration as configuration;
use apigee_flux_configuration::OwnedPlace;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::bundle::schedule::{Schedule, ScheduledBundle};
use apigee_flux_model::bundle::zip::MAX_BUNDLE_BYTES;
use apigee_flux_model::exit::Exit;

/// Limit for files in memory, in bytes: one bundle of Apigee's maximum size, or many small ones.
pub const MAX_LOADED_BYTES: usize = MAX_BUNDLE_BYTES;

/// The unit in which [`MAX_LOADED_BYTES`] is allocated, in bytes: even an empty bundle takes one.
const LOAD_UNIT: usize = 4096;

/// How many bundles are under way at a time, with those that wait. Each of them reads its state every ten seconds
/// ([`Polling`](crate::api::polling::Polling)): if a runtime makes none of them ready, their reads must leave others a part of the rate.
const MAX_UNDER_WAY: usize = 512;

/// An event of a batch.
#[derive(Debug, Clone, Copy)]
pub enum BatchEvent<'a> {
    /// One step of one bundle.
    Step(&'a MountedBundle, &'a Event),
    /// The result of a bundle.
    Ended(&'a DeployReport),
}

/// Receives the events.
pub type BatchListener = Arc<dyn Fn(BatchEvent<'_>) + Send + Sync>;

/// Deploys the bundles. At most `workers` of them send requests at a time, besides those that wait until they are ready. `options` apply to
/// each bundle, except for its settings and its deployments. When `told` is ready, nothing more is started, and running deployments end as in
/// [`Stop::run`](crate::stop::Stop::run); the next run continues from the state in Apigee.
///
/// An error concerns the whole batch: a cycle of calls, which is found before the first request, or a list of
/// deployments or records that cannot be read. A failure of one bundle is in its report.
pub async fn deploy_batch(
    client: &Client,
    bundles: Vec<MountedBundle>,
    target: &Target,
    options: &DeployOptions,
    workers: NonZeroUsize,
    progress: BatchListener,
    told: impl Future<Output = ()>,
) -> Result<BatchReport, Error> {
    let schedule = schedule(&bundles)?;
    let mut batch = BatchRun {
        client,
        target,
        options,
        progress,
        schedule,
        listed: Listed::default(),
        register: Register::default(),
        places: BatchPlaces::new(workers.get(), MAX_LOADED_BYTES / LOAD_UNIT, client.stop().clone()),
        tasks: JoinSet::new(),
        started: HashMap::new(),
        clients: BTreeMap::new(),
        reports: vec![None; bundles.len()],
        bundles: bundles.into_iter().map(Arc::new).collect(),
    };
    let all = async {
        let in_time = client.until(client.now() + options.timeout);
        let place = batch.place();
        batch.register = Register::read(&in_time, place.as_place()).await?;
        batch.listed = Listed::read(&in_time, target, batch.bundles.iter().map(|bundle| bundle.kind)).await?;
        batch.run().await;
        Ok::<(), Error>(())
    };
    let ended = client.stop().run(told, all).await;
    if !client.stop().is_requested() {
        ended.transpose()?;
    }
    Ok(batch.into_report())
}

fn schedule(bundles: &[MountedBundle]) -> Result<Schedule, Error> {
    let nodes: Vec<ScheduledBundle<'_>> = bundles
        .iter()
        .map(|bundle| ScheduledBundle { kind: bundle.kind, name: bundle.name.as_str(), calls: &bundle.calls })
        .collect();
    Schedule::new(&nodes).map_err(|circle| {
        Error::Refused(format!(
            "nothing was changed: shared flows call each other in a cycle: {circle}; a shared flow is deployed after \
             those that it calls: remove one of the calls"
        ))
    })
}

/// A running batch.
struct BatchRun<'a> {
    client: &'a Client,
    target: &'a Target,
    options: &'a DeployOptions,
    progress: BatchListener,
    schedule: Schedule,
    bundles: Vec<Arc<MountedBundle>>,
    /// The deployments of the environment.
    listed: Listed,
    /// The records of the environment.
    register: Register,
    /// Limit the bundles at work and the files in memory.
    places: BatchPlaces,
    tasks: JoinSet<DeployReport>,
    /// The bundle that a task deploys.
    started: HashMap<Id, usize>,
    /// The clients of the started bundles, for their numbers of writes.
    clients: BTreeMap<usize, Client>,
    reports: Vec<Option<DeployReport>>,
}

impl BatchRun<'_> {
    async fn run(&mut self) {
        let stop = self.client.stop();
        let mut next = None;
        loop {
            if next.is_none() && self.tasks.len() < MAX_UNDER_WAY {
                next = self.schedule.start();
            }
            next = next.filter(|_| !stop.is_requested());
            let units = next.and_then(|index| self.bundles.get(index)).map_or(0, |bundle| units(bundle));
            tokio::select! {
                // What has ended makes room.
                biased;
                Some(ended) = self.tasks.join_next_with_id() => self.take_report(ended),
                place = self.places.take(units), if next.is_some() => {
                    if let Some(index) = next.take().filter(|_| !stop.is_requested()) {
                        self.start(index, place);
                    }
                }
                // No task is running and none may start: all have ended.
                else => return,
            }
        }
    }

    fn take_report(&mut self, ended: Result<(Id, DeployReport), JoinError>) {
        let (task, result) = match ended {
            Ok((task, report)) => (task, Ok(report)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(index) = self.started.remove(&task) else { return };
        let report = result.unwrap_or_else(|error| {
            let error = Error::Temporary(format!("the deployment was interrupted: {error}"));
            self.unfinished(index, &error.to_string(), error.exit())
        });
        self.end(index, report);
    }

    fn start(&mut self, index: usize, place: BatchPlace) {
        let Some(bundle) = self.bundles.get(index).map(Arc::clone) else { return };
        let listed = self.listed.take(bundle.kind, &bundle.name);
        let options = DeployOptions {
            settings: bundle.settings.clone(),
            listed: Some(listed),
            record: self.record(&bundle),
            edited: bundle.edited,
            place,
            ..self.options.clone()
        };
        // Called shared flows of this batch are already deployed.
        let elsewhere: Vec<String> = bundle.calls.iter().filter(|call| !self.has_flow(call)).cloned().collect();
        let (client, target) = (self.client.with_own_count(), self.target.clone());
        self.clients.insert(index, client.clone());
        let progress = Arc::clone(&self.progress);
        let client = client.with_listener(retries_of(Arc::clone(&bundle), Arc::clone(&progress)));
        let task = self.tasks.spawn(async move {
            let mut loaded = match bundle.load().await {
                Ok(loaded) => loaded,
                Err(error) => return unfinished(&bundle, &target, &options, &error.to_string(), error.exit()),
            };
            loaded.requires.shared_flows = elsewhere;
            deploy(&client, &loaded, &target, &options, &|event| progress(BatchEvent::Step(&bundle, event))).await
        });
        self.started.insert(task.id(), index);
    }

    fn place(&self) -> OwnedPlace {
        let Target { organization, environment } = self.target;
        OwnedPlace { organization: organization.to_string(), environment: Some(environment.to_string()) }
    }

    /// The record of a bundle. If the list of records is empty, it is read by another call: that is no proof.
    fn record(&self, bundle: &MountedBundle) -> KnownRecord {
        if self.register.is_empty() && !self.register.is_missing() {
            return KnownRecord::Unread;
        }
        let id = resource_id(bundle.kind, &bundle.name);
        KnownRecord::Read(self.register.get(&id).cloned().map(Box::new))
    }

    fn has_flow(&self, name: &str) -> bool {
        self.bundles.iter().any(|bundle| bundle.kind == BundleKind::SharedFlow && bundle.name.as_str() == name)
    }

    fn end(&mut self, index: usize, report: DeployReport) {
        if report.exit.is_ok() {
            self.schedule.done(index);
        } else if !self.client.stop().is_requested() {
            for (caller, flow) in self.schedule.failed(index) {
                let flow = self.bundles.get(flow).map(|flow| flow.name.to_string()).unwrap_or_default();
                let skipped = self.unfinished(caller, &format!("skipped: shared flow `{flow}` failed"), report.exit);
                self.keep(caller, skipped);
            }
        }
        self.keep(index, report);
    }

    fn keep(&mut self, index: usize, report: DeployReport) {
        if let Some(bundle) = self.bundles.get(index) {
            let kind = bundle.kind.resource_kind().to_owned();
            let id = configuration::Id { kind, parent: None, name: bundle.name.to_string() };
            self.options.failed.note(&id, report.exit);
        }
        (self.progress)(BatchEvent::Ended(&report));
        if let Some(place) = self.reports.get_mut(index) {
            *place = Some(report);
        }
    }

    fn unfinished(&self, index: usize, reason: &str, exit: Exit) -> DeployReport {
        let mut report = unfinished(&self.bundles[index], self.target, self.options, reason, exit);
        report.outcome.writes = self.clients.get(&index).map_or(0, Client::writes);
        report
    }

    /// Bundles without a report were stopped.
    fn into_report(mut self) -> BatchReport {
        let error = Error::Stopped("stopped by SIGTERM; the next run continues from the state in Apigee".to_owned());
        let reports = std::mem::take(&mut self.reports);
        let reports: Vec<DeployReport> = reports
            .into_iter()
            .enumerate()
            .map(|(index, report)| report.unwrap_or_else(|| self.unfinished(index, &error.to_string(), error.exit())))
            .collect();
        let stopped = reports.iter().any(|report| report.exit == Exit::Terminated);
        BatchReport { reports, stopped }
    }
}

/// How much of the memory a bundle takes, in units.
fn units(bundle: &MountedBundle) -> u32 {
    let units = usize::try_from(bundle.size).unwrap_or(usize::MAX) / LOAD_UNIT + 1;
    u32::try_from(units.min(MAX_LOADED_BYTES / LOAD_UNIT)).unwrap_or(u32::MAX)
}

/// Reports the retries of one bundle.
fn retries_of(bundle: Arc<MountedBundle>, progress: BatchListener) -> RetryListener {
    Arc::new(move |error, pause| {
        progress(BatchEvent::Step(&bundle, &Event::retry(error, pause)));
    })
}

/// The report of a bundle that was not deployed. A success means that it is left to its own Job.
fn unfinished(
    bundle: &MountedBundle,
    target: &Target,
    options: &DeployOptions,
    reason: &str,
    exit: Exit,
) -> DeployReport {
    let result = if exit.is_ok() { BundleResult::Left } else { BundleResult::Failed };
    DeployReport {
        outcome: Outcome {
            kind: Some(bundle.kind),
            name: Some(bundle.name.to_string()),
            digest: Some(bundle.digest),
            commit: RevisionRecord::new(bundle.digest, &options.provenance).commit,
            ..Outcome::new(result, target, reason.to_owned())
        },
        exit,
    }
}
