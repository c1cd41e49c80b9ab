//! The records of managed configuration: of many parts, of other owners, and of runs that were stopped in the middle.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apigee_flux_configuration::document::{ConfigurationDeletionPolicy, SCHEMA_VERSION};
use apigee_flux_configuration::history::{HistoryAction, HistoryEntry};
use apigee_flux_configuration::inventory::{Deep, Inventory};
use apigee_flux_configuration::secret::ValueFrom;
use apigee_flux_configuration::{Actor, Document, Entry, Id, NewSecret, OwnedPlace, Record};
use apigee_flux_deployer::apply::{Applied, ApplyOptions, ApplyReport, ResourceResult, apply};
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::guard::Guard;
use apigee_flux_deployer::history::{append_history, read_history};
use apigee_flux_deployer::reconcile::{ReconcileOptions, Source, reconcile};
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::secret_writer::{SecretCreation, SecretWriter};
use apigee_flux_deployer::{Bundle, Client, DeployOptions, Error, Polling, Target, TokenSource, deploy};
use apigee_flux_model::bundle::{BundleKind, BundlePath};
use apigee_flux_model::lifecycle::Adopt;
use apigee_flux_sandbox::{self as sandbox, Sandbox};
use serde_json::{Value, json};

const RECORDS: &str = "/keyvaluemaps/apigee-flux/entries";

struct World {
    sandbox: Sandbox,
    client: Client,
    http: reqwest::Client,
    place: OwnedPlace,
}

fn options(owner: &str) -> ApplyOptions {
    ApplyOptions {
        timeout: Duration::from_secs(20),
        polling: Polling { first: Duration::from_millis(10), longest: Duration::from_millis(20), ..Polling::default() },
        ..ApplyOptions::new(owner)
    }
}

/// A key value map with entries `key-0000`, `key-0001` and so on, with longer names.
fn map(keys: impl IntoIterator<Item = usize>) -> Entry {
    let entries: serde_json::Map<String, Value> =
        keys.into_iter().map(|key| (format!("key-{key:04}{}", "-".repeat(120)), json!("value"))).collect();
    Entry {
        id: Id { kind: "ApigeeKeyValueMap".to_owned(), parent: None, name: "settings".to_owned() },
        deletion_policy: ConfigurationDeletionPolicy::Delete,
        adopt: Adopt::Never,
        body: json!({"encrypted": true, "entries": entries}),
    }
}

/// A target server.
fn server(host: &str, adopt: Adopt) -> Entry {
    Entry {
        id: Id { kind: "ApigeeTargetServer".to_owned(), parent: None, name: "backend".to_owned() },
        deletion_policy: ConfigurationDeletionPolicy::Delete,
        adopt,
        body: json!({"host": host, "port": 443, "isEnabled": true}),
    }
}

/// A Job of an owner in a namespace.
fn job(owner: &str, namespace: &str, uid: &str) -> ApplyOptions {
    let mut options = options(owner);
    options.claimant.namespace = Some(namespace.to_owned());
    options.claimant.job = Some(uid.to_owned());
    options.provenance.commit = Some(format!("commit-of-{uid}"));
    options
}

/// The same with the owners of all namespaces of its input.
fn with_siblings(mut options: ApplyOptions, siblings: &[(&str, &str)]) -> ApplyOptions {
    options.claimant.siblings =
        siblings.iter().map(|(namespace, owner)| ((*namespace).to_owned(), (*owner).to_owned())).collect();
    options
}

