//! States of Git that overlap: a model test of Flux, Jobs and reconcilers, without a cluster.
//!
//! Commits change, move, rename and remove resources, revert to older states, or are pinned to older ones. Flux ([`cluster`]) applies them layer by
//! layer in each namespace, and new ones arrive before the old ones are applied. Jobs and reconcilers ([`runs`]) run the library at the same time
//! against one sandbox; requests fail, responses are lost, pods are killed, and someone changes resources manually. After each write in Apigee the
//! [`eye`] checks who made it and whether it was allowed, and that a record names a state of Git that has the recorded value. At the end, when all is
//! applied and nothing fails, two runs of the reconcilers must make Apigee equal to Git.
//!
//! The namespaces belong to one input or to two, and some stories have a second cluster with the same specs. Two inputs may want the same
//! resource, with or without the permission to adopt it.
//!
//! `OVERLAP_SEEDS` is the number of seeds, `OVERLAP_FIRST_SEED` the first of them, `OVERLAP_STEPS` the number of steps for each, `OVERLAP_STORY`
//! the number of lines of the story after a failure. A seed determines what happens, but not when: the runs are real and at the same time.

mod cluster;
mod eye;
mod front;
mod git;
mod hands;
mod runs;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use apigee_flux_function::k8s::Layer;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::lifecycle::WhenGone;
use apigee_flux_sandbox::{Clock, Sandbox, SandboxOptions};
use cluster::Objects;
use eye::{Eye, Job, Place, Seen, identity};
use git::{Commit, Item, Key, NAMESPACES, Specs};
use libtest_mimic::{Failed, Trial};
use runs::{Runner, failures};
use tokio::task::JoinSet;

use crate::random::Random;

/// Older than a deployment that a run may still be waiting for, and younger than one whose state is not read.
const SANDBOX_AGO: u64 = 60 * 60 * 1000;

pub(crate) fn trials() -> Vec<Trial> {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    let (first, seeds) = (number("OVERLAP_FIRST_SEED", 1), number("OVERLAP_SEEDS", 8));
    let (steps, lines) = (number("OVERLAP_STEPS", 60), number("OVERLAP_STORY", 60));
    let trial = |seed| {
        Trial::test(format!("overlap::seed-{seed}"), move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            let result = runtime.block_on(Story::run(seed, steps, usize::try_from(lines)?));
            runtime.shutdown_timeout(Duration::from_millis(100));
            result
        })
    };
    (first..first + seeds).map(trial).collect()
}

/// A namespace and a cluster in a record.
type Owner = (Option<String>, Option<String>);

/// One input: what is in one repository.
struct Repository {
    specs: Specs,
    history: Vec<Arc<Commit>>,
}

impl Repository {
    fn newest(&self) -> &Arc<Commit> {
        self.history.last().unwrap()
    }
}

/// What Flux has applied in a place.
#[derive(Default)]
struct Applied {
    /// The number of the commit, by layer.
    layers: BTreeMap<&'static str, usize>,
    /// A layer of which objects are still to be deleted.
    to_prune: Option<(&'static str, Arc<Commit>)>,
    jobs: Vec<usize>,
}

struct Story {
    random: Random,
    eye: Arc<Eye>,
    objects: Arc<Objects>,
    runner: Arc<Runner>,
    repositories: Vec<Repository>,
    /// The places, each with the number of its repository.
    places: BTreeMap<Place, (usize, Applied)>,
    tasks: JoinSet<()>,
    commits: usize,
    _sandbox: Sandbox,
}

impl Story {
    async fn run(number: u64, steps: u64, lines: usize) -> Result<(), Failed> {
        let start = Instant::now();
        let mut story = Self::start(number).await;
        for step in 1..=steps {
            story.eye.tell(&format!("step {step}"));
            story.step().await;
            story.check(number, step, steps, lines)?;
        }
        story.end().await;
        story.check(number, steps, steps, lines)?;
        let seen = story.eye.seen();
        let counts: Vec<String> = seen.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        println!(
            "seed {number}: {steps} steps, {} commits in {} repositories, {} clusters; {}; {} requests, {:.1} s",
            story.commits,
            story.repositories.len(),
            story.places.keys().map(|place| place.cluster).max().unwrap_or_default() + 1,
            counts.join(", "),
            seen.requests,
            start.elapsed().as_secs_f64()
        );
        Ok(())
    }

