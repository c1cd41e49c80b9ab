//! Configuration of an organization, which is applied to a sandbox.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apigee_flux_configuration::document::{ConfigurationDeletionPolicy, SCHEMA_VERSION};
use apigee_flux_configuration::secret::ValueFrom;
use apigee_flux_configuration::{Document, Entry, Id, OwnedPlace};
use apigee_flux_deployer::apply::{ApplyEvent, ApplyOptions, ApplyReport, ResourceResult, apply};
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{Client, Polling, TokenSource};
use apigee_flux_model::lifecycle::Adopt;
use apigee_flux_sandbox::{LoggedRequest, Sandbox, SandboxOptions};
use serde_json::{Value, json};

use super::wiretap::Wiretap;

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) tap: Wiretap,
    pub(crate) client: Client,
    pub(crate) http: reqwest::Client,
    /// All events, as text.
    pub(crate) heard: Arc<Mutex<String>>,
}

pub(crate) fn options() -> ApplyOptions {
    ApplyOptions {
        timeout: Duration::from_secs(20),
        polling: Polling { first: Duration::from_millis(10), longest: Duration::from_millis(20), ..Polling::default() },
        ..ApplyOptions::new("team")
    }
}

/// A resource of the organization, from the body that its spec has in Apigee.
pub(crate) fn entry(kind: &str, parent: Option<&str>, name: &str, body: Value) -> Entry {
    Entry {
        id: Id { kind: kind.to_owned(), parent: parent.map(str::to_owned), name: name.to_owned() },
        deletion_policy: ConfigurationDeletionPolicy::Delete,
        adopt: Adopt::Never,
        body,
    }
}

pub(crate) fn product(name: &str, description: &str) -> Entry {
    let body =
        json!({"displayName": name, "description": description, "approvalType": "auto", "environments": ["dev"]});
    entry("ApigeeProduct", None, name, body)
}

pub(crate) fn with_plan(name: &str) -> Entry {
    let mut product = product(name, "with a plan");
    product.body["ratePlans"] =
        json!({"monthly": {"displayName": "monthly", "state": "DRAFT", "billingPeriod": "MONTHLY"}});
    product
}

pub(crate) fn email(index: usize) -> String {
    format!("d{index:04}@x.example")
}

pub(crate) fn developer(index: usize) -> Entry {
    let body = json!({"firstName": "D", "lastName": "X", "userName": "d", "attributes": []});
    entry("ApigeeDeveloper", None, &email(index), body)
}

pub(crate) fn app_body(product: &str) -> Value {
    json!({"attributes": [], "products": [product], "scopes": [], "approve": false})
}

pub(crate) fn app(index: usize, product: &str) -> Entry {
    entry("ApigeeApp", Some(&email(index)), "shop", app_body(product))
}

pub(crate) fn group(name: &str, product: &str) -> Entry {
    let body =
        json!({"displayName": name, "attributes": [], "apps": {"one": app_body(product), "two": app_body(product)}});
    entry("ApigeeAppGroup", None, name, body)
}

pub(crate) fn collector(index: usize) -> Entry {
    entry("ApigeeDataCollector", None, &format!("dc_{index:04}"), json!({"type": "STRING"}))
}

pub(crate) fn products(count: usize) -> Vec<Entry> {
    (0..count).map(|index| product(&format!("p{index:04}"), "x")).collect()
}

impl World {
    /// A sandbox with faults, in the syntax of its option.
    pub(crate) async fn start(faults: &[&str]) -> Self {
        let faults = faults.iter().map(|rule| rule.parse().unwrap()).collect();
        let options = SandboxOptions { faults, ..SandboxOptions::default() };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let tap = Wiretap::start(sandbox.address()).await;
        let backoff = Backoff { first: Duration::from_millis(10), attempts: 2, ..Backoff::default() };
        let settings = Settings { rate: 100_000.try_into().unwrap(), backoff, ..Settings::default() };
        let client = Client::new(tap.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
        Self { sandbox, tap, client, http: reqwest::Client::new(), heard: Arc::default() }
    }

    pub(crate) async fn apply(&self, resources: &[Entry]) -> ApplyReport {
        self.apply_with(resources, &options()).await
    }

    pub(crate) async fn apply_with(&self, resources: &[Entry], options: &ApplyOptions) -> ApplyReport {
        let place = OwnedPlace { organization: "acme".to_owned(), environment: None };
        let document = Document { schema_version: SCHEMA_VERSION, resources: resources.to_vec() };
        let secrets = Arc::new(|_: &ValueFrom| Err("no secret in a test".to_owned()));
        let heard = Arc::clone(&self.heard);
        let listener = Arc::new(move |event: ApplyEvent<'_>| {
            let _ = writeln!(heard.lock().unwrap(), "{event:?}");
        });
        apply(&self.client, &place, &document, secrets, options, listener).await.unwrap()
    }

    /// Applies the resources, which must all be in sync; returns the requests.
    pub(crate) async fn unchanged(&self, resources: &[Entry]) -> Vec<String> {
        let before = self.requests().len();
        let report = self.apply(resources).await;
        for applied in &report.resources {
            assert_eq!(applied.result, ResourceResult::Unchanged, "{}: {}", applied.id, applied.reason);
        }
        self.requests().split_off(before)
    }

    pub(crate) async fn created(&self, resources: &[Entry]) {
        let report = self.apply(resources).await;
        for applied in &report.resources {
            assert_eq!(applied.result, ResourceResult::Created, "{}: {}", applied.id, applied.reason);
        }
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.sandbox.requests().iter().map(|LoggedRequest { method, path, .. }| format!("{method} {path}")).collect()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) {
        let url = format!("{}/v1/organizations/acme/{path}", self.sandbox.url());
        let request = self.http.request(method.parse().unwrap(), url);
        let request = if body.is_null() { request.header("content-length", 0) } else { request.json(body) };
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
    }

    /// Creates a product by hand.
    pub(crate) async fn by_hand(&self, name: &str) {
        self.send("POST", "apiproducts", &json!({"name": name, "displayName": "by hand", "environments": ["dev"]}))
            .await;
    }
}
