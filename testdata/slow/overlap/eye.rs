//! Looks at Apigee after each write of each run, and checks that the run was allowed to make it.
//!
//! All times here are numbers of a clock that counts events. What a run decides, it decides by what it has read, and a change in the meantime
//! is no mistake: a write is judged by what was so all the time since the run's last few requests ([`HORIZON`]).

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use apigee_flux_configuration::{Record, record};
use apigee_flux_model::bundle::{BundleKind, RevisionRecord};
use serde_json::Value;

use super::git::{Commit, ENTRIES, ENVIRONMENT, Key, PRODUCT, SERVER, bundle_kind, known_kind};
use crate::closed_loop::ORGANIZATION;

/// A run may act on what it knew before this number of its requests.
const HORIZON: usize = 12;

/// The reconciler asks for the Jobs at most once in this time, and for a moment longer its answer counts. In the model whole Jobs fit into it.
const FRESH: Duration = Duration::from_millis(1200);

/// The number of a run.
pub(crate) type RunId = usize;

/// A namespace of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) cluster: usize,
    pub(crate) namespace: &'static str,
}

impl Place {
    /// The identity of the cluster.
    pub(crate) fn identity(self) -> String {
        identity(self.cluster)
    }
}

/// The identity of a cluster, in the form of a real one.
pub(crate) fn identity(cluster: usize) -> String {
    format!("c1057e40000{cluster}")
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.cluster, self.namespace)
    }
}

/// What a Job wants of a resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) value: String,
    pub(crate) adopts: bool,
}

/// A Job of a cluster, also after its end.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) created: u64,
    /// The same as a time.
    pub(crate) created_at: Instant,
    /// When a state of Git last had it, the first time when it was created.
    pub(crate) confirmed: u64,
    pub(crate) deleted: Option<u64>,
    /// When it had made or confirmed a value.
    pub(crate) applied: BTreeMap<Key, u64>,
    pub(crate) wants: BTreeMap<Key, Wanted>,
    /// How its last pod ended.
    pub(crate) ended: Option<String>,
}

/// A pod.
struct Run {
    place: Place,
    /// `None`: it is the reconciler.
    job: Option<usize>,
    replaces: Option<String>,
    began: u64,
    /// When it sent its requests.
    sent: Vec<u64>,
}

/// What the inventory of a place says, from a time on.
struct Listed {
    from: u64,
    /// What it wants, and what the input defines in other namespaces.
    keys: BTreeSet<Key>,
    /// What it wants.
    own: BTreeSet<Key>,
}

/// All that is known.
#[derive(Default)]
pub(crate) struct Seen {
    clock: u64,
    runs: Vec<Run>,
    pub(crate) jobs: Vec<Job>,
    inventories: BTreeMap<Place, Vec<Listed>>,
    /// The records of each resource, each from a time on.
    records: BTreeMap<Key, Vec<(u64, Option<Record>)>>,
    pub(crate) values: BTreeMap<Key, String>,
    /// When a value last changed.
    changed: BTreeMap<Key, u64>,
    /// When a resource was last removed by a run that may do so, or changed manually.
    reset: BTreeMap<Key, u64>,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) story: Vec<String>,
    pub(crate) violations: Vec<String>,
    /// The namespaces of the same input, for each namespace.
    pub(crate) siblings: BTreeMap<&'static str, Vec<&'static str>>,
    /// The states of all inputs.
    pub(crate) commits: Vec<Arc<Commit>>,
    descriptions: BTreeMap<(BundleKind, String, String), String>,
    pub(crate) requests: u64,
    /// The writes of runs.
    pub(crate) writes: u64,
}