    fn check(&self, number: u64, step: u64, steps: u64, lines: usize) -> Result<(), Failed> {
        let seen = self.eye.seen();
        if seen.violations.is_empty() {
            return Ok(());
        }
        let story = &seen.story[seen.story.len().saturating_sub(lines)..];
        Err(format!(
            "seed {number}, step {step} of {steps}:\n{}\nThe end of the story:\n{}\nRun it again: OVERLAP_FIRST_SEED={number} OVERLAP_SEEDS=1 \
             OVERLAP_STEPS={steps} cargo test --workspace --test slow overlap",
            seen.violations.join("\n"),
            story.join("\n")
        )
        .into())
    }

    async fn start(number: u64) -> Self {
        let mut random = Random(number);
        let now = SandboxOptions::default().clock;
        let clock: Clock = Arc::new(move || now() - SANDBOX_AGO);
        let options =
            SandboxOptions { progressing: Duration::ZERO, clock, kept_requests: Some(0), ..SandboxOptions::default() };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let one_input = random.below(2) == 0;
        let clusters = if random.below(3) == 0 { 2 } else { 1 };
        let batch = random.below(4) == 0;
        let specs = |namespaces: &[&'static str], shift, owner, adopts| Specs {
            namespaces: namespaces.to_vec(),
            owner,
            replaces: None,
            batch,
            adopts,
            shift,
        };
        let all = if one_input {
            vec![specs(&NAMESPACES, 0, None, false)]
        } else {
            // With the same owner in two inputs, the namespaces keep them apart.
            let owner = (random.below(3) == 0).then_some("shops");
            let adopts = random.below(2) == 0;
            vec![specs(&NAMESPACES[..1], 0, owner, adopts), specs(&NAMESPACES[1..], 1, owner, adopts)]
        };
        let mut seen = Seen::default();
        for specs in &all {
            for namespace in &specs.namespaces {
                seen.siblings.insert(namespace, specs.namespaces.clone());
            }
        }
        seen.tell(&format!("{all:?}, {clusters} clusters"));
        let eye = Arc::new(Eye::new(sandbox.address(), seen));
        let objects = Arc::new(Objects::new(Arc::clone(&eye)));
        let mut places = BTreeMap::new();
        let mut repositories = Vec::new();
        for (number, specs) in all.into_iter().enumerate() {
            for cluster in 0..clusters {
                for namespace in &specs.namespaces {
                    places.insert(Place { cluster, namespace }, (number, Applied::default()));
                }
            }
            let mut items = specs.first();
            for _ in 0..4 {
                specs.change(&mut items, &mut random);
            }
            let first = Arc::new(specs.commit(number + 1, format!("c{}", number + 1), items));
            eye.seen().commits.push(Arc::clone(&first));
            repositories.push(Repository { specs, history: vec![first] });
        }
        let commits = repositories.len();
        let runner = Arc::new(Runner::new(Arc::clone(&eye), Arc::clone(&objects)));
        Self { random, eye, objects, runner, repositories, places, tasks: JoinSet::new(), commits, _sandbox: sandbox }
    }