impl World {
    async fn start() -> Self {
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), sandbox::SandboxOptions::default()).await.unwrap();
        let backoff = Backoff { first: Duration::from_millis(10), attempts: 2, ..Backoff::default() };
        let settings = Settings { rate: 100_000.try_into().unwrap(), backoff, ..Settings::default() };
        let client = Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
        let place = OwnedPlace { organization: "acme".to_owned(), environment: Some("dev".to_owned()) };
        Self { sandbox, client, http: reqwest::Client::new(), place }
    }

    async fn apply(&self, resources: Vec<Entry>, options: &ApplyOptions) -> ApplyReport {
        let document = Document { schema_version: SCHEMA_VERSION, resources };
        let secrets = Arc::new(|_: &ValueFrom| Err("no secret in a test".to_owned()));
        apply(&self.client, &self.place, &document, secrets, options, Arc::new(|_| ())).await.unwrap()
    }

    /// Applies one resource, which must not fail.
    async fn done(&self, entry: Entry, options: &ApplyOptions) -> ResourceResult {
        let report = self.apply(vec![entry], options).await;
        let [Applied { result, reason, .. }] = report.resources.as_slice() else { panic!() };
        assert_ne!(*result, ResourceResult::Failed, "{reason}");
        *result
    }

    /// Applies one resource, which must fail; returns the exit code and the reason.
    async fn fails(&self, entry: Entry, options: &ApplyOptions) -> (u8, String) {
        let report = self.apply(vec![entry], options).await;
        let [Applied { result, reason, exit, .. }] = report.resources.as_slice() else { panic!() };
        assert_eq!(*result, ResourceResult::Failed);
        (exit.code(), reason.clone())
    }

    /// The number of requests that change records.
    fn record_writes(&self) -> usize {
        self.sandbox.requests().iter().filter(|request| request.is_write && request.path.contains(RECORDS)).count()
    }

    /// The entries of a map of the environment.
    async fn entries(&self, map: &str) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        let mut token = String::new();
        loop {
            let url = format!(
                "{}/v1/organizations/acme/environments/dev/keyvaluemaps/{map}/entries?pageSize=100&pageToken={token}",
                self.sandbox.url()
            );
            let page: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
            for entry in page["keyValueEntries"].as_array().into_iter().flatten() {
                let text = |field: &str| entry[field].as_str().unwrap_or_default().to_owned();
                found.insert(text("name"), text("value"));
            }
            match page["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() => next.clone_into(&mut token),
                _ => return found,
            }
        }
    }

    /// The record of the target server.
    async fn record(&self) -> Record {
        let records = self.entries("apigee-flux").await;
        let mut records = records.values().filter_map(|value| Record::parse(value));
        records.find(|record| record.id.kind == "ApigeeTargetServer").unwrap()
    }

    /// The host of the target server in Apigee.
    async fn host(&self) -> String {
        let url = format!("{}/v1/organizations/acme/environments/dev/targetservers/backend", self.sandbox.url());
        let server: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        server["host"].as_str().unwrap_or_default().to_owned()
    }

    async fn make_server(&self, host: &str) {
        let url = format!("{}/v1/organizations/acme/environments/dev/targetservers", self.sandbox.url());
        let body = json!({"name": "backend", "host": host, "port": 443, "isEnabled": true});
        assert!(self.http.post(url).json(&body).send().await.unwrap().status().is_success());
    }

    fn fault(&self, rule: &str) {
        self.sandbox.inject(rule.parse().unwrap());
    }
}

#[tokio::test]
async fn a_map_of_thousands_of_entries_keeps_its_promise() {
    let world = World::start().await;
    let team = options("team");
    assert_eq!(world.done(map(0..3000), &team).await, ResourceResult::Created);
    assert!(world.entries("apigee-flux").await.len() > 5);
    let before = world.record_writes();
    assert_eq!(world.done(map(0..3000), &team).await, ResourceResult::Unchanged);
    assert_eq!(world.record_writes(), before, "nothing changed, nothing is recorded");
    assert_eq!(world.done(map(0..5), &team).await, ResourceResult::Updated);
    assert_eq!(world.entries("settings").await.len(), 5, "each of the others was managed");
    assert_eq!(world.entries("apigee-flux").await.len(), 1, "no entry of the large record is left");
    // Large again, then removed from Git.
    world.done(map(0..250), &team).await;
    // Files that have nothing at all delete nothing, so another map stays in Git.
    let mut other = map(0..1);
    other.id.name = "other".to_owned();
    let inventory = Inventory { environment: vec![other], ..Inventory::default() };
    let source = Source::Files { inventory, bundles: Vec::new() };
    let how = ReconcileOptions {
        options: team,
        owner_of_organization: "team".to_owned(),
        max_deletes: Some(5),
        young: Duration::ZERO,
        deep: Deep::Never,
    };
    let target = Target { organization: "acme".parse().unwrap(), environment: "dev".parse().unwrap() };
    let secrets = Arc::new(|place: &ValueFrom| Err(format!("no {place} in a test")));
    let run = reconcile(&world.client, &target, source, secrets, &how, Arc::new(|_| ())).await.unwrap();
    let results: Vec<ResourceResult> = run.report.resources.iter().map(|one| one.result).collect();
    assert_eq!(results, [ResourceResult::Created, ResourceResult::Deleted], "{:?}", run.report);
    assert_eq!(world.entries("apigee-flux").await.len(), 1, "only the record of the other map is left");
}