impl Seen {
    pub(crate) fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    pub(crate) fn tell(&mut self, text: &str) {
        let clock = self.tick();
        self.story.push(format!("{clock:>6} {text}"));
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Adds a run.
    pub(crate) fn start(&mut self, place: Place, job: Option<usize>, replaces: Option<String>) -> RunId {
        let began = self.tick();
        self.runs.push(Run { place, job, replaces, began, sent: Vec::new() });
        self.runs.len() - 1
    }

    /// The inventory of a place was applied.
    pub(crate) fn list(&mut self, place: Place, keys: BTreeSet<Key>, own: BTreeSet<Key>) {
        let from = self.tick();
        self.inventories.entry(place).or_default().push(Listed { from, keys, own });
    }

    pub(crate) fn record(&self, key: &Key) -> Option<&Record> {
        self.records.get(key)?.last()?.1.as_ref()
    }

    pub(crate) fn recorded(&self) -> impl Iterator<Item = (&Key, &Record)> {
        self.records.iter().filter_map(|(key, all)| Some((key, all.last()?.1.as_ref()?)))
    }

    /// A manual change: what was applied before it is no longer expected.
    pub(crate) fn by_hand(&mut self, key: &Key) {
        let now = self.tick();
        self.reset.insert(key.clone(), now);
    }

    /// The name of a run in the story.
    fn name(&self, run: RunId) -> String {
        let Run { place, job, .. } = &self.runs[run];
        match job {
            Some(job) => format!("run {run} of Job {} #{job} in {place}", self.jobs[*job].name),
            None => format!("run {run} of the reconciler in {place}"),
        }
    }

    /// A run of a Job has ended, and reports that it has applied a resource.
    pub(crate) fn applied(&mut self, run: RunId, key: Key) {
        let Some(job) = self.runs[run].job else { return };
        let wanted = self.jobs[job].wants.get(&key).map(|wanted| &wanted.value);
        let is_known = self.changed.get(&key).is_none_or(|changed| *changed < self.runs[run].began);
        if is_known && wanted != self.values.get(&key) {
            let text = format!("it has applied {wanted:?} to {key:?}, which is {:?}", self.values.get(&key));
            self.violation(run, &text);
        }
        let now = self.tick();
        self.jobs[job].applied.insert(key, now);
    }

    fn horizon(&self, run: RunId) -> u64 {
        let Run { sent, began, .. } = &self.runs[run];
        sent.len().checked_sub(HORIZON).map_or(*began, |index| sent[index])
    }

    fn violation(&mut self, run: RunId, text: &str) {
        let text = format!("{}: {text}", self.name(run));
        self.tell(&format!("VIOLATION {text}"));
        self.violations.push(text);
    }

    /// True if the inventory of the place had a resource all the time since then.
    fn lists(&self, place: Place, key: &Key, since: u64) -> bool {
        let Some(all) = self.inventories.get(&place) else { return false };
        let first = all.iter().rposition(|listed| listed.from <= since);
        first.is_some_and(|first| all[first..].iter().all(|listed| listed.keys.contains(key)))
    }

    /// True if the place wanted a resource, or knew it in another namespace, all the time since then.
    fn protects(&self, place: Place, key: &Key, since: u64) -> bool {
        let listed = |time: u64| {
            let all = self.inventories.get(&place);
            let at = all.and_then(|all| all.iter().rev().find(|listed| listed.from <= time));
            at.is_some_and(|listed| listed.keys.contains(key))
        };
        let has_job = |time: u64| {
            self.jobs.iter().any(|job| {
                job.place == place
                    && job.wants.contains_key(key)
                    && job.created <= time
                    && job.deleted.is_none_or(|deleted| deleted > time)
            })
        };
        let changes = self.inventories.get(&place).into_iter().flatten().map(|listed| listed.from);
        let jobs = self.jobs.iter().filter(|job| job.place == place);
        let changes = changes.chain(jobs.flat_map(|job| std::iter::once(job.created).chain(job.deleted)));
        changes.filter(|time| *time > since).chain([since]).all(|time| listed(time) || has_job(time))
    }

    /// The records of a resource since then.
    fn records_since(&self, key: &Key, since: u64) -> Vec<Option<&Record>> {
        let Some(all) = self.records.get(key) else { return vec![None] };
        let first = all.iter().rposition(|(time, _)| *time <= since);
        let mut found: Vec<_> = all[first.unwrap_or_default()..].iter().map(|(_, record)| record.as_ref()).collect();
        if first.is_none() {
            found.push(None);
        }
        found
    }

    fn is_own(&self, run: RunId, record: &Record) -> bool {
        let place = self.runs[run].place;
        record.namespace.as_deref() == Some(place.namespace) && record.cluster.as_deref() == Some(&*place.identity())
    }

    /// True if a record is of this or another namespace of the input of a run, in the same cluster.
    fn is_sibling(&self, run: RunId, record: &Record) -> bool {
        let Run { place, replaces, .. } = &self.runs[run];
        let siblings = &self.siblings[place.namespace];
        let is_in_cluster = record.cluster.as_deref() == Some(&*place.identity()) || record.cluster == *replaces;
        record.namespace.as_deref().is_some_and(|namespace| siblings.contains(&namespace)) && is_in_cluster
    }

    /// A record was written or deleted by a run.
    fn judge_record(&mut self, run: RunId, key: &Key, before: Option<&Record>, now: Option<&Record>) {
        let horizon = self.horizon(run);
        let was = self.records_since(key, horizon);
        let own_before = was.iter().flatten().any(|record| self.is_own(run, record));
        let was_free = was.iter().any(Option::is_none);
        let digests: BTreeSet<String> = was.iter().flatten().map(|record| record.digest.clone()).collect();
        let moves = was.iter().flatten().any(|record| self.is_sibling(run, record));
        let Some(now) = now else {
            let is_leaving = |record: &Record| bundle_kind(key.0).is_some() && self.is_sibling(run, record);
            if !own_before && !before.is_some_and(is_leaving) {
                self.violation(run, &format!("it deletes the record of {key:?}, which is another's: {before:?}"));
            } else if self.runs[run].job.is_none()
                // After its own deletion it only completes it.
                && self.values.contains_key(key)
                && self.protects(self.runs[run].place, key, horizon)
            {
                self.violation(run, &format!("it deletes the record of {key:?}, which Git has"));
            }
            return;
        };
        // The reconciler of the former namespace hands a moved resource over, as it is.
        let is_handed_over = self.runs[run].job.is_none() && own_before && self.is_sibling(run, now);
        if !self.is_own(run, now) && is_handed_over && digests.contains(&now.digest) {
            self.count("handed over");
            return;
        }
        let unknown = now.provenance.commit.as_ref().filter(|commit| {
            let is_of = |one: &Arc<Commit>| one.provenance == **commit && one.digests.get(key) == Some(&now.digest);
            !self.commits.iter().any(is_of)
        });
        if let Some(commit) = unknown {
            self.violation(
                run,
                &format!("it records of {key:?} the commit {commit}, whose state has no such digest: {now:?}"),
            );
        }
        if now.provenance.commit.is_none() {
            self.count("records without a commit");
        }
        if !self.is_own(run, now) {
            self.violation(run, &format!("the record of {key:?} names another place: {now:?}"));
        }
        if own_before || was_free {
            return;
        }
        // It is taken over.
        let Some(before) = before else { return };
        let job = self.runs[run].job;
        let adopts = job.is_some_and(|job| self.jobs[job].wants.get(key).is_some_and(|wanted| wanted.adopts));
        if job.is_none() {
            self.violation(run, &format!("the reconciler takes {key:?} over from {before:?}"));
        } else if !adopts && !moves {
            self.violation(run, &format!("it takes {key:?} over without a right, from {before:?}"));
        } else {
            self.count("taken over");
        }
    }

    /// A value was changed by a run.
    fn judge_value(&mut self, run: RunId, key: &Key, before: Option<&String>, now: Option<&String>) {
        let horizon = self.horizon(run);
        let was = self.records_since(key, horizon);
        let is_own = |record: &Record| self.is_own(run, record);
        // A proxy that is no longer in the input may be in the way of the one that has its base path now.
        let is_leaving =
            |record: &Record| now.is_none() && bundle_kind(key.0).is_some() && self.is_sibling(run, record);
        if !was.iter().flatten().any(|record| is_own(record) || is_leaving(record)) {
            let text = format!("it changes {key:?} from {before:?} to {now:?}, whose record is {:?}", was.last());
            self.violation(run, &text);
        }
        let Some(now) = now else {
            // A Job knows what is leaving by what was mounted when its pod started.
            let Run { place, job, began, .. } = self.runs[run];
            let has = match job {
                Some(_) => self.lists(place, key, began),
                None => self.protects(place, key, horizon),
            };
            if has {
                let is_own = self.runs[run].job.is_some_and(|job| {
                    self.jobs[job].wants.get(key).is_some_and(|wanted| Some(&wanted.value) == before)
                });
                if !is_own {
                    self.violation(run, &format!("it deletes {key:?}, which Git has"));
                }
            }
            let clock = self.tick();
            self.reset.insert(key.clone(), clock);
            self.count("deletions");
            return;
        };
        // The newest Job that had applied it when the run decided.
        let since = self.reset.get(key).copied().unwrap_or_default();
        let place = self.runs[run].place;
        let siblings = &self.siblings[place.namespace];
        let applied = |job: &&Job| {
            job.applied.get(key).is_some_and(|time| (since..=horizon).contains(time))
                // The states of two inputs have no order.
                && siblings.contains(&job.place.namespace)
        };
        let newest = self.jobs.iter().filter(applied).max_by_key(|job| job.confirmed);
        let Some(newest) = newest else { return };
        let of_newer = |job: &Job| {
            job.confirmed > newest.confirmed && job.wants.get(key).is_some_and(|wanted| wanted.value == *now)
        };
        // A namespace that has not got the newest state yet does not know that the resource has moved away. It hands it over later.
        let Run { began, job, .. } = self.runs[run];
        let listed = self.inventories.get(&place).and_then(|all| all.iter().rev().find(|listed| listed.from <= began));
        let is_behind = newest.place != place && listed.is_some_and(|listed| listed.own.contains(key));
        if newest.wants[key].value != *now && !self.jobs.iter().any(of_newer) {
            if job.is_none() && newest.created_at.elapsed() < FRESH {
                self.count("values of a moment ago");
                return;
            }
            if is_behind {
                self.count("taken back by a namespace that is behind");
                return;
            }
            let text = format!(
                "it sets {key:?} to {now}, although Job {} in {} had applied the newer value {}",
                newest.name, newest.place, newest.wants[key].value
            );
            self.violation(run, &text);
        }
    }
}

/// The part of Apigee that a write changes.
#[derive(Debug, Clone, Copy)]
enum Part {
    Bundles(BundleKind),
    Records(bool),
    Servers,
    Maps,
    Products,
}

fn part(path: &str) -> Option<Part> {
    let path = path.split('?').next().unwrap_or_default();
    let words: Vec<&str> = path.trim_start_matches('/').split('/').skip(3).collect();
    let (in_environment, words) = match words.as_slice() {
        ["environments", _, rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    match words {
        ["keyvaluemaps", record::MAP, "entries", ..] => Some(Part::Records(in_environment)),
        ["keyvaluemaps", ..] => Some(Part::Maps),
        ["targetservers", ..] => Some(Part::Servers),
        ["apiproducts", ..] => Some(Part::Products),
        ["apis", ..] => Some(Part::Bundles(BundleKind::Proxy)),
        ["sharedflows", ..] => Some(Part::Bundles(BundleKind::SharedFlow)),
        _ => None,
    }
}

/// The eye.
pub(crate) struct Eye {
    pub(crate) address: SocketAddr,
    http: reqwest::Client,
    /// Is held by a write.
    pub(crate) turn: tokio::sync::Mutex<()>,
    seen: Mutex<Seen>,
}

impl Eye {
    pub(crate) fn new(address: SocketAddr, seen: Seen) -> Self {
        Self { address, http: reqwest::Client::new(), turn: tokio::sync::Mutex::default(), seen: Mutex::new(seen) }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    pub(crate) fn count(&self, what: &'static str) {
        self.seen().count(what);
    }

    pub(crate) fn tell(&self, text: &str) {
        self.seen().tell(text);
    }

    /// A run sent a request.
    pub(crate) fn sent(&self, run: RunId, _method: &str, _path: &str) {
        let mut seen = self.seen();
        let clock = seen.tick();
        seen.requests += 1;
        seen.runs[run].sent.push(clock);
    }

    /// A write of a run was carried out.
    pub(crate) async fn acted(&self, run: RunId, method: &str, path: &str) {
        self.seen().writes += 1;
        let Some(part) = part(path) else { return };
        if let Part::Records(in_environment) = part {
            let found = self.read_records(in_environment).await;
            let mut seen = self.seen();
            let changes = seen.note_records(in_environment, &found);
            for (key, before) in changes {
                let now = found.get(&key);
                let name = seen.name(run);
                seen.tell(&format!("{name}: record of {} {}: {}", key.0, key.1, now.map_or("none".to_owned(), short)));
                seen.judge_record(run, &key, before.as_ref(), now);
                let clock = seen.tick();
                seen.records.entry(key).or_default().push((clock, now.cloned()));
            }
            return;
        }
        if method == "DELETE" {
            self.seen().descriptions.clear();
        }
        let found = self.read(part).await;
        let mut seen = self.seen();
        for (key, before, now) in seen.note_values(part, &found) {
            let name = seen.name(run);
            seen.tell(&format!("{name}: {} {} is {}", key.0, key.1, now.as_deref().unwrap_or("gone")));
            seen.judge_value(run, &key, before.as_ref(), now.as_ref());
        }
    }

    /// A manual change: what it changed is no violation.
    pub(crate) async fn look(&self) {
        for part in [
            Part::Bundles(BundleKind::Proxy),
            Part::Bundles(BundleKind::SharedFlow),
            Part::Servers,
            Part::Maps,
            Part::Products,
        ] {
            let found = self.read(part).await;
            let mut seen = self.seen();
            for (key, _, now) in seen.note_values(part, &found) {
                seen.by_hand(&key);
                seen.tell(&format!("by hand: {} {} is {}", key.0, key.1, now.as_deref().unwrap_or("gone")));
            }
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/v1/organizations/{ORGANIZATION}/{path}", self.address)
    }

    pub(crate) async fn request(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> Option<Value> {
        let request = self.http.request(method, self.url(path));
        let request = match body {
            Some(body) => request.json(body),
            None => request.header("content-length", 0),
        };
        let response = request.send().await.unwrap();
        if !response.status().is_success() {
            return None;
        }
        Some(serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.request(reqwest::Method::GET, path, None).await.unwrap_or_default()
    }

    async fn names(&self, path: &str) -> Vec<String> {
        let list = self.get(path).await;
        list.as_array().into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
    }

    async fn read_records(&self, in_environment: bool) -> BTreeMap<Key, Record> {
        let base = if in_environment { format!("environments/{ENVIRONMENT}/") } else { String::new() };
        let page = self.get(&format!("{base}keyvaluemaps/{}/entries?pageSize=100", record::MAP)).await;
        let entries = page["keyValueEntries"].as_array().cloned().unwrap_or_default();
        let records = entries.iter().filter_map(|entry| Record::parse(entry["value"].as_str()?));
        records.filter_map(|record| Some(((known_kind(&record.id.kind)?, record.id.name.clone()), record))).collect()
    }

    async fn read(&self, part: Part) -> BTreeMap<Key, String> {
        let base = format!("environments/{ENVIRONMENT}");
        let mut found = BTreeMap::new();
        match part {
            Part::Bundles(kind) => {
                for (name, revision) in self.deployed(kind).await {
                    let description = self.description(kind, &name, &revision).await;
                    let digest = RevisionRecord::parse(&description).map(|record| record.digest.hex());
                    found.insert((known_kind(kind.resource_kind()).unwrap(), name), digest.unwrap_or(description));
                }
            }
            Part::Servers => {
                for name in self.names(&format!("{base}/targetservers")).await {
                    let server = self.get(&format!("{base}/targetservers/{name}")).await;
                    found.insert((SERVER, name), server["host"].as_str().unwrap_or_default().to_owned());
                }
            }
            Part::Maps => {
                for name in self.names(&format!("{base}/keyvaluemaps")).await {
                    if name == record::MAP {
                        continue;
                    }
                    // A map without its entry is being made.
                    let entry = self.get(&format!("{base}/keyvaluemaps/{name}/entries/v")).await;
                    if let Some(value) = entry["value"].as_str() {
                        found.insert((ENTRIES, name), value.to_owned());
                    }
                }
            }
            Part::Products => {
                let list = self.get("apiproducts?expand=true").await;
                for product in list["apiProduct"].as_array().into_iter().flatten() {
                    let text = |field: &str| product[field].as_str().unwrap_or_default().to_owned();
                    found.insert((PRODUCT, text("name")), text("displayName"));
                }
            }
            Part::Records(_) => {}
        }
        found
    }

    /// The deployed revisions.
    pub(crate) async fn deployed(&self, kind: BundleKind) -> BTreeMap<String, String> {
        let flows = if kind == BundleKind::SharedFlow { "?sharedFlows=true" } else { "" };
        let list = self.get(&format!("environments/{ENVIRONMENT}/deployments{flows}")).await;
        let text = |item: &Value, field: &str| item[field].as_str().unwrap_or_default().to_owned();
        let list = list["deployments"].as_array().cloned().unwrap_or_default();
        list.iter().map(|item| (text(item, "apiProxy"), text(item, "revision"))).collect()
    }

    async fn description(&self, kind: BundleKind, name: &str, revision: &str) -> String {
        let key = (kind, name.to_owned(), revision.to_owned());
        if let Some(known) = self.seen().descriptions.get(&key) {
            return known.clone();
        }
        let answer = self.get(&format!("{}/{name}/revisions/{revision}", kind.collection())).await;
        let text = answer["description"].as_str().unwrap_or_default().to_owned();
        self.seen().descriptions.insert(key, text.clone());
        text
    }
}

fn short(record: &Record) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{} {} {}, digest {}, commit {}, job {}, {:?}",
        record.owner,
        text(&record.namespace),
        text(&record.cluster),
        &record.digest[..record.digest.len().min(8)],
        text(&record.provenance.commit),
        text(&record.job),
        record.when_gone
    )
}

impl Seen {
    /// The records that changed, each with the former one.
    fn note_records(&mut self, in_environment: bool, found: &BTreeMap<Key, Record>) -> Vec<(Key, Option<Record>)> {
        let known = self.records.keys().filter(|key| (key.0 != PRODUCT) == in_environment);
        let keys: BTreeSet<Key> = known.chain(found.keys()).cloned().collect();
        let changes = keys.into_iter().filter_map(|key| {
            let before = self.record(&key).cloned();
            (before.as_ref() != found.get(&key)).then_some((key, before))
        });
        changes.collect()
    }

    /// The values that changed, each with the former and the present one.
    fn note_values(&mut self, part: Part, found: &BTreeMap<Key, String>) -> Vec<(Key, Option<String>, Option<String>)> {
        let is_in = |key: &Key| match part {
            Part::Bundles(kind) => bundle_kind(key.0) == Some(kind),
            Part::Servers => key.0 == SERVER,
            Part::Maps => key.0 == ENTRIES,
            Part::Products => key.0 == PRODUCT,
            Part::Records(_) => false,
        };
        let keys: BTreeSet<Key> = self.values.keys().filter(|key| is_in(key)).chain(found.keys()).cloned().collect();
        let mut changes = Vec::new();
        for key in keys {
            let now = found.get(&key).cloned();
            let before = match &now {
                Some(now) => self.values.insert(key.clone(), now.clone()),
                None => self.values.remove(&key),
            };
            if before != now {
                let clock = self.tick();
                self.changed.insert(key.clone(), clock);
                changes.push((key, before, now));
            }
        }
        changes
    }
}
