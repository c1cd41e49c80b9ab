//! Random commits, manual changes and faults, for as long as configured: after each commit Apigee must be exactly in the desired state.
//!
//! A commit adds, changes, renames and deletes resources of all kinds, or reverts to an earlier state. Before it there are manual changes in
//! Apigee, and while its Jobs run, requests fail. Then the reconcilers run: once, or twice if there were faults. The desired state is
//! computed from the specs by this test's own model ([`kinds`]), the actual state is read over HTTP; both must be equal. No orphan may be
//! left, no bundle may have two revisions, no unmanaged object may be changed.
//!
//! `SOAK_SEEDS` is the number of seeds, `SOAK_FIRST_SEED` the first of them, `SOAK_COMMITS` the number of commits for each.

mod git;
mod hands;
mod in_environments;
mod in_organizations;
mod kinds;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use apigee_flux_configuration::inventory::Deep;
use apigee_flux_function::spec::KINDS;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_sandbox::{FaultRule, InjectedFault, Occurrence};
use git::Git;
use hands::Hands;
use kinds::{ENVIRONMENTS, GENERATORS, State};
use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::closed_loop::{self, Apigee, Cluster, How, failures, resource};
use crate::random::Random;

/// About this many resources of ours are in Apigee.
const RESOURCES: usize = 35;

/// After this many commits the reconcilers run once more; a run that still writes something has not converged.
const QUIET_EVERY: u64 = 10;

pub(crate) fn trials() -> Vec<Trial> {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
    };
    let (first, seeds) = (number("SOAK_FIRST_SEED", 1), number("SOAK_SEEDS", 1));
    let commits = number("SOAK_COMMITS", 200);
    let mut trials = vec![Trial::test("soak::every-kind-has-a-generator", every_kind_has_a_generator)];
    trials.extend((first..first + seeds).map(|seed| {
        Trial::test(format!("soak::seed-{seed}"), move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            let result = runtime.block_on(Soak::run(seed, commits));
            runtime.shutdown_timeout(Duration::from_millis(100));
            result
        })
    }));
    trials
}

/// Kinds that deploy nothing need no generator.
const WITHOUT: [&str; 4] = ["ApigeeEnvironment", "ApigeeProfile", "CheckApigee", "ExpandApigee"];

fn every_kind_has_a_generator() -> Result<(), Failed> {
    let has = |kind: &str| GENERATORS.iter().any(|generator| generator.kind == kind) || WITHOUT.contains(&kind);
    let missing: Vec<&str> = KINDS.iter().map(|kind| kind.name).filter(|kind| !has(kind)).collect();
    if missing.is_empty() {
        Ok(())
    } else {
        Err(format!("add a generator to testdata/slow/soak/kinds.rs: {missing:?}").into())
    }
}

/// The number of events of each type.
type Counts = BTreeMap<&'static str, u64>;

struct Soak {
    apigee: Apigee,
    cluster: Cluster,
    random: Random,
    git: Git,
    history: Vec<Git>,
    hands: Hands,
    counts: Counts,
    /// What happened since the last successful commit, for the error message.
    story: Vec<String>,
}

impl Soak {
    async fn run(seed: u64, commits: u64) -> Result<(), Failed> {
        let mut soak = Self {
            apigee: Apigee::start(Duration::from_secs(1)).await,
            cluster: Cluster::default(),
            random: Random(seed),
            git: git::first(),
            history: Vec::new(),
            hands: Hands::default(),
            counts: Counts::new(),
            story: Vec::new(),
        };
        soak.cluster.secrets = in_organizations::secrets();
        let start = Instant::now();
        for commit in 1..=commits {
            soak.story.clear();
            if let Err(found) = soak.commit(commit).await {
                let story = soak.story.join("\n  ");
                return Err(format!("seed {seed}, commit {commit} of {commits}:\n{found}\nStory:\n  {story}").into());
            }
        }
        let counts: Vec<String> = soak.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        println!(
            "seed {seed}: {commits} commits, in sync after each: {}; {} resources at the end, {} requests, {:.1} s",
            counts.join(", "),
            soak.git.len(),
            soak.apigee.sandbox.requests().len(),
            start.elapsed().as_secs_f64()
        );
        Ok(())
    }

    fn count(&mut self, what: &'static str, count: usize) {
        *self.counts.entry(what).or_default() += count as u64;
    }

