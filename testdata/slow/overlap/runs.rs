//! Jobs and reconcilers: the library runs with the arguments of the pods.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apigee_flux_configuration::inventory::Deep;
use apigee_flux_configuration::{Actor, Claimant, Id, OwnedPlace};
use apigee_flux_deployer::apply::{
    ApplyEvent, ApplyListener, ApplyOptions, ApplyReport, Mode, ResourceResult, Secrets, apply,
};
use apigee_flux_deployer::batch::BatchEvent;
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::mount::{digest_of, read_batch, read_configuration};
use apigee_flux_deployer::mounted_state::MountedState;
use apigee_flux_deployer::reconcile::{ReconcileOptions, Source, reconcile};
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{Bundle, Client, DeployOptions, Polling, Target, TokenSource, deploy, deploy_batch};
use apigee_flux_model::bundle::{DeploySettings, Digest};
use apigee_flux_model::exit::Exit;
use apigee_flux_model::lifecycle::{Adopt, WhenGone};
use apigee_flux_model::provenance::Provenance;

use super::cluster::Objects;
use super::eye::{Eye, Place, RunId};
use super::front::{Front, Plan};
use super::git::{ENVIRONMENT, Key, known_kind};
use super::view::View;
use crate::pod;
use crate::random::Random;

/// How often a Job runs again (`backoffLimit`).
const BACKOFF_LIMIT: u32 = 3;

/// How long a run waits for what it needs.
const TIMEOUT: Duration = Duration::from_millis(700);

const POLLING: Polling =
    Polling { first: Duration::from_millis(3), longest: Duration::from_millis(25), grace: Duration::from_mins(1) };

/// What all runs share.
pub(crate) struct Runner {
    pub(crate) eye: Arc<Eye>,
    pub(crate) objects: Arc<Objects>,
    /// No more requests fail.
    pub(crate) calm: AtomicBool,
    /// Where the reconciler runs: one at a time in each place.
    busy: Mutex<BTreeSet<Place>>,
}

/// How a pod ended.
enum Ended {
    /// The results of the resources, and how the program ended.
    With(Exit, Vec<(Key, Exit, String)>),
    /// It was killed, or its run did not end in time.
    Killed,
}

impl Runner {
    pub(crate) fn new(eye: Arc<Eye>, objects: Arc<Objects>) -> Self {
        Self { eye, objects, calm: AtomicBool::new(false), busy: Mutex::default() }
    }

    fn plan(&self, random: &mut Random) -> Plan {
        let plan = Plan::random(random);
        if self.calm.load(Ordering::Relaxed) { Plan::default() } else { plan }
    }

    fn pause(&self, random: &mut Random, milliseconds: u64) -> Duration {
        let pause = random.pause(milliseconds);
        if self.calm.load(Ordering::Relaxed) { Duration::ZERO } else { pause }
    }

    /// Runs the pods of a Job until one succeeds, the Job has failed, or it is deleted.
    pub(crate) async fn job(&self, number: usize, mut random: Random) {
        let (place, name) = {
            let seen = self.eye.seen();
            (seen.jobs[number].place, seen.jobs[number].name.clone())
        };
        let mut deletion = self.objects.deletion(number);
        let mut failures = 0;
        loop {
            // Some pods start only when the next states of Git have arrived.
            let longest = if random.below(4) == 0 { 600 } else { 40 };
            let pause = self.pause(&mut random, longest);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = deletion.wait_for(|deleted| *deleted) => return,
            }
            let root = folder();
            let pod = match self.objects.pod(place, &name, root.path()) {
                Ok(container) => Pod { container, place, job: format!("uid-{number}") },
                // A pod waits for its ConfigMaps.
                Err(why) => {
                    self.eye.seen().jobs[number].ended = Some(why);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
            };
            let plan = self.plan(&mut random);
            let run = self.eye.seen().start(place, Some(number), pod.argument("replaces-cluster").map(str::to_owned));
            match Box::pin(self.run_pod(run, &pod, plan, deletion.clone())).await {
                Ended::Killed => {
                    let mut seen = self.eye.seen();
                    seen.count("kills");
                    seen.tell(&format!("Job {name} #{number} in {place}: its pod is killed"));
                }
                Ended::With(exit, results) => {
                    // What the run has read may have been written a moment ago, and is then being looked at.
                    let _turn = self.eye.turn.lock().await;
                    let mut seen = self.eye.seen();
                    let mut failed = Vec::new();
                    for (key, exit, reason) in results {
                        if exit.is_ok() {
                            seen.applied(run, key);
                        } else {
                            failed.push(format!("{} {}: {reason}", key.0, key.1));
                        }
                    }
                    let ended = format!("{} {}", exit.code(), failed.join("; "));
                    seen.tell(&format!("Job {name} #{number} in {place} ends with {ended}"));
                    seen.jobs[number].ended = Some(ended);
                    if exit.is_ok() {
                        return;
                    }
                    seen.count("failed pods");
                    failures += 1;
                    if Exit::PERMANENT.contains(&exit) || failures > BACKOFF_LIMIT {
                        seen.count("failed Jobs");
                        return;
                    }
                }
            }
            if *deletion.borrow() {
                return;
            }
        }
    }