#[tokio::test]
async fn a_run_that_is_stopped_between_two_entries_of_a_record_forgets_nothing() {
    // The requests that change records while the map shrinks from 250 to 50 entries and gets 150 others.
    for stopped_at in 1..40 {
        let world = World::start().await;
        let team = options("team");
        world.done(map(0..250), &team).await;
        world.fault(&format!("* *{RECORDS}/* status:400 @{}", stopped_at + 1));
        world.fault(&format!("POST *{RECORDS} status:400 @{stopped_at}"));
        let report = world.apply(vec![map((0..50).chain(2000..2150))], &team).await;
        let was_stopped = report.resources[0].result == ResourceResult::Failed;
        world.sandbox.clear_faults();
        // A third state of Git: what the first two had must go.
        world.done(map(20..60), &team).await;
        let left = world.entries("settings").await;
        assert_eq!(left.len(), 40, "stopped at {stopped_at}");
        let pieces = world.entries("apigee-flux").await;
        assert!(pieces.len() <= 3, "stopped at {stopped_at}: {:?}", pieces.keys());
        if !was_stopped {
            assert!(stopped_at > 4, "the fault was at no request");
            return;
        }
    }
    panic!("each run was stopped");
}

#[tokio::test]
async fn a_record_that_lost_an_entry_is_an_error_once() {
    let world = World::start().await;
    let team = options("team");
    world.done(map(0..250), &team).await;
    let records = world.entries("apigee-flux").await;
    let lost = records.keys().find(|key| key.matches('.').count() == 2).unwrap();
    let url = format!(
        "{}/v1/organizations/acme/environments/dev/keyvaluemaps/apigee-flux/entries/{lost}",
        world.sandbox.url()
    );
    assert!(world.http.delete(url).send().await.unwrap().status().is_success());
    let (code, reason) = world.fails(map(0..250), &team).await;
    assert!(code == 75 && reason.contains(&format!("lacked the entry `{lost}`")), "{code} {reason}");
    assert_eq!(world.done(map(0..250), &team).await, ResourceResult::Unchanged);
    assert_eq!(world.done(map(0..1), &team).await, ResourceResult::Updated);
    assert_eq!(world.entries("settings").await.len(), 1);
}

#[tokio::test]
async fn adoption_from_another_owner_compares_first() {
    let world = World::start().await;
    world.done(server("a", Adopt::Never), &job("one", "n1", "j1")).await;
    let other = job("two", "n2", "j2");
    let (code, reason) = world.fails(server("a", Adopt::Never), &other).await;
    assert!(code == 73 && reason.contains("its owner is `one` (namespace `n1`), not `two`"), "{code} {reason}");
    let (code, reason) = world.fails(server("b", Adopt::Match), &other).await;
    assert!(code == 65 && reason.contains("belongs to the owner `one` and differs (update host)"), "{code} {reason}");
    assert_eq!((world.host().await.as_str(), world.record().await.owner.as_str()), ("a", "one"));
    assert_eq!(world.done(server("a", Adopt::Match), &other).await, ResourceResult::Adopted);
    let record = world.record().await;
    assert_eq!((record.owner.as_str(), record.taken_from.as_deref()), ("two", Some("one")));
    assert_eq!(world.done(server("a", Adopt::Match), &other).await, ResourceResult::Unchanged);
    // The former owner does not take it back, whatever its spec says.
    let (code, reason) = world.fails(server("a", Adopt::Override), &job("one", "n1", "j3")).await;
    assert!(code == 73 && reason.contains("which adopted it from this one"), "{code} {reason}");
    // A third one may replace it.
    assert_eq!(world.done(server("c", Adopt::Override), &job("three", "n3", "j4")).await, ResourceResult::Updated);
    assert_eq!((world.host().await.as_str(), world.record().await.owner.as_str()), ("c", "three"));
}

#[tokio::test]
async fn there_must_be_something_to_adopt() {
    let world = World::start().await;
    for adopt in [Adopt::Match, Adopt::Override] {
        let (code, reason) = world.fails(server("a", adopt), &options("team")).await;
        assert!(code == 65 && reason.contains("there is nothing to adopt"), "{code} {reason}");
    }
    world.make_server("a").await;
    assert_eq!(world.done(server("b", Adopt::Override), &options("team")).await, ResourceResult::Updated);
    // It is managed now, so it is made again.
    let url = format!("{}/v1/organizations/acme/environments/dev/targetservers/backend", world.sandbox.url());
    assert!(world.http.delete(url).send().await.unwrap().status().is_success());
    assert_eq!(world.done(server("b", Adopt::Override), &options("team")).await, ResourceResult::Created);
}