    async fn step(&mut self) {
        match self.random.below(20) {
            0..=3 => self.commit(),
            4..=11 => self.flux().await,
            12..=15 => {
                let place = self.some_place();
                self.tick(place);
            }
            16 => {
                if let Some(what) = hands::act(&self.eye, &mut self.random).await {
                    self.eye.tell(&format!("manually: {what}"));
                    self.eye.count("manual changes");
                }
            }
            17 => self.settle().await,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        tokio::time::sleep(self.random.pause(25)).await;
    }

    fn some_place(&mut self) -> Place {
        let places: Vec<Place> = self.places.keys().copied().collect();
        *pick(&places, &mut self.random)
    }

    /// Makes a commit in a repository.
    fn commit(&mut self) {
        let number = usize::try_from(self.random.below(self.repositories.len() as u64)).unwrap();
        let repository = &mut self.repositories[number];
        self.commits += 1;
        let name = format!("c{}", self.commits);
        let mut items = repository.newest().items.clone();
        let history = repository.history.len() as u64;
        let way = self.random.below(6);
        let older = &repository.history[usize::try_from(self.random.below(history)).unwrap()];
        let provenance = match way {
            0 if history > 2 => {
                items.clone_from(&older.items);
                self.eye.tell(&format!("commit {name} of repository {number}: a revert to {}", older.number));
                self.eye.count("reverts");
                name
            }
            1 if history > 2 => {
                items.clone_from(&older.items);
                self.eye.tell(&format!("commit {name} of repository {number}: pinned to {}", older.provenance));
                self.eye.count("pins");
                older.provenance.clone()
            }
            _ => {
                for (what, text) in repository.specs.change(&mut items, &mut self.random) {
                    self.eye.tell(&format!("commit {name} of repository {number}: {text}"));
                    self.eye.count(what);
                }
                name
            }
        };
        if self.random.below(25) == 0 && self.places.keys().any(|place| place.cluster == 1) {
            repository.specs.replaces = Some(identity(0));
            self.eye.tell("from now on, cluster 1 replaces cluster 0");
            self.eye.count("replaced clusters");
        }
        let commit = repository.specs.commit(self.commits, provenance, items);
        let commit = Arc::new(commit);
        self.eye.seen().commits.push(Arc::clone(&commit));
        repository.history.push(commit);
    }

    /// Applies the next layers in some place.
    async fn flux(&mut self) {
        let behind: Vec<Place> =
            self.places.keys().copied().filter(|place| self.next_layer(*place).is_some()).collect();
        if behind.is_empty() {
            return;
        }
        let place = *pick(&behind, &mut self.random);
        // Flux waits for the Jobs of the layers below, if the Kustomization says `wait`.
        let waits = self.random.below(2) == 0;
        for _ in 0..=self.random.below(6) {
            if waits && self.runs_jobs(place) {
                return;
            }
            self.advance(place);
            tokio::time::sleep(self.random.pause(10)).await;
        }
    }

    fn runs_jobs(&self, place: Place) -> bool {
        let seen = self.eye.seen();
        let (_, applied) = &self.places[&place];
        applied.jobs.iter().any(|job| seen.jobs[*job].deleted.is_none() && seen.jobs[*job].ended.is_none())
    }

    /// The layer that is the next to be applied; each commit begins with the first one.
    fn next_layer(&self, place: Place) -> Option<&'static str> {
        let (repository, applied) = &self.places[&place];
        let newest = self.repositories[*repository].newest().number;
        let mut layers = Layer::ALL.into_iter().map(Layer::folder);
        layers.find(|layer| applied.layers.get(layer) != Some(&newest))
    }

    fn advance(&mut self, place: Place) {
        self.prune(place);
        let Some(layer) = self.next_layer(place) else { return };
        let Some((repository, applied)) = self.places.get_mut(&place) else { return };
        let commit = Arc::clone(self.repositories[*repository].newest());
        self.eye.tell(&format!("Flux applies {layer} of commit {} in {place}", commit.number));
        let jobs = self.objects.apply(place, layer, &commit);
        applied.layers.insert(layer, commit.number);
        applied.to_prune = Some((layer, commit));
        applied.jobs.extend(&jobs);
        for job in jobs {
            let (runner, random) = (Arc::clone(&self.runner), Random(self.random.below(u64::MAX)));
            self.tasks.spawn(async move { runner.job(job, random).await });
        }
        // A moment passes before it deletes what is no longer in the layer.
        if self.random.below(3) != 0 {
            self.prune(place);
        }
    }

    fn prune(&mut self, place: Place) {
        let to_prune = self.places.get_mut(&place).and_then(|(_, applied)| applied.to_prune.take());
        if let Some((layer, commit)) = to_prune {
            self.objects.prune(place, layer, &commit);
        }
    }

    fn tick(&mut self, place: Place) {
        let (runner, random) = (Arc::clone(&self.runner), Random(self.random.below(u64::MAX)));
        self.tasks.spawn(async move {
            runner.tick(place, random).await;
        });
    }

