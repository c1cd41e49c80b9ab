//! The records of managed configuration: of many parts, of other owners, and of runs that were stopped in the middle.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use apigee_flux_configuration::document::{ConfigurationDeletionPolicy, SCHEMA_VERSION};
use apigee_flux_configuration::secret::ValueFrom;
use apigee_flux_configuration::{Document, Entry, Id, OwnedPlace};
use apigee_flux_deployer::apply::{Applied, ApplyOptions, ApplyReport, ResourceResult, apply};
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::prune::{Kept, prune};
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{Client, Polling, TokenSource};
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
    let empty = [Kept {
        place: world.place.clone(),
        owner: "team".to_owned(),
        ids: [Id { kind: "ApigeeReference".to_owned(), parent: None, name: "other".to_owned() }].into(),
    }];
    let pruned = prune(&world.client, &empty, 5, &team, Arc::new(|_| ())).await.unwrap();
    assert_eq!(pruned.resources[0].result, ResourceResult::Deleted, "{}", pruned.resources[0].reason);
    assert_eq!(world.entries("apigee-flux").await.len(), 0);
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