#[tokio::test]
async fn a_move_signs_the_record_and_the_reconciler_never_takes_over() {
    let siblings = [("n1", "one"), ("n2", "two")];
    let world = World::start().await;
    world.done(server("a", Adopt::Never), &with_siblings(job("one", "n1", "j1"), &siblings)).await;
    let made = world.record().await;
    let mover = with_siblings(job("two", "n2", "j2"), &siblings);
    let mut reconciler = mover.clone();
    reconciler.claimant.actor = Actor::Reconciler;
    let left = world.apply(vec![server("b", Adopt::Never)], &reconciler).await;
    let [Applied { result, reason, exit, .. }] = left.resources.as_slice() else { panic!() };
    assert_eq!((*result, exit.code(), world.host().await.as_str()), (ResourceResult::Left, 0, "a"), "{reason}");
    let line = left.to_line(world.place.as_place(), None, 0);
    assert!(line.contains(r#""result":"left""#) && line.contains(r#""left":1"#) && line.contains(reason), "{line}");

    assert_eq!(world.done(server("a", Adopt::Never), &mover).await, ResourceResult::Unchanged);
    let arrived = world.record().await;
    assert_eq!((arrived.owner.as_str(), arrived.namespace.as_deref()), ("two", Some("n2")));
    assert_eq!(arrived.superseded.as_deref(), Some("j1"));
    assert_eq!(arrived.provenance, made.provenance, "the value is still that of the first commit");
    let (code, reason) =
        world.fails(server("a", Adopt::Never), &with_siblings(job("one", "n1", "j1"), &siblings)).await;
    assert!(code == 73 && reason.contains("it was moved to the namespace `n2`"), "{code} {reason}");
}

#[tokio::test]
async fn a_replaced_cluster_is_signed_off() {
    let world = World::start().await;
    let in_cluster = |uid: &str, cluster: &str, replaces: Option<&str>| {
        let mut options = job("team", "n", uid);
        options.claimant.cluster = Some(cluster.to_owned());
        options.claimant.replaces_cluster = replaces.map(str::to_owned);
        options
    };
    world.done(server("a", Adopt::Never), &in_cluster("j1", "old", None)).await;
    let (code, reason) = world.fails(server("a", Adopt::Never), &in_cluster("j2", "new", None)).await;
    assert!(code == 73 && reason.contains("set `spec.replacesCluster: old`"), "{code} {reason}");
    world.done(server("a", Adopt::Never), &in_cluster("j2", "new", Some("old"))).await;
    assert_eq!(world.record().await.cluster.as_deref(), Some("new"));
    // The old cluster is still there.
    assert_eq!(world.fails(server("a", Adopt::Never), &in_cluster("j3", "old", None)).await.0, 73);
}

#[tokio::test]
async fn provenance_is_that_of_the_state_that_made_the_value() {
    let world = World::start().await;
    let commit = async || world.record().await.provenance.commit.unwrap();
    world.done(server("a", Adopt::Never), &job("team", "n", "j1")).await;
    // A drift that another commit repairs: its spec says the same.
    let url = format!("{}/v1/organizations/acme/environments/dev/targetservers/backend", world.sandbox.url());
    assert!(world.http.delete(url).send().await.unwrap().status().is_success());
    assert_eq!(world.done(server("a", Adopt::Never), &job("team", "n", "j2")).await, ResourceResult::Created);
    assert_eq!(commit().await, "commit-of-j1");
    assert_eq!(world.record().await.job.as_deref(), Some("j2"));
    world.done(server("b", Adopt::Never), &job("team", "n", "j3")).await;
    assert_eq!(commit().await, "commit-of-j3");
}

/// Two Jobs of the same namespace at the same time: the older one stops before it changes anything, whether the newer one
/// began before (1) or after (2) the older one has recorded its intent.
#[tokio::test]
async fn a_run_that_another_job_overtakes_stops() {
    for read in [1, 2] {
        let world = World::start().await;
        world.done(server("a", Adopt::Never), &job("team", "n", "j0")).await;
        world.fault(&format!("GET *{RECORDS}/* late:600ms @{read}"));
        let (old, new) = (job("team", "n", "j1"), job("team", "n", "j2"));
        let newer = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            world.done(server("newer", Adopt::Never), &new).await
        };
        let (older, newer) = tokio::join!(world.fails(server("older", Adopt::Never), &old), newer);
        assert_eq!(newer, ResourceResult::Updated, "{read}");
        assert!(older.0 == 75 && older.1.contains("another Job took over (uid j2)"), "{read}: {older:?}");
        assert_eq!((world.host().await.as_str(), world.record().await.job.as_deref()), ("newer", Some("j2")), "{read}");
    }
    // Both want to create it.
    let world = World::start().await;
    world.done(map([1]), &job("team", "n", "j0")).await;
    world.fault(&format!("GET *{RECORDS}/* late:600ms @1"));
    let (old, new) = (job("team", "n", "j1"), job("team", "n", "j2"));
    let newer = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.done(server("newer", Adopt::Never), &new).await
    };
    let (older, newer) = tokio::join!(world.fails(server("older", Adopt::Never), &old), newer);
    assert_eq!((newer, older.0, world.host().await.as_str()), (ResourceResult::Created, 75, "newer"), "{older:?}");
}

