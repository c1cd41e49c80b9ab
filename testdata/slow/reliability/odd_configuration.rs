//! The same odd responses for configuration: to each request of a run that has nothing to do, and of a run that deletes resources that were removed
//! from Git.
//!
//! A run that cannot read the actual state deletes nothing and replaces nothing, and unmanaged objects are kept.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use apigee_flux_configuration::secret::ValueFrom;
use apigee_flux_configuration::{Document, Id, OwnedPlace};
use apigee_flux_deployer::Polling;
use apigee_flux_deployer::apply::{ApplyListener, ApplyOptions, apply};
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::prune::prune;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{Client, TokenSource};
use apigee_flux_sandbox::{self as sandbox, FaultRule, InjectedFault, Occurrence, OddResponse, Sandbox};
use serde_json::{Value, json};

use super::world::all;

const CERTIFICATE: &str = include_str!("../../configuration/keystore/secrets/orders-tls/tls.crt");
const KEY: &str = include_str!("../../configuration/keystore/secrets/orders-tls/tls.key");

fn place() -> OwnedPlace {
    OwnedPlace { organization: "acme".to_owned(), environment: Some("prod".to_owned()) }
}

/// One resource of each kind that has parts or secrets, and a plain one. All are adopted: in that case an unread record does the most damage.
fn document(adopt: &str) -> Document {
    let of = |kind: &str, name: &str, body: Value| json!({"kind": kind, "name": name, "deletionPolicy": "Delete", "adopt": adopt, "body": body});
    let key = json!({"valueFrom": {"secretKeyRef": {"name": "s", "key": "tls.key"}}});
    let resources = [
        of("ApigeeTargetServer", "orders", json!({"host": "orders.example", "port": 443, "isEnabled": true})),
        of("ApigeeKeystore", "orders", json!({"aliases": {"a": {"certificate": CERTIFICATE, "key": key}}})),
        of("ApigeeKeyValueMap", "orders", json!({"encrypted": true, "entries": {"one": "1", "two": "2"}})),
        of("ApigeeDebugMask", "debugmask", json!({"variables": ["request.header.authorization"]})),
    ];
    serde_json::from_value(json!({"schemaVersion": 1, "resources": resources})).unwrap()
}

struct World {
    sandbox: Sandbox,
    client: Client,
}

impl World {
    /// Creates the resources of the document, and an unmanaged entry and alias.
    async fn start() -> Self {
        let options = sandbox::SandboxOptions { progressing: Duration::ZERO, ..sandbox::SandboxOptions::default() };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let backoff = Backoff { first: Duration::from_millis(5), attempts: 2, ..Backoff::default() };
        let settings = Settings { rate: 10_000.try_into().unwrap(), backoff, ..Settings::default() };
        let client = Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
        let world = Self { sandbox, client };
        // There is nothing to adopt yet.
        let (code, text) = world.apply_document(&document("never")).await;
        assert_eq!(code, 0, "{text}");
        let (code, text) = world.apply().await;
        assert_eq!(code, 0, "{text}");
        let http = reqwest::Client::new();
        let base = format!("{}/v1/organizations/acme/environments/prod", world.sandbox.url());
        let entry =
            http.post(format!("{base}/keyvaluemaps/orders/entries")).json(&json!({"name": "theirs", "value": "1"}));
        let form = reqwest::multipart::Form::new()
            .part("certFile", reqwest::multipart::Part::text(CERTIFICATE).file_name("certificate.pem"));
        let alias =
            http.post(format!("{base}/keystores/orders/aliases?alias=theirs&format=keycertfile")).multipart(form);
        for request in [entry, alias] {
            let response = request.send().await.unwrap();
            assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        }
        world
    }

    fn options() -> ApplyOptions {
        ApplyOptions {
            workers: 1.try_into().unwrap(),
            timeout: Duration::from_millis(500),
            polling: Polling {
                first: Duration::from_millis(5),
                longest: Duration::from_millis(20),
                ..Polling::default()
            },
            ..ApplyOptions::new("team")
        }
    }

    async fn apply(&self) -> (u8, String) {
        self.apply_document(&document("override")).await
    }

