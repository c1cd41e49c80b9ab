//! A sandbox, bundles, and deployers with owners.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apigee_flux_configuration::call::Request;
use apigee_flux_configuration::inventory::{Named, NamedResource, Names};
use apigee_flux_configuration::{Actor, Answer, Body, Claimant, Id, Read, Record, Shape, Verb, record};
use apigee_flux_deployer::client::{DeployParameters, Settings};
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::outcome::BundleResult;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{
    Bundle, Client, DeployOptions, DeployReport, Polling, ResourceName, Target, TokenSource, deploy, remove,
};
use apigee_flux_model::bundle::{BundleKind, BundlePath, Files, Removal, zip};
use apigee_flux_model::names::{Name, RevisionId};
use apigee_flux_sandbox::{Sandbox, SandboxOptions};
use serde_json::json;

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub(crate) fn id(number: &str) -> RevisionId {
    number.parse().unwrap()
}

/// A proxy; proxies with one name and base path differ only in `body`.
pub(crate) fn proxy(text: &str, base_path: &str, body: &str) -> Bundle {
    let endpoint = format!(
        "<ProxyEndpoint name=\"default\"><PreFlow><Request><Step><Name>AM</Name></Step></Request></PreFlow>\
         <HTTPProxyConnection><BasePath>{base_path}</BasePath></HTTPProxyConnection><RouteRule name=\"none\"/></ProxyEndpoint>"
    );
    let list = [
        (format!("{text}.xml"), format!("<APIProxy name=\"{text}\"><Description>Orders</Description></APIProxy>")),
        (
            "policies/AM.xml".to_owned(),
            format!("<AssignMessage name=\"AM\"><Set><Payload>{body}</Payload></Set></AssignMessage>"),
        ),
        ("proxies/default.xml".to_owned(), endpoint),
    ];
    let files: Files =
        list.into_iter().map(|(path, text)| (BundlePath::parse(&path).unwrap(), text.into_bytes())).collect();
    Bundle::new(BundleKind::Proxy, name(text), files)
}

pub(crate) fn orders(body: &str) -> Bundle {
    proxy("orders", "/orders", body)
}

pub(crate) fn target() -> Target {
    Target { organization: name("acme"), environment: name("prod") }
}

/// A person.
pub(crate) fn person() -> DeployOptions {
    DeployOptions {
        timeout: Duration::from_secs(5),
        polling: Polling { first: Duration::from_millis(5), longest: Duration::from_millis(30), ..Polling::default() },
        ..DeployOptions::default()
    }
}

/// A Job of an owner that has one namespace, `team`.
pub(crate) fn job(owner: &str, uid: &str) -> DeployOptions {
    job_in(owner, "team", uid)
}

/// A Job of an owner in one of its namespaces, `team` and `other`.
pub(crate) fn job_in(owner: &str, namespace: &str, uid: &str) -> DeployOptions {
    let siblings = ["team", "other"].map(|sibling| (sibling.to_owned(), owner.to_owned()));
    let claimant = Claimant {
        namespace: Some(namespace.to_owned()),
        siblings: BTreeMap::from(siblings),
        job: Some(uid.to_owned()),
        ..Claimant::new(owner)
    };
    DeployOptions { claimant: Some(claimant), ..person() }
}

/// A tick of an owner's reconciler.
pub(crate) fn reconciler(owner: &str) -> DeployOptions {
    let options = job(owner, "tick");
    let claimant = options.claimant.clone().map(|claimant| Claimant { actor: Actor::Reconciler, ..claimant });
    DeployOptions { claimant, ..options }
}

/// A state of Git that defines these proxies.
pub(crate) fn names(list: &[&str]) -> Arc<Names> {
    let named = |text: &&str| {
        let resource = NamedResource { of_organization: false, id: proxy_id(text) };
        (resource, Named { namespace: "team".to_owned(), digest: "00000000".to_owned() })
    };
    Arc::new(Names(list.iter().map(named).collect()))
}

pub(crate) fn proxy_id(text: &str) -> Id {
    Id { kind: "ApigeeProxy".to_owned(), parent: None, name: text.to_owned() }
}