#[tokio::test]
async fn what_a_killed_run_was_about_to_set_is_recorded() {
    let world = World::start().await;
    world.done(server("a", Adopt::Never), &job("team", "n", "j1")).await;
    let before = world.record().await;
    world.fault("PUT */targetservers/* status:400");
    world.fails(server("b", Adopt::Never), &job("team", "n", "j2")).await;
    let after = world.record().await;
    assert_ne!(before.digest, after.digest);
    assert_eq!((world.host().await.as_str(), after.job.as_deref()), ("a", Some("j2")));
}

#[tokio::test]
async fn a_guard_stops_the_writes_of_a_resource() {
    let world = World::start().await;
    world.done(server("a", Adopt::Never), &options("team")).await;
    let guard = Guard::new(|_| Box::pin(async { Err(Error::Left("its own Job has a newer state".to_owned())) }));
    let guarded = ApplyOptions { guard: Some(guard), ..options("team") };
    let before = world.sandbox.requests().iter().filter(|request| request.is_write).count();
    let report = world.apply(vec![server("b", Adopt::Never), map([1])], &guarded).await;
    for Applied { result, reason, exit, .. } in &report.resources {
        assert_eq!((*result, exit.code()), (ResourceResult::Left, 0), "{reason}");
        assert_eq!(reason, "its own Job has a newer state");
    }
    assert_eq!(world.sandbox.requests().iter().filter(|request| request.is_write).count(), before);
}

fn resource(kind: &str, name: &str, adopt: Adopt, body: Value) -> Entry {
    let id = Id { kind: kind.to_owned(), parent: None, name: name.to_owned() };
    Entry { id, deletion_policy: ConfigurationDeletionPolicy::Orphan, adopt, body }
}

#[tokio::test]
async fn nothing_waits_for_what_has_failed_for_good_in_the_same_run() {
    let world = World::start().await;
    let team = options("team");
    let start = Instant::now();
    let entries = |adopt| {
        vec![
            resource("ApigeeKeystore", "keys", adopt, json!({"aliases": {}})),
            resource("ApigeeReference", "current", Adopt::Never, json!({"refers": "keys", "resourceType": "KeyStore"})),
        ]
    };
    let report = world.apply(entries(Adopt::Match), &team).await;
    let [keystore, reference] = report.resources.as_slice() else { panic!() };
    assert_eq!((keystore.exit.code(), reference.exit.code(), report.exit().code()), (65, 65, 65), "{reference:?}");
    assert!(
        reference.reason.ends_with("keystores/keys does not exist, because ApigeeKeystore keys failed"),
        "{reference:?}"
    );
    assert!(start.elapsed() < team.timeout / 2);
    // A later stage of the same run: a bundle.
    let files =
        [("f.xml", "<SharedFlowBundle name=\"f\"/>"), ("sharedflows/default.xml", "<SharedFlow name=\"default\"/>")];
    let files = files.map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec()));
    let mut bundle = Bundle::new(BundleKind::SharedFlow, "f".parse().unwrap(), files.into_iter().collect());
    bundle.requires.target_servers = vec!["backend".to_owned()];
    world.fails(server("a", Adopt::Match), &team).await;
    let target = Target { organization: "acme".parse().unwrap(), environment: "dev".parse().unwrap() };
    let how = DeployOptions { failed: team.failed.clone(), polling: team.polling, ..DeployOptions::default() };
    let deployed = deploy(&world.client, &bundle, &target, &how, &|_| ()).await;
    assert_eq!(deployed.exit.code(), 65, "{}", deployed.outcome.reason);
    assert!(
        deployed.outcome.reason.contains("because ApigeeTargetServer backend failed"),
        "{}",
        deployed.outcome.reason
    );
    // When it succeeds, all follows.
    let report = world.apply(entries(Adopt::Never), &team).await;
    assert_eq!(report.exit().code(), 0, "{:?}", report.resources);
}