    async fn run_pod(
        &self,
        run: RunId,
        pod: &Pod,
        plan: Plan,
        mut deletion: tokio::sync::watch::Receiver<bool>,
    ) -> Ended {
        let front = Front::start(&self.eye, run, plan).await;
        let client = client(&front);
        let stop = client.stop().clone();
        let told = async move {
            // The sender lives as long as the test.
            let _ = deletion.wait_for(|deleted| *deleted).await;
        };
        tokio::select! {
            ended = stop.run(told, pod.run(&client)) => match ended {
                Some((exit, results)) => Ended::With(exit, results),
                None => Ended::Killed,
            },
            () = front.killed.notified() => Ended::Killed,
        }
    }

    /// Runs the reconciler of a place, unless it runs already. Returns the failures.
    pub(crate) async fn tick(&self, place: Place, mut random: Random) -> Option<Result<ApplyReport, String>> {
        if !self.busy.lock().unwrap().insert(place) {
            return None;
        }
        let ended = Box::pin(self.reconcile(place, &mut random)).await;
        self.busy.lock().unwrap().remove(&place);
        let mut seen = self.eye.seen();
        match &ended {
            Some(Ok(report)) => {
                let counts =
                    [ResourceResult::Created, ResourceResult::Updated, ResourceResult::Deleted, ResourceResult::Failed];
                let counts: Vec<String> =
                    counts.iter().map(|result| format!("{} {result:?}", report.count(*result))).collect();
                let failed = failures(report);
                seen.tell(&format!("the reconciler in {place} ends: {}; {}", counts.join(", "), failed.join("; ")));
            }
            Some(Err(error)) => seen.tell(&format!("the reconciler in {place} fails: {error}")),
            None => {}
        }
        ended
    }

    async fn reconcile(&self, place: Place, random: &mut Random) -> Option<Result<ApplyReport, String>> {
        let root = folder();
        let container = match self.objects.pod(place, &format!("apigee-{ENVIRONMENT}-reconcile"), root.path()) {
            Ok(container) => container,
            // The first state is being applied.
            Err(why) => return Some(Err(why)),
        };
        let run = self.eye.seen().start(place, None, None);
        let pod = Pod { container, place, job: format!("tick-{run}") };
        self.eye.count("ticks");
        self.eye.tell(&format!("the reconciler starts in {place} as run {run}"));
        let plan = self.plan(random);
        let front = Front::start(&self.eye, run, plan).await;
        let client = client(&front);
        tokio::select! {
            ended = pod.reconcile(&client, View::new(&self.objects, place)) => Some(ended),
            () = front.killed.notified() => {
                self.eye.count("kills");
                Some(Err("killed".to_owned()))
            }
        }
    }
}

/// In memory, as a kubelet mounts Secrets.
fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn client(front: &Front) -> Client {
    let backoff = Backoff {
        first: Duration::from_millis(2),
        attempts: 4,
        quota_window: Duration::from_millis(50),
        ..Backoff::default()
    };
    let settings = Settings { rate: 100_000.try_into().unwrap(), backoff, ..Settings::default() };
    Client::new(front.url().parse().unwrap(), TokenSource::None, &settings).unwrap()
}

/// A container with what the model knows of its pod.
struct Pod {
    container: pod::Container,
    place: Place,
    /// The uid of its Job.
    job: String,
}

impl Pod {
    fn argument(&self, name: &str) -> Option<&str> {
        let mut arguments = self.container.args.iter();
        arguments.find_map(|argument| argument.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.container.directory.join(self.argument(name)?))
    }

    fn state(&self) -> Option<MountedState> {
        MountedState::read(&self.file("state")?).unwrap()
    }

    fn claimant(&self, actor: Actor) -> Claimant {
        Claimant {
            owner: self.argument("owner").unwrap().to_owned(),
            namespace: Some(self.place.namespace.to_owned()),
            cluster: Some(self.place.identity()),
            replaces_cluster: self.argument("replaces-cluster").map(str::to_owned),
            siblings: self.state().map(|state| state.index.owners).unwrap_or_default(),
            actor,
            job: Some(self.job.clone()),
        }
    }

    fn target(&self) -> Target {
        Target {
            organization: self.argument("org").unwrap().parse().unwrap(),
            environment: ENVIRONMENT.parse().unwrap(),
        }
    }

    fn apply_options(&self, actor: Actor, provenance: Provenance) -> ApplyOptions {
        ApplyOptions {
            claimant: self.claimant(actor),
            provenance,
            timeout: TIMEOUT,
            polling: POLLING,
            ..ApplyOptions::new("")
        }
    }

    fn deploy_options(&self, provenance: Provenance) -> DeployOptions {
        DeployOptions {
            claimant: Some(self.claimant(Actor::Job)),
            names: self.state().map(|state| Arc::new(state.names)),
            timeout: TIMEOUT,
            polling: POLLING,
            provenance,
            settings: self.settings(),
            ..DeployOptions::default()
        }
    }