/// A sandbox and a client that does not wait between requests.
pub(crate) struct World {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) client: Client,
    pub(crate) events: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(Duration::from_millis(20)).await
    }

    /// A sandbox in which a deployment needs this time to become ready.
    pub(crate) async fn with(progressing: Duration) -> Self {
        let options = SandboxOptions { progressing, ..SandboxOptions::default() };
        let sandbox = Arc::new(Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap());
        let client = client(&sandbox);
        Self { sandbox, client, events: Arc::default() }
    }

    pub(crate) async fn deploy(&self, bundle: &Bundle, options: &DeployOptions) -> DeployReport {
        let told = |event: &Event| self.events.lock().unwrap().push(event.message.clone());
        deploy(&self.client, bundle, &target(), options, &told).await
    }

    pub(crate) async fn remove(&self, text: &str, removal: Removal, options: &DeployOptions) -> DeployReport {
        remove(&self.client, BundleKind::Proxy, &name(text), &target(), removal, options, &|_: &Event| ()).await
    }

    /// Imports and deploys a proxy as another tool does. `files` are packed as they are.
    pub(crate) async fn put(&self, text: &str, files: &Files, service_account: Option<&str>) -> RevisionId {
        let (organization, proxy) = (name("acme"), name(text));
        let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &proxy };
        let zip = zip::pack(BundleKind::Proxy, files).unwrap().into();
        let (id, _) = self.client.import(resource, &zip).await.unwrap();
        let how = DeployParameters { service_account, sequenced_rollout: false };
        self.client.deploy(resource, &name("prod"), id, how).await.unwrap();
        tokio::time::sleep(Duration::from_millis(40)).await;
        id
    }

    /// The deployed revision, with the email of its service account.
    pub(crate) async fn deployed(&self, text: &str) -> Option<(RevisionId, Option<String>)> {
        let (organization, proxy) = (name("acme"), name(text));
        let resource = ResourceName { organization: &organization, kind: BundleKind::Proxy, name: &proxy };
        let list = self.client.deployments(resource, &name("prod")).await.ok()?;
        let first = list.first()?;
        Some((first.revision, first.service_account_email().map(str::to_owned)))
    }

    /// The deployed revision.
    pub(crate) async fn revision(&self, text: &str) -> Option<RevisionId> {
        self.deployed(text).await.map(|(id, _)| id)
    }

    pub(crate) async fn record(&self, text: &str) -> Option<Record> {
        let read = Read::json(entry(text), "none").of(Shape::with(&["name", "value"]));
        match self.client.read(&read).await.unwrap() {
            Answer::Missing => None,
            answer => Some(Record::parse(answer.json()["value"].as_str().unwrap()).unwrap()),
        }
    }

    pub(crate) async fn write_record(&self, record: &Record) {
        let body = Body::Json(json!({"name": Record::key(&record.id), "value": record.to_value()}));
        let request = Request::new(Verb::Put, entry(&record.id.name), body, "none");
        self.client.change(&request).await.unwrap();
    }

    /// The requests that change something, since the one with this number.
    pub(crate) fn writes(&self, since: usize) -> Vec<String> {
        let all = self.sandbox.requests();
        let writes = all[since..].iter().filter(|request| request.is_write);
        let short = |path: &str| path.rsplit("/acme/").next().unwrap_or(path).to_owned();
        writes.map(|request| format!("{} {}", request.method, short(&request.path))).collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.sandbox.requests().len()
    }

    /// The events that contain a text.
    pub(crate) fn told(&self, part: &str) -> Vec<String> {
        self.events.lock().unwrap().iter().filter(|event| event.contains(part)).cloned().collect()
    }
}

pub(crate) fn client(sandbox: &Sandbox) -> Client {
    let backoff = Backoff { first: Duration::from_millis(5), attempts: 3, ..Backoff::default() };
    let settings = Settings { rate: 10_000.try_into().unwrap(), backoff, ..Settings::default() };
    Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap()
}

fn entry(text: &str) -> Vec<String> {
    let key = Record::key(&proxy_id(text));
    let parts = ["organizations", "acme", "environments", "prod", "keyvaluemaps", record::MAP, "entries", &key];
    parts.map(str::to_owned).to_vec()
}

#[track_caller]
pub(crate) fn check(report: &DeployReport, ending: BundleResult, revision: Option<&str>) {
    assert_eq!((report.outcome.result, report.exit.code()), (ending, 0), "{}", report.outcome.reason);
    assert_eq!(report.outcome.revision, revision.map(id));
}

#[track_caller]
pub(crate) fn check_failed(report: &DeployReport, code: u8, parts: &[&str]) {
    assert_eq!(report.exit.code(), code, "{}", report.outcome.reason);
    for part in parts {
        assert!(report.outcome.reason.contains(part), "`{}` lacks `{part}`", report.outcome.reason);
    }
}
