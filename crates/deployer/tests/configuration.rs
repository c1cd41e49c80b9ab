//! One test for each directory of `testdata/configuration`: the function renders the specs, their Jobs' documents are applied to a sandbox,
//! and `expected/calls.txt` has the result of each resource and the requests. `UPDATE=1` writes it again; read the diff before you commit it.
//!
//! A case has steps: `1.yaml`, `2.yaml` and so on are the states of Git, with their ApigeeEnvironment. Before step N the lines of `N.before`
//! are executed manually: `POST /v1/… {json}`, `file /v1/… TEXT` for an upload, `proxy NAME` for a proxy, `flow NAME ENVIRONMENT` for a shared flow that is deployed. `secrets/SECRET/KEY` are the keys of
//! Secrets; `secrets-N` replaces them from step N on. After each step, resources that were removed from Git are pruned.
//!
//! Each case runs twice, the second time with the alternative status of every error whose status is not documented: the result is the same.
//!
//! In addition, in every step Google accepts every request, byte for byte, applying the step again changes nothing, and no secret is in a document, a result or a log.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../../testdata/support/documents.rs"]
mod documents;
#[path = "../../../testdata/support/golden.rs"]
mod golden;
#[path = "../../../testdata/support/function.rs"]
mod run;
#[path = "../../../testdata/support/small_bundle.rs"]
mod small_bundle;
#[path = "../../../testdata/support/wiretap.rs"]
mod wiretap;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apigee_flux_configuration::secret::ValueFrom;
use apigee_flux_configuration::{Document, OwnedPlace};
use apigee_flux_deployer::Polling;
use apigee_flux_deployer::apply::{self, Applied, ApplyEvent, ResourceResult, apply};
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::prune::prune;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{Client, TokenSource};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_sandbox::{self as sandbox, LoggedRequest, Sandbox};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use documents::{Applying, documents};
use golden::expect;
use libtest_mimic::{Arguments, Failed, Trial};
use reqwest::Method;
use serde::Deserialize as _;
use serde_json::Value;
use small_bundle::upload;
use wiretap::Wiretap;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/configuration");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    let mut trials: Vec<Trial> = cases
        .iter()
        .flat_map(|case| [(case.clone(), false), (case.clone(), true)])
        .map(|(case, other_statuses)| {
            let mut name = case.file_name().unwrap().to_string_lossy().into_owned();
            if other_statuses {
                name += "-other-statuses";
            }
            Trial::test(name, move || {
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
                runtime.block_on(check(&case, other_statuses))
            })
        })
        .collect();
    trials.push(Trial::test("every-kind-has-a-case", move || every_kind_has_a_case(&cases)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// The documents that the function renders from a state of Git.
fn render(input: &str) -> Result<Vec<Applying>, Failed> {
    let ran = run::function(input);
    if ran.failed {
        return Err(format!("the function failed: {}", ran.stderr).into());
    }
    Ok(documents(&ran.stdout))
}

async fn check(case: &Path, other_statuses: bool) -> Result<(), Failed> {
    if !case.join("README.md").is_file() {
        return Err("the case has no README.md that says what it shows".into());
    }
    let mut world = World::start(other_statuses).await;
    let mut text = String::new();
    let mut secrets = case.join("secrets");
    let mut planted = BTreeSet::new();
    let mut places: BTreeMap<String, (OwnedPlace, String)> = BTreeMap::new();
    for step in 1.. {
        let Ok(input) = fs::read_to_string(case.join(format!("{step}.yaml"))) else { break };
        let other = case.join(format!("secrets-{step}"));
        secrets = if other.is_dir() { other } else { secrets };
        planted.extend(texts_below(&secrets));
        if let Ok(lines) = fs::read_to_string(case.join(format!("{step}.before"))) {
            for line in lines.lines().filter(|line| !line.trim().is_empty()) {
                world.by_hand(line).await?;
            }
        }
        let rendered = render(&input)?;
        for applying in &rendered {
            let place = (applying.place.clone(), applying.owner.clone());
            places.insert(applying.place.as_place().to_string(), place);
        }
        for (name, (place, owner)) in &places {
            let _ = writeln!(text, "# step {step}, {name}");
            let here = rendered.iter().find(|applying| applying.place == *place);
            let document = match here {
                Some(applying) => applying.document.clone(),
                None => Document { schema_version: 1, resources: Vec::new() },
            };
            text.push_str(&world.apply(place, owner, &document, &secrets).await?);
            let before = world.sandbox.requests().len();
            let again = world.apply(place, owner, &document, &secrets).await?;
            let requests = world.sandbox.requests();
            let failed = again.contains("failed ");
            if requests[before..].iter().any(|request| request.is_write) && !failed {
                return Err(format!("applying step {step} again changes something:\n{again}").into());
            }
            let _ = writeln!(text);
            let plain = serde_json::to_string(&document)?;
            if let Some(secret) = planted.iter().find(|secret| plain.contains(secret.as_str())) {
                return Err(format!("the secret `{secret}` is in the document").into());
            }
        }
    }
    let problems = world.tap.problems();
    if !problems.is_empty() {
        return Err(format!("Google would reject these requests:\n{}", problems.join("\n")).into());
    }
    let log = format!("{:?}", world.sandbox.requests());
    let heard = world.heard.lock().unwrap().clone();
    for secret in &planted {
        for (what, text) in [("the expected calls", &text), ("the log of the sandbox", &log), ("the progress", &heard)]
        {
            if text.contains(secret.as_str()) {
                return Err(format!("the secret `{secret}` is in {what}").into());
            }
        }
    }
    if other_statuses && std::env::var_os("UPDATE").is_some() {
        return Ok(());
    }
    Ok(expect(&case.join("expected/calls.txt"), &text)?)
}

/// The contents of all files below a folder; of binary files as base64, the form in which they would be visible.
fn texts_below(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { texts_below(&path) } else { BTreeSet::from([text_of(fs::read(path).unwrap())]) }
        })
        .map(|text| text.trim().to_owned())
        .collect()
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| STANDARD.encode(error.as_bytes()))
}