    fn settings(&self) -> DeploySettings {
        let word = |name: &str| self.argument(name).unwrap_or_default();
        DeploySettings {
            when_gone: match word("when-gone") {
                "undeploy" => WhenGone::Undeploy,
                "delete" => WhenGone::Delete,
                _ => WhenGone::Orphan,
            },
            adopt: match word("adopt") {
                "match" => Adopt::Match,
                "override" => Adopt::Override,
                _ => Adopt::Never,
            },
            ..DeploySettings::default()
        }
    }

    /// Runs the command of a Job.
    async fn run(&self, client: &Client) -> (Exit, Vec<(Key, Exit, String)>) {
        let state = self.state();
        if let Some(file) = self.file("configuration") {
            let organization = state.as_ref().map(|state| state.index.organization_owners.clone());
            let (document, digest) = read_configuration(&[file]).unwrap();
            let provenance = state.map(|state| state.provenance_of_document(digest)).unwrap_or_default();
            let place = OwnedPlace {
                organization: self.argument("org").unwrap().to_owned(),
                environment: self.argument("env").map(str::to_owned),
            };
            let mut options = self.apply_options(Actor::Job, provenance);
            if let Some(owners) = organization.filter(|_| place.environment.is_none()) {
                options.claimant.siblings = owners;
            }
            return match apply(client, &place, &document, no_secrets(), &options, listener()).await {
                Ok(report) => (report.exit(), results(&report)),
                Err(error) => (
                    error.exit(),
                    document
                        .resources
                        .iter()
                        .filter_map(|entry| Some((key(&entry.id)?, error.exit(), error.to_string())))
                        .collect(),
                ),
            };
        }
        if let Some(file) = self.file("batch") {
            let bundles = read_batch(&file, &self.file("bundles").unwrap()).unwrap();
            let digest = digest_of(&file).unwrap();
            let provenance = state.map(|state| state.provenance_of_document(digest)).unwrap_or_default();
            let options = self.deploy_options(provenance);
            let progress = Arc::new(|_: BatchEvent<'_>| ());
            let told = std::future::pending();
            return match deploy_batch(client, bundles, &self.target(), &options, 8.try_into().unwrap(), progress, told)
                .await
            {
                Ok(report) => {
                    let results = report.reports.iter().filter_map(|report| {
                        let outcome = &report.outcome;
                        let key = (known_kind(outcome.kind?.resource_kind())?, outcome.name.clone()?);
                        Some((key, report.exit, outcome.reason.clone()))
                    });
                    (report.exit(), results.collect())
                }
                Err(error) => (error.exit(), Vec::new()),
            };
        }
        let expected: Option<Digest> = self.argument("expect-digest").map(|digest| digest.parse().unwrap());
        let bundle = Bundle::from_mount(&self.file("manifest").unwrap(), expected).unwrap();
        let id = Id { kind: bundle.kind.resource_kind().to_owned(), parent: None, name: bundle.name.to_string() };
        let provenance = state.map(|state| state.provenance_of_bundle(&id, bundle.digest)).unwrap_or_default();
        let report = deploy(client, &bundle, &self.target(), &self.deploy_options(provenance), &|_: &Event| ()).await;
        (report.exit, vec![(key(&id).unwrap(), report.exit, report.outcome.reason)])
    }

    /// Runs the command of the CronJob.
    async fn reconcile(&self, client: &Client, view: View) -> Result<ApplyReport, String> {
        let how = ReconcileOptions {
            options: ApplyOptions { mode: Mode::Write, ..self.apply_options(Actor::Reconciler, Provenance::default()) },
            owner_of_organization: self.argument("owner-of-organization").unwrap_or_default().to_owned(),
            max_deletes: Some(1000),
            young: Duration::ZERO,
            deep: Deep::Never,
        };
        let source = Source::Cluster(Arc::new(view));
        let run = reconcile(client, &self.target(), source, no_secrets(), &how, listener()).await;
        run.map(|run| run.report).map_err(|error| error.to_string())
    }
}

fn key(id: &Id) -> Option<Key> {
    Some((known_kind(&id.kind)?, id.name.clone()))
}

fn no_secrets() -> Secrets {
    Arc::new(|place| Err(format!("no {place} in this test")))
}

fn listener() -> ApplyListener {
    Arc::new(|_: ApplyEvent<'_>| ())
}

fn results(report: &ApplyReport) -> Vec<(Key, Exit, String)> {
    let result = |applied: &apigee_flux_deployer::apply::Applied| {
        Some((key(&applied.id)?, applied.exit, applied.reason.clone()))
    };
    report.resources.iter().filter_map(result).collect()
}

/// The failures, as text.
pub(crate) fn failures(report: &ApplyReport) -> Vec<String> {
    let failed = report.resources.iter().filter(|applied| applied.result == ResourceResult::Failed);
    failed.map(|applied| format!("{}: {}", applied.id, applied.reason)).collect()
}