    /// Waits until nothing runs.
    async fn settle(&mut self) {
        // A pod whose ConfigMap was deleted waits until its Job is deleted too.
        let idle = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.unwrap();
            }
        };
        if tokio::time::timeout(Duration::from_secs(20), idle).await.is_err() {
            let mut seen = self.eye.seen();
            let hang: Vec<String> = seen
                .jobs
                .iter()
                .filter(|job| job.deleted.is_none())
                .map(|job| format!("{} in {}: {:?}", job.name, job.place, job.ended))
                .collect();
            seen.violations.push(format!("what runs does not end: {}", hang.join("; ")));
            return;
        }
        self.eye.count("quiet moments");
    }

    /// Applies the newest states everywhere without failures, and compares Apigee with Git after two runs of all reconcilers.
    async fn end(&mut self) {
        self.runner.calm.store(true, Ordering::Relaxed);
        self.eye.tell("the end: everything is applied");
        let places: Vec<Place> = self.places.keys().copied().collect();
        for _ in Layer::ALL {
            for place in &places {
                self.advance(*place);
            }
        }
        for place in &places {
            self.advance(*place);
        }
        self.settle().await;
        if !self.eye.seen().violations.is_empty() {
            return;
        }
        // Where something cannot be brought in sync, nothing is deleted that it may need.
        let mut stuck = BTreeSet::new();
        for round in 1..=3 {
            let mut failed = Vec::new();
            for place in &places {
                self.eye.tell(&format!("the end: round {round} in {place}"));
                let writes = self.eye.seen().writes;
                match self.runner.tick(*place, Random(round)).await {
                    Some(Ok(report)) => {
                        let failures = failures(&report);
                        let waits =
                            report.resources.iter().any(|one| !one.exit.is_ok() && one.exit != Exit::OtherOwner);
                        if round == 2 && waits {
                            stuck.insert((Some(place.namespace.to_owned()), Some(place.identity())));
                        }
                        failed.extend(failures);
                    }
                    Some(Err(error)) => failed.push(error),
                    None => failed.push("there is no reconciler".to_owned()),
                }
                let mut seen = self.eye.seen();
                if round == 3 && seen.writes > writes {
                    seen.violations.push(format!("nothing changed, and the reconciler in {place} writes again"));
                }
            }
            self.eye.tell(&format!("the end: failures of round {round}: {failed:?}"));
        }
        let mut wrong = Vec::new();
        {
            let seen = self.eye.seen();
            let mut keys: BTreeSet<Key> = seen.values.keys().cloned().collect();
            keys.extend(seen.recorded().map(|(key, _)| key.clone()));
            keys.extend(self.repositories.iter().flat_map(|repository| repository.newest().items.keys().cloned()));
            for key in keys {
                wrong.extend(self.wrong_end(&seen, &key, &stuck).map(|why| format!("{} {}: {why}", key.0, key.1)));
            }
        }
        wrong.extend(self.wrong_entries().await);
        self.eye.seen().violations.extend(wrong.into_iter().map(|wrong| format!("at the end: {wrong}")));
    }

    /// What differs from Git at the end.
    fn wrong_end(&self, seen: &Seen, key: &Key, stuck: &BTreeSet<Owner>) -> Option<String> {
        let (record, value) = (seen.record(key), seen.values.get(key));
        let wanting: Vec<(&Repository, &Item)> = self
            .repositories
            .iter()
            .filter_map(|repository| Some((repository, repository.newest().items.get(key)?)))
            .collect();
        if wanting.is_empty() {
            return match (record, value) {
                (None, None) => None,
                (Some(record), _) if record.when_gone == WhenGone::Orphan => None,
                (Some(record), _) if stuck.contains(&(record.namespace.clone(), record.cluster.clone())) => None,
                (Some(record), _) => Some(format!("no state of Git has it, and it has the record {record:?}")),
                (None, Some(value)) => Some(format!("no state of Git has it, and it is {value}, without a record")),
            };
        }
        let Some(record) = record else {
            // There is nothing that a spec with `adopt` could adopt, and perhaps others need it.
            if value.is_none() && wanting.iter().any(|(repository, _)| repository.specs.adopts) {
                return None;
            }
            return Some(format!("Git has it, and it has no record; its value is {value:?}: {}", jobs_of(seen, key)));
        };
        let owner = wanting.iter().find(|(_, item)| record.namespace.as_deref() == Some(item.namespace));
        let Some((repository, item)) = owner else {
            let (repository, item) = wanting[0];
            // Another input has released it, and no Job may adopt it, or none has run since.
            let of_other =
                record.namespace.as_ref().is_some_and(|at| !repository.specs.namespaces.iter().any(|own| own == at));
            let is_stuck = stuck.contains(&(record.namespace.clone(), record.cluster.clone()));
            let orphaned = (record.when_gone == WhenGone::Orphan || is_stuck) && of_other;
            return (!orphaned).then(|| {
                format!("Git has it in {}, and its record is {record:?}: {}", item.namespace, jobs_of(seen, key))
            });
        };
        // Two Jobs that began at the same moment, one in each cluster, may both have had the right.
        let jobs_in = |cluster| seen.jobs.iter().filter(move |job: &&Job| job.place.cluster == cluster);
        let last = jobs_in(0).filter_map(|job| job.applied.get(key)).max();
        let has_taken =
            |job: &Job| job.deleted.is_none() && job.applied.get(key) > last && job.applied.contains_key(key);
        if repository.specs.replaces.is_some() && record.cluster != Some(identity(1)) && jobs_in(1).any(has_taken) {
            return Some(format!("cluster 1 replaces cluster 0, and its record is {record:?}: {}", jobs_of(seen, key)));
        }
        let commit = repository.newest();
        let wanted = item.value(key, commit.digests.get(key));
        // Two clusters with the same owner share what one Job deploys: it skips the callers of a shared flow of the other one.
        let is_skipped = jobs_of(seen, key).contains("skipped: shared flow");
        let is_stuck = repository.specs.adopts && stuck.contains(&(record.namespace.clone(), record.cluster.clone()));
        if value != Some(&wanted) && !is_stuck && !is_skipped && !is_in_a_circle(seen, key) {
            return Some(format!("it should be {wanted} and is {value:?}: {}", jobs_of(seen, key)));
        }
        let differs = record.when_gone != item.when_gone || commit.digests.get(key) != Some(&record.digest);
        if differs && !is_stuck && !is_skipped {
            return Some(format!(
                "its record should be of {item:?}, digest {:?}, and is {record:?}",
                commit.digests.get(key)
            ));
        }
        None
    }

    /// The maps whose entries differ from Git at the end.
    async fn wrong_entries(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for repository in &self.repositories {
            for (key, item) in repository.newest().items.iter().filter(|(key, _)| key.0 == git::ENTRIES) {
                let is_own = self
                    .eye
                    .seen()
                    .record(key)
                    .is_some_and(|record| record.namespace.as_deref() == Some(item.namespace));
                let found = hands::entries(&self.eye, &key.1).await;
                if is_own && found != item.entries() {
                    wrong.push(format!("{key:?} should have the entries {} and has {found}", item.entries()));
                }
            }
        }
        wrong
    }
}