struct World {
    sandbox: Sandbox,
    client: Client,
    /// Between the client and the sandbox.
    tap: Wiretap,
    http: reqwest::Client,
    heard: Arc<Mutex<String>>,
}

impl World {
    async fn start(other_statuses: bool) -> Self {
        let options = sandbox::SandboxOptions {
            progressing: Duration::ZERO,
            other_statuses,
            ..sandbox::SandboxOptions::default()
        };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let backoff = Backoff { first: Duration::from_millis(10), attempts: 3, ..Backoff::default() };
        let settings = Settings { rate: 10_000.try_into().unwrap(), backoff, ..Settings::default() };
        let tap = Wiretap::start(sandbox.address()).await;
        let client = Client::new(tap.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
        Self { sandbox, client, tap, http: reqwest::Client::new(), heard: Arc::default() }
    }

    /// Applies a document and prunes; returns the results and the requests as text.
    async fn apply(
        &mut self,
        place: &OwnedPlace,
        owner: &str,
        document: &Document,
        secrets: &Path,
    ) -> Result<String, Failed> {
        let before = self.sandbox.requests().len();
        let folder = secrets.to_owned();
        let look_up = Arc::new(move |place: &ValueFrom| match place {
            ValueFrom::SecretKeyRef(secret) => {
                let file = folder.join(&secret.name).join(&secret.key);
                fs::read(file).map_err(|_| format!("the {place} is not there"))
            }
            ValueFrom::File(path) => Err(format!("no file `{path}` in a test")),
        });
        let options = apply::ApplyOptions {
            // One at a time, so that the order of the log is always the same.
            workers: 1.try_into().unwrap(),
            timeout: Duration::from_millis(100),
            polling: Polling {
                first: Duration::from_millis(10),
                longest: Duration::from_millis(50),
                ..Polling::default()
            },
            ..apply::ApplyOptions::new(owner)
        };
        let heard = Arc::clone(&self.heard);
        let progress: apply::ApplyListener = Arc::new(move |event: ApplyEvent<'_>| {
            let _ = writeln!(heard.lock().unwrap(), "{event:?}");
        });
        let report = apply(&self.client, place, document, look_up, &options, Arc::clone(&progress)).await?;
        let ids = document.resources.iter().map(|entry| entry.id.clone()).collect();
        let pruned = prune(&self.client, place, ids, 5, &options, &progress).await?;
        let mut text = String::new();
        for Applied { id, result, reason, .. } in report.resources.iter().chain(&pruned.resources) {
            let result = serde_json::to_value(result)?;
            // The number of a request depends on the number of polls.
            let reason = reason.split(" (request ").next().unwrap();
            let _ = writeln!(text, "{} {id}: {reason}", result.as_str().unwrap());
        }
        for request in self.sandbox.requests().iter().skip(before).filter(|request| request.is_write) {
            // The records are the same for all kinds.
            if !request.path.contains("/keyvaluemaps/apigee-flux") && !is_register(request) {
                let body = request.body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
                let form = request.content_type.as_deref().filter(|form| !form.starts_with("application/json"));
                let form = form.map(|form| format!(" ({})", form.split(';').next().unwrap())).unwrap_or_default();
                let line =
                    format!("  {} {}{form}{body} -> {}\n", request.method, without_ids(&request.path), request.status);
                // Polls are repeated requests.
                if !text.ends_with(&line) {
                    text.push_str(&line);
                }
            }
        }
        let changed = report.resources.iter().any(|applied| applied.result != ResourceResult::Unchanged);
        if !changed && pruned.resources.is_empty() && report.writes > 0 {
            return Err("nothing changed, and something was written".into());
        }
        Ok(text)
    }