    async fn apply_document(&self, document: &Document) -> (u8, String) {
        let secrets = Arc::new(|_: &ValueFrom| Ok(KEY.as_bytes().to_vec()));
        let silent: ApplyListener = Arc::new(|_| ());
        match apply(&self.client, &place(), document, secrets, &Self::options(), silent).await {
            Ok(report) => (report.exit().code(), format!("{:?}", report.resources)),
            Err(error) => (error.exit().code(), error.to_string()),
        }
    }

    async fn prune(&self) -> (u8, String) {
        // Another resource is left in Git: an empty state of Git deletes nothing.
        let ids = BTreeSet::from([Id { kind: "ApigeeReference".to_owned(), parent: None, name: "other".to_owned() }]);
        let silent: ApplyListener = Arc::new(|_| ());
        match prune(&self.client, &place(), ids, 9, &Self::options(), &silent).await {
            Ok(report) => (report.exit().code(), format!("{:?}", report.resources)),
            Err(error) => (error.exit().code(), error.to_string()),
        }
    }

    /// The requests after the first `before` ones: method and path.
    fn calls(&self, since: usize) -> Vec<String> {
        let requests = self.sandbox.requests();
        requests[since..].iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }

    fn deletions(&self, since: usize) -> Vec<String> {
        let requests = self.sandbox.requests();
        let deleted = requests[since..].iter().filter(|request| request.method == "DELETE" && request.status < 300);
        deleted.map(|request| request.path.clone()).collect()
    }
}

#[derive(Clone)]
struct Case {
    prunes: bool,
    call: String,
    odd: OddResponse,
    occurrence: Occurrence,
}

pub(crate) async fn matrix() -> Vec<String> {
    let mut cases = Vec::new();
    for prunes in [false, true] {
        let world = World::start().await;
        let before = world.sandbox.requests().len();
        let _ = if prunes { world.prune().await } else { world.apply().await };
        let calls: BTreeSet<String> = world.calls(before).into_iter().filter(|call| call.starts_with("GET ")).collect();
        assert!(calls.len() > 4, "{calls:?}");
        for call in calls {
            for odd in OddResponse::ALL {
                for occurrence in [Occurrence::First(1), Occurrence::First(2), Occurrence::Every] {
                    cases.push(Case { prunes, call: call.clone(), odd, occurrence });
                }
            }
        }
    }
    let count = cases.len();
    let broken: Vec<String> = all(cases.into_iter().map(Case::run), 24).await.into_iter().flatten().collect();
    println!("odd answers to configuration: {count} runs, {} promises broken", broken.len());
    broken
}

impl Case {
    async fn run(self) -> Vec<String> {
        let Self { prunes, call, odd, occurrence } = self;
        let world = World::start().await;
        let before = world.sandbox.requests().len();
        let path = call.split_once(' ').unwrap().1.to_owned();
        world.sandbox.inject(FaultRule {
            method: Some("GET".into()),
            path,
            occurrence,
            fault: InjectedFault::Odd(odd),
        });
        let (code, text) = if prunes { world.prune().await } else { world.apply().await };
        let mut broken = Vec::new();
        // An object with unmanaged parts is never deleted.
        let holds = |path: &String| ["/keyvaluemaps/orders", "/keystores/orders"].iter().any(|end| path.ends_with(end));
        let deleted = world.deletions(before).into_iter().filter(|path| !prunes || holds(path));
        broken.extend(deleted.map(|path| format!("{path} is deleted: {text}")));
        world.sandbox.clear_faults();
        if !prunes {
            let before = world.sandbox.requests().len();
            let (next, text) = world.apply().await;
            let writes = world.calls(before).into_iter().filter(|call| !call.starts_with("GET "));
            let writes: Vec<String> = writes.filter(|call| !call.contains("/apigee-flux/")).collect();
            if next != 0 || !writes.is_empty() {
                broken.push(format!("after {code}, the next run ends with {next} and {writes:?}: {text}"));
            }
        }
        let what = if prunes { "prune" } else { "apply" };
        broken.into_iter().map(|text| format!("{what}, {call}, {odd:?} {occurrence:?}: {text}")).collect()
    }
}