/// True if a proxy waits for the base path of another one that waits too: two proxies cannot swap their base paths without an outage, so
/// they are left as they are.
fn is_in_a_circle(seen: &Seen, key: &Key) -> bool {
    let waits_for = |key: &Key| {
        let mut ended = seen.jobs.iter().rev().filter(|job| job.deleted.is_none() && job.wants.contains_key(key));
        let text = ended.find_map(|job| job.ended.clone())?;
        let (_, rest) = text.split_once("CONFLICTING_DEPLOYMENT: organizations/acme/apis/")?;
        Some((git::PROXY, rest.split('/').next()?.to_owned()))
    };
    let mut next = key.clone();
    for _ in 0..8 {
        let Some(other) = waits_for(&next) else { return false };
        if other == *key {
            return true;
        }
        next = other;
    }
    false
}

/// How the Jobs of a resource ended.
fn jobs_of(seen: &Seen, key: &Key) -> String {
    let jobs = seen.jobs.iter().filter(|job| job.deleted.is_none() && job.wants.contains_key(key));
    let jobs: Vec<String> =
        jobs.map(|job| format!("Job {} in {} ended with {:?}", job.name, job.place, job.ended)).collect();
    jobs.join("; ")
}

fn pick<'t, T>(list: &'t [T], random: &mut Random) -> &'t T {
    &list[usize::try_from(random.below(list.len() as u64)).unwrap()]
}