    /// A line of a `before` file.
    async fn by_hand(&self, line: &str) -> Result<(), Failed> {
        let mut words = line.splitn(3, ' ');
        let (verb, path, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or_default());
        match verb {
            "flow" => return upload(&self.http, &self.sandbox.url(), BundleKind::SharedFlow, path, Some(rest)).await,
            "proxy" => return upload(&self.http, &self.sandbox.url(), BundleKind::Proxy, path, None).await,
            _ => {}
        }
        let method = if verb == "file" { Method::POST } else { verb.parse()? };
        let request = self.http.request(method, format!("{}{path}", self.sandbox.url()));
        let request = match verb {
            "file" => request.header("content-type", "application/octet-stream").body(rest.to_owned()),
            // reqwest sends no length without a body, and a POST without a length is rejected.
            _ if rest.is_empty() => request.header("content-length", 0),
            _ => request.json(&serde_json::from_str::<Value>(rest)?),
        };
        let response = request.send().await?;
        if response.status().is_success() { Ok(()) } else { Err(format!("{line}: {}", response.text().await?).into()) }
    }
}

/// A path without the names that Apigee generated, which differ in every run.
fn without_ids(path: &str) -> String {
    let is_id = |part: &&str| part.len() == 36 && part.matches('-').count() == 4;
    path.split('/').map(|part| if is_id(&part) { "(id)" } else { part }).collect::<Vec<_>>().join("/")
}

/// The request that creates the key value map of the records.
fn is_register(request: &LoggedRequest) -> bool {
    request.path.ends_with("/keyvaluemaps") && request.body.as_ref().is_some_and(|body| body["name"] == "apigee-flux")
}

fn every_kind_has_a_case(cases: &[PathBuf]) -> Result<(), Failed> {
    let inputs: Vec<String> = cases.iter().filter_map(|case| fs::read_to_string(case.join("1.yaml")).ok()).collect();
    let kinds: BTreeSet<String> = inputs
        .iter()
        .flat_map(|input| input.split("\n---"))
        .filter_map(|part| {
            let value = Value::deserialize(serde_yaml::from_str::<Value>(part).ok()?).ok()?;
            Some(value["kind"].as_str()?.to_owned())
        })
        .collect();
    let missing: Vec<&str> = apigee_flux_function::spec::KINDS
        .iter()
        .filter(|kind| kind.configuration().is_some() && !kinds.contains(kind.name))
        .map(|kind| kind.name)
        .collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("no case has the kind {}", missing.join(", ")).into()) }
}