    async fn commit(&mut self, number: u64) -> Result<(), String> {
        // The first commits fill Apigee.
        if number > 1 {
            for _ in 0..self.random.below(4) {
                if let Some(what) = self.hands.act(&self.apigee, &self.git, &mut self.random).await {
                    self.story.push(format!("manually: {what}"));
                    self.count("manual changes", 1);
                }
            }
        }
        let what = git::change(&mut self.git, &self.history, RESOURCES, &mut self.random);
        for (what, in_words) in what {
            self.story.push(format!("commit: {in_words}"));
            self.count(what, 1);
        }
        self.history.push(self.git.clone());
        let jobs = self.cluster.render(&resources(&self.git));
        self.count("Jobs", jobs.len());
        let faults = if self.random.below(2) == 0 { self.inject() } else { 0 };
        let before = self.apigee.sandbox.requests().len();
        for (job, failed) in self.apigee.run_jobs(&self.cluster, &jobs).await {
            self.story.push(format!("Job {job}: {failed}"));
            self.count("failed Jobs", 1);
        }
        let failed = self.reconcile("first run").await;
        let hit = self.apigee.requests_since(before).iter().filter(|request| request.fault.is_some()).count();
        self.count("faults", hit);
        self.apigee.sandbox.clear_faults();
        let failed = if faults > 0 { self.reconcile("second run").await } else { failed };
        if failed > 0 {
            return Err("the reconciler fails".to_owned());
        }
        self.compare().await?;
        if number.is_multiple_of(QUIET_EVERY) {
            let before = self.apigee.sandbox.requests().len();
            self.reconcile("quiet run").await;
            let requests = self.apigee.requests_since(before);
            if let Some(write) = requests.iter().find(|request| request.is_write) {
                return Err(format!("nothing changed, and there is a write: {} {}", write.method, write.path));
            }
        }
        Ok(())
    }

    /// Makes a few requests of the Jobs or of the reconcilers fail.
    fn inject(&mut self) -> usize {
        let status = |code| InjectedFault::Status { code, retry_after: None };
        let troubles = [
            status(429),
            status(500),
            status(503),
            InjectedFault::Reset,
            InjectedFault::Lost,
            InjectedFault::Lost503,
            InjectedFault::Truncate,
        ];
        let methods = [None, Some("GET"), Some("POST"), Some("PUT"), Some("DELETE")];
        let count = 1 + usize::try_from(self.random.below(5)).unwrap();
        for _ in 0..count {
            let trouble = *pick(&troubles, &mut self.random);
            let method = pick(&methods, &mut self.random).map(str::to_owned);
            let most = if method.as_deref().is_some_and(|method| method != "GET") { 8 } else { 200 };
            let occurrence = Occurrence::Nth(1 + u32::try_from(self.random.below(most)).unwrap());
            let rule = FaultRule { method, ..FaultRule::new(trouble).on(occurrence) };
            self.story.push(format!("fault: {rule}"));
            self.apigee.sandbox.inject(rule);
        }
        count
    }

    /// Runs the reconcilers of all environments; returns the number of failures.
    async fn reconcile(&mut self, run: &str) -> usize {
        let mut failed = 0;
        for environment in ENVIRONMENTS {
            let how = How { deep: Deep::Always, ..How::REPAIR };
            let found = match self.apigee.reconcile(&self.cluster, environment, how).await {
                Ok(report) => failures(&report),
                Err(error) => vec![error.to_string()],
            };
            failed += found.len();
            self.story.extend(found.into_iter().map(|found| format!("{run} of {environment}: {found}")));
        }
        failed
    }

    async fn compare(&self) -> Result<(), String> {
        let mut expected = kinds::expected(&self.git);
        expected.extend(self.hands.foreign.clone());
        let mut differences = differences(&expected, &kinds::read(&self.apigee).await);
        for kind in BundleKind::ALL {
            differences.extend(self.duplicates(kind).await);
        }
        if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
    }

    /// Bundles that have two revisions, without those that were imported manually.
    async fn duplicates(&self, kind: BundleKind) -> Vec<String> {
        let (collection, field) = (kind.collection(), closed_loop::field(kind));
        let mut found = Vec::new();
        for name in self.apigee.names(collection, field).await {
            let mut digests = BTreeSet::new();
            for revision in self.apigee.names(&format!("{collection}/{name}/revisions"), "").await {
                if self.hands.made(kind, &name, &revision) {
                    continue;
                }
                let answer = self.apigee.get(&format!("{collection}/{name}/revisions/{revision}")).await;
                let text = answer["description"].as_str().unwrap_or_default();
                let Some((_, rest)) = text.split_once("\"digest\":\"") else { continue };
                if !digests.insert(rest.split('"').next().unwrap_or_default().to_owned()) {
                    found.push(format!("{collection}/{name}: revision {revision} has the bundle of another one"));
                }
            }
        }
        found
    }
}

/// The resources of a state of Git, with its environments.
fn resources(git: &Git) -> Vec<Value> {
    let environment = |name: &&str| {
        let reconcile = json!({"maxDeletes": 1000, "deep": "always"});
        let spec = json!({"organization": "acme", "batch": "environment", "reconcile": reconcile});
        resource("ApigeeEnvironment", name, &spec)
    };
    ENVIRONMENTS.iter().map(environment).chain(kinds::resources(git)).collect()
}

/// Without false and empty values, which Apigee omits (protocol buffers, JSON mapping).
fn normal(value: &Value) -> Value {
    let is_default = |value: &Value| match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), normal(value)));
            fields.filter(|(_, value)| !is_default(value)).collect()
        }
        other => other.clone(),
    }
}

fn differences(expected: &State, found: &State) -> Vec<String> {
    let paths: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let show = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    paths
        .into_iter()
        .filter(|path| expected.get(*path).map(normal) != found.get(*path).map(normal))
        .map(|path| format!("{path}\n  should be {}\n  and is    {}", show(expected.get(path)), show(found.get(path))))
        .collect()
}

fn pick<'t, T>(list: &'t [T], random: &mut Random) -> &'t T {
    &list[usize::try_from(random.below(list.len() as u64)).unwrap()]
}