#[tokio::test]
async fn histories_of_reconcilers_are_kept_beside_the_records() {
    let world = World::start().await;
    let place = world.place.as_place();
    let event = |number: usize| HistoryEntry {
        time: format!("2026-01-01T00:00:{number:02}Z"),
        action: HistoryAction::Deleted,
        id: server("a", Adopt::Never).id,
        commit: Some("c".repeat(40)),
        source: Some("https://git.example.com/team/apis".to_owned()),
        reason: "removed from Git ".repeat(30),
    };
    let (one, two) = (job("team", "n1", "j").claimant, job("team", "n2", "j").claimant);
    for number in 0..60 {
        append_history(&world.client, place, &one, vec![event(number)]).await.unwrap();
    }
    append_history(&world.client, place, &two, vec![event(1), event(0)]).await.unwrap();
    append_history(&world.client, place, &two, Vec::new()).await.unwrap();
    world.done(server("a", Adopt::Never), &options("team")).await;
    let pages = read_history(&world.client, place).await.unwrap();
    let of = |namespace: &str| {
        let pages = pages.iter().filter(|page| page.namespace.as_deref() == Some(namespace));
        pages.flat_map(|page| &page.history).map(|entry| entry.time.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of("n1"), (10..60).rev().map(|number| event(number).time).collect::<Vec<_>>());
    assert_eq!(of("n2"), [event(1).time, event(0).time]);
    assert_eq!(world.record().await.owner, "team");
}

/// The run that creates the app is killed before it creates the Secret.
#[tokio::test]
async fn a_generated_key_reaches_its_secret_after_a_killed_run() {
    let mut world = World::start().await;
    world.place.environment = None;
    let created: Arc<Mutex<Vec<NewSecret>>> = Arc::default();
    let writer = |is_killed: bool| {
        let created = Arc::clone(&created);
        SecretWriter::new(move |secret| {
            let created = Arc::clone(&created);
            Box::pin(async move {
                if is_killed {
                    return Err(Error::Temporary("killed".to_owned()));
                }
                let mut created = created.lock().unwrap();
                if created.iter().any(|known| known.name == secret.name) {
                    return Ok(SecretCreation::Exists);
                }
                created.push(secret);
                Ok(SecretCreation::Created)
            })
        })
    };
    let entries = || {
        let product = json!({"displayName": "p", "approvalType": "auto", "attributes": []});
        let developer = json!({"firstName": "A", "lastName": "L", "userName": "ann", "attributes": []});
        let app =
            json!({"attributes": [], "products": ["p"], "scopes": [], "approve": false, "keySecretName": "shop-key"});
        let mut app = resource("ApigeeApp", "shop", Adopt::Never, app);
        app.id.parent = Some("ann@example.com".to_owned());
        vec![
            resource("ApigeeProduct", "p", Adopt::Never, product),
            resource("ApigeeDeveloper", "ann@example.com", Adopt::Never, developer),
            app,
        ]
    };
    let with = |writer| ApplyOptions { secret_writer: Some(writer), ..options("team") };
    let report = world.apply(entries(), &with(writer(true))).await;
    assert_eq!(report.exit().code(), 75, "{:?}", report.resources);
    assert!(created.lock().unwrap().is_empty());
    for _ in 0..2 {
        let report = world.apply(entries(), &with(writer(false))).await;
        assert_eq!(report.exit().code(), 0, "{:?}", report.resources);
    }
    let url = format!("{}/v1/organizations/acme/developers/ann@example.com/apps/shop", world.sandbox.url());
    let app: Value = world.http.get(url).send().await.unwrap().json().await.unwrap();
    let credential = &app["credentials"][0];
    let created = created.lock().unwrap();
    let [secret] = created.as_slice() else { panic!("{created:?}") };
    assert_eq!(
        (&json!(secret.key), &json!(secret.secret)),
        (&credential["consumerKey"], &credential["consumerSecret"])
    );
    assert!(!format!("{:?}", report.resources).contains(&secret.secret));
}
