//! A batch against the sandbox: with the library, and with the real program as the Job of an environment runs it.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use apigee_flux_configuration::Claimant;
use apigee_flux_deployer::Polling;
use apigee_flux_deployer::SETTLED_AFTER;
use apigee_flux_deployer::batch::BatchEvent;
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::event::Phase;
use apigee_flux_deployer::mount::read_batch;
use apigee_flux_deployer::outcome::BundleResult;
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{BatchReport, Client, DeployOptions, Error, Target, TokenSource, deploy_batch};
use apigee_flux_model::bundle::manifest::Requirements;
use apigee_flux_model::bundle::{Batch, BatchEntry, BundleKind, BundlePath, DeploySettings, Files, Manifest};
use apigee_flux_sandbox::{
    self as sandbox, FaultRule, InjectedFault, LoggedRequest, Occurrence, Sandbox, SimulatedFailure,
};
use serde_json::Value;

fn files(list: &[(&str, String)]) -> Files {
    list.iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.clone().into_bytes())).collect()
}

fn call(flow: &str) -> (String, String) {
    let text = format!("<FlowCallout name=\"FC-{flow}\"><SharedFlowBundle>{flow}</SharedFlowBundle></FlowCallout>");
    (format!("policies/FC-{flow}.xml"), text)
}

/// A proxy, or with the prefix `f:` a shared flow, that calls shared flows; bundles differ only in `body`.
fn bundle(name: &str, body: &str, calls: &[&str]) -> (BundleKind, Files) {
    let (kind, plain) = match name.strip_prefix("f:") {
        Some(plain) => (BundleKind::SharedFlow, plain),
        None => (BundleKind::Proxy, name),
    };
    let root = kind.root_element();
    let root = format!("<{root} name=\"{plain}\"><Description>{body}</Description></{root}>");
    let mut files = match kind {
        BundleKind::Proxy => files(&[
            (&format!("{plain}.xml"), root),
            (
                "proxies/default.xml",
                format!(
                    "<ProxyEndpoint name=\"default\"><HTTPProxyConnection><BasePath>/{plain}</BasePath>\
                     </HTTPProxyConnection><RouteRule name=\"none\"/></ProxyEndpoint>"
                ),
            ),
        ]),
        BundleKind::SharedFlow => files(&[
            (&format!("{plain}.xml"), root),
            ("sharedflows/default.xml", "<SharedFlow name=\"default\"/>".into()),
        ]),
    };
    for flow in calls {
        let (path, text) = call(flow);
        files.insert(BundlePath::parse(&path).unwrap(), text.into_bytes());
    }
    (kind, files)
}

/// The folder that a pod mounts: `batch/batch.json` and `bundles/`.
struct Pod {
    folder: tempfile::TempDir,
    batch: Batch,
}

impl Pod {
    fn new() -> Self {
        let batch = Batch { schema_version: 1, bundles: Vec::new() };
        Self { folder: tempfile::tempdir().unwrap(), batch }
    }

    /// Each bundle by name, body and the shared flows that it calls.
    fn of(list: &[(&str, &str, &[&str])]) -> Self {
        let mut pod = Self::new();
        for (name, body, calls) in list {
            pod.put(name, body, calls);
        }
        pod
    }

    /// Adds a bundle, or replaces it.
    fn put(&mut self, name: &str, body: &str, calls: &[&str]) {
        let (kind, files) = bundle(name, body, calls);
        let plain = name.trim_start_matches("f:");
        let folder = format!("{}/{plain}", kind.collection());
        for (path, bytes) in files.iter() {
            self.write(&format!("bundles/{folder}/{path}"), bytes);
        }
        let requires = Requirements {
            shared_flows: calls.iter().map(|flow| (*flow).to_owned()).collect(),
            ..Requirements::default()
        };
        let manifest = Manifest::new(kind, plain, &files, requires);
        self.write(&format!("bundles/{folder}/manifest.json"), &serde_json::to_vec(&manifest).unwrap());
        self.batch.bundles.retain(|entry| entry.folder != folder);
        self.batch.bundles.push(BatchEntry {
            kind,
            name: plain.to_owned(),
            folder,
            digest: manifest.digest,
            settings: DeploySettings::default(),
        });
        self.write_batch();
    }

    fn write_batch(&self) {
        self.write("batch/batch.json", &serde_json::to_vec(&self.batch).unwrap());
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let file = self.folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    fn command(&self, endpoint: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
        command
            .args(["deploy", "--batch=batch/batch.json", "--bundles=bundles", "--org=acme", "--env=prod"])
            .args(["--provenance=provenance/provenance.json", "--termination-log=termination-log"])
            .current_dir(self.folder.path())
            .env_remove("APIGEE_TOKEN")
            .env("APIGEE_ENDPOINT", endpoint);
        command
    }

    /// Runs the program in a separate thread so that the sandbox can answer. The result is the last line of stdout.
    async fn run(&self, endpoint: &str, more: &[&str]) -> (Output, Value) {
        let mut command = self.command(endpoint);
        command.args(more);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let result = last_line(&output);
        (output, result)
    }
}

fn last_line(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_default()
}

/// A sandbox and a client that does not wait between requests.
struct World {
    sandbox: Sandbox,
    client: Client,
    seen: usize,
}

impl World {
    async fn start() -> Self {
        Self::with(sandbox::SandboxOptions {
            progressing: Duration::from_millis(40),
            ..sandbox::SandboxOptions::default()
        })
        .await
    }

    /// The clock of the sandbox is in the past, so that every deployment is older than [`SETTLED_AFTER`].
    async fn settled() -> Self {
        let now = sandbox::SandboxOptions::default().clock;
        let ago = u64::try_from(SETTLED_AFTER.as_millis()).unwrap() + 60_000;
        let clock = Arc::new(move || now() - ago);
        Self::with(sandbox::SandboxOptions { progressing: Duration::ZERO, clock, ..sandbox::SandboxOptions::default() })
            .await
    }

    async fn with(options: sandbox::SandboxOptions) -> Self {
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let backoff = Backoff { first: Duration::from_millis(10), attempts: 3, ..Backoff::default() };
        let settings = Settings { rate: 10_000.try_into().unwrap(), backoff, ..Settings::default() };
        let client = Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
        Self { sandbox, client, seen: 0 }
    }

    async fn try_deploy(&self, pod: &Pod, workers: usize) -> Result<BatchReport, Error> {
        self.deploy_with(pod, workers, &quick()).await
    }

    async fn deploy_with(&self, pod: &Pod, workers: usize, options: &DeployOptions) -> Result<BatchReport, Error> {
        let bundles = read_batch(&pod.folder.path().join("batch/batch.json"), &pod.folder.path().join("bundles"))?;
        let workers = NonZeroUsize::new(workers).unwrap();
        let progress = Arc::new(|_: BatchEvent<'_>| ());
        deploy_batch(&self.client, bundles, &target(), options, workers, progress, std::future::pending()).await
    }

    async fn deploy(&self, pod: &Pod) -> BatchReport {
        self.try_deploy(pod, 16).await.unwrap()
    }

    /// The requests since the last call.
    fn news(&mut self) -> Vec<LoggedRequest> {
        let all = self.sandbox.requests();
        let news = all.get(self.seen..).unwrap_or_default().to_vec();
        self.seen = all.len();
        news
    }
}

fn target() -> Target {
    Target { organization: "acme".parse().unwrap(), environment: "prod".parse().unwrap() }
}

fn quick() -> DeployOptions {
    DeployOptions {
        timeout: Duration::from_secs(10),
        polling: Polling { first: Duration::from_millis(10), longest: Duration::from_millis(50), ..Polling::default() },
        ..DeployOptions::default()
    }
}

/// For what ends by an event of the test, however slow the machine is.
fn patient() -> DeployOptions {
    DeployOptions { timeout: Duration::from_mins(5), ..quick() }
}

fn endings(report: &BatchReport) -> BTreeMap<&str, BundleResult> {
    report.reports.iter().map(|report| (report.outcome.name.as_deref().unwrap(), report.outcome.result)).collect()
}

#[track_caller]
fn check_all(report: &BatchReport, ending: BundleResult) {
    for report in &report.reports {
        assert_eq!(report.outcome.result, ending, "{}", report.outcome.reason);
    }
}

fn reason<'a>(report: &'a BatchReport, name: &str) -> &'a str {
    let of = |report: &&apigee_flux_deployer::DeployReport| report.outcome.name.as_deref() == Some(name);
    &report.reports.iter().find(of).unwrap().outcome.reason
}

const LAYERS: &[(&str, &str, &[&str])] =
    &[("shop", "A", &["auth", "log"]), ("f:auth", "A", &["log"]), ("free", "A", &[]), ("f:log", "A", &[])];

#[tokio::test]
async fn first_then_unchanged_then_one_changed() {
    let mut world = World::start().await;
    let mut pod = Pod::of(LAYERS);
    let report = world.deploy(&pod).await;
    check_all(&report, BundleResult::Deployed);
    assert_eq!(report.exit().code(), 0);
    assert!(report.reports.iter().all(|report| report.outcome.writes == 2), "{report:?}");
    // The Job does not wait for shared flows of the batch: only the shared flow itself reads its deployments once.
    let of_log = |request: &&LoggedRequest| request.path.ends_with("sharedflows/log/deployments");
    assert_eq!(world.news().iter().filter(of_log).count(), 1);

    check_all(&world.deploy(&pod).await, BundleResult::Unchanged);
    assert!(world.news().iter().all(|request| request.method == "GET"));

    pod.put("free", "B", &[]);
    let report = world.deploy(&pod).await;
    let changed: Vec<_> =
        endings(&report).into_iter().filter(|(_, ending)| *ending != BundleResult::Unchanged).collect();
    assert_eq!(changed, [("free", BundleResult::Deployed)]);
    let writes: Vec<String> = world.news().into_iter().filter(|r| r.is_write).map(|r| r.path).collect();
    assert!(writes.len() == 2 && writes.iter().all(|path| path.contains("free")), "{writes:?}");
}

#[tokio::test]
async fn the_records_of_a_batch_are_read_once() {
    let mut world = World::start().await;
    let job = |owner: &str, uid: &str| {
        let claimant = Claimant { job: Some(uid.to_owned()), ..Claimant::new(owner) };
        DeployOptions { claimant: Some(claimant), ..quick() }
    };
    let mut pod = Pod::of(LAYERS);
    check_all(&world.deploy_with(&pod, 4, &job("mine", "j1")).await.unwrap(), BundleResult::Deployed);
    world.news();
    check_all(&world.deploy_with(&pod, 4, &job("mine", "j2")).await.unwrap(), BundleResult::Unchanged);
    let requests = world.news();
    assert_eq!(requests.iter().filter(|request| request.path.contains("keyvaluemaps")).count(), 1);
    assert!(requests.iter().all(|request| request.method == "GET"));

    // A bundle of another owner fails alone; a failed bundle is not tried again by the same Job.
    pod.put("new", "A", &[]);
    let report = world.deploy_with(&pod, 4, &job("yours", "j3")).await.unwrap();
    assert_eq!(report.exit().code(), 73);
    assert!(reason(&report, "free").contains("its owner is `mine`"), "{}", reason(&report, "free"));
    assert_eq!(endings(&report)["new"], BundleResult::Deployed);
    let mut pod = Pod::of(LAYERS);
    pod.put("free", "B", &[]);
    world.sandbox.simulate_failure("free", SimulatedFailure::Error("no memory".into()));
    assert_eq!(world.deploy_with(&pod, 4, &job("mine", "j4")).await.unwrap().exit().code(), 65);
    world.news();
    let report = world.deploy_with(&pod, 4, &job("mine", "j4")).await.unwrap();
    assert!(reason(&report, "free").contains("an earlier attempt of this Job"), "{}", reason(&report, "free"));
    assert!(world.news().iter().all(|request| request.method == "GET" && !request.path.contains("apis/free")));
}

#[tokio::test]
async fn what_is_unchanged_and_old_costs_one_request_each_and_the_lists() {
    let mut world = World::settled().await;
    let mut pod = Pod::new();
    for number in 0..60 {
        pod.put(&format!("api-{number}"), "A", &[]);
    }
    check_all(&world.deploy(&pod).await, BundleResult::Deployed);
    world.news();
    check_all(&world.deploy(&pod).await, BundleResult::Unchanged);
    let requests = world.news();
    // The list of deployments and that of the records.
    assert_eq!(requests.len(), 62, "{requests:?}");
    assert!(requests.iter().all(|request| request.method == "GET"));
    // Shared flows are listed too when there are any.
    pod.put("f:common", "A", &[]);
    world.deploy(&pod).await;
    world.news();
    check_all(&world.deploy(&pod).await, BundleResult::Unchanged);
    assert_eq!(world.news().len(), 64);
}

#[tokio::test]
async fn what_is_called_is_ready_before_its_caller_is_touched() {
    let mut world = World::start().await;
    check_all(&world.deploy(&Pod::of(LAYERS)).await, BundleResult::Deployed);
    let requests = world.news();
    let place =
        |part: &str| requests.iter().position(|request| request.is_write && request.path.contains(part)).unwrap();
    let ready = |flow: &str| {
        let status = format!("sharedflows/{flow}/revisions/1/deployments");
        requests.iter().rposition(|request| request.method == "GET" && request.path.ends_with(&status)).unwrap()
    };
    assert!(ready("log") < place("sharedflows?name=auth"), "{requests:?}");
    assert!(ready("auth") < place("apis?name=shop"), "{requests:?}");
    assert!(place("apis?name=free") < ready("log"), "a proxy without calls should not wait: {requests:?}");
}

#[tokio::test]
async fn a_failed_flow_fails_its_callers_and_others_go_on() {
    let mut world = World::start().await;
    let pod = Pod::of(LAYERS);
    world.sandbox.simulate_failure("log", SimulatedFailure::Error("no memory".into()));
    let report = world.deploy(&pod).await;
    let failed = BundleResult::Failed;
    assert_eq!(
        endings(&report),
        BTreeMap::from([("auth", failed), ("free", BundleResult::Deployed), ("log", failed), ("shop", failed)])
    );
    assert!(reason(&report, "log").contains("no memory"));
    assert_eq!(reason(&report, "auth"), "skipped: shared flow `log` failed");
    assert_eq!(reason(&report, "shop"), "skipped: shared flow `log` failed");
    assert_eq!(report.exit().code(), 65);
    assert!(!world.news().iter().any(|request| request.path.contains("shop") || request.path.contains("auth")));
    let report = world.deploy(&pod).await;
    assert_eq!(endings(&report)["free"], BundleResult::Unchanged);
    assert_eq!(report.exit().code(), 0, "{report:?}");
}

#[tokio::test]
async fn a_refused_bundle_stops_no_other() {
    let world = World::start().await;
    let mut pod = Pod::of(LAYERS);
    pod.put("broken", "A", &[]);
    let (kind, mut files) = bundle("broken", "A", &[]);
    files.insert(BundlePath::parse("policies/Broken.xml").unwrap(), b"<Broken".to_vec());
    let manifest = Manifest::new(kind, "broken", &files, Requirements::default());
    pod.write("bundles/apis/broken/policies/Broken.xml", b"<Broken");
    pod.write("bundles/apis/broken/manifest.json", &serde_json::to_vec(&manifest).unwrap());
    pod.batch.bundles.last_mut().unwrap().digest = manifest.digest;
    pod.write_batch();
    let report = world.deploy(&pod).await;
    assert!(reason(&report, "broken").contains("`apiproxy/policies/Broken.xml`"), "{report:?}");
    assert_eq!((endings(&report)["shop"], report.exit().code()), (BundleResult::Deployed, 65));
}

#[tokio::test]
async fn no_more_than_the_workers_work_and_each_resource_has_one_writer() {
    let world = World::start().await;
    let mut pod = Pod::of(LAYERS);
    for number in 0..12 {
        pod.put(&format!("api-{number}"), "A", &["log"]);
    }
    let bundles = read_batch(&pod.folder.path().join("batch/batch.json"), &pod.folder.path().join("bundles")).unwrap();
    // Whether a bundle is at work. One whose deployment is accepted waits for the runtime, and may have ended before the batch says so.
    let running: Arc<Mutex<BTreeMap<String, bool>>> = Arc::default();
    let most = Arc::new(Mutex::new(0));
    let (at_work, peak) = (Arc::clone(&running), Arc::clone(&most));
    let progress = move |event: BatchEvent<'_>| {
        let mut running = at_work.lock().unwrap();
        match event {
            BatchEvent::Step(bundle, event) => {
                let key = format!("{:?} {}", bundle.kind, bundle.name);
                let is_accepted = event.message.starts_with("Apigee accepted") || event.phase == Phase::Wait;
                running.insert(key, !is_accepted);
            }
            BatchEvent::Ended(report) => {
                let outcome = &report.outcome;
                let key = format!("{:?} {}", outcome.kind.unwrap(), outcome.name.as_deref().unwrap());
                assert!(running.remove(&key).is_some(), "{key} ended twice or did not start");
            }
        }
        let mut peak = peak.lock().unwrap();
        *peak = running.values().filter(|at_work| **at_work).count().max(*peak);
    };
    let workers = NonZeroUsize::new(3).unwrap();
    let report =
        deploy_batch(&world.client, bundles, &target(), &quick(), workers, Arc::new(progress), std::future::pending())
            .await
            .unwrap();
    check_all(&report, BundleResult::Deployed);
    assert!(running.lock().unwrap().is_empty());
    assert_eq!(*most.lock().unwrap(), 3);
}

/// The runtime makes nothing ready before everything is deployed, so this ends only if who waits gives the only worker away.
#[tokio::test]
async fn who_waits_for_the_runtime_gives_its_worker_away() {
    let later = Arc::new(AtomicU64::new(0));
    let (added, now) = (Arc::clone(&later), sandbox::SandboxOptions::default().clock);
    let hour = Duration::from_hours(1);
    let world = World::with(sandbox::SandboxOptions {
        progressing: hour,
        clock: Arc::new(move || now() + added.load(Ordering::Relaxed)),
        ..sandbox::SandboxOptions::default()
    })
    .await;
    let list: Vec<String> = (0..40).map(|number| format!("api-{number}")).collect();
    let list: Vec<(&str, &str, &[&str])> = list.iter().map(|name| (name.as_str(), "A", [].as_slice())).collect();
    let is_deployment = |request: &LoggedRequest| request.is_write && request.path.contains("/deployments");
    let all_deployed = async {
        while world.sandbox.requests().iter().filter(|request| is_deployment(request)).count() < list.len() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        later.store(2 * u64::try_from(hour.as_millis()).unwrap(), Ordering::Relaxed);
    };
    let pod = Pod::of(&list);
    let patient = patient();
    let (report, ()) = tokio::join!(world.deploy_with(&pod, 1, &patient), all_deployed);
    check_all(&report.unwrap(), BundleResult::Deployed);
}

/// A requirement that is missing for a while must not keep the workers from what others need.
#[tokio::test]
async fn who_waits_for_another_gives_its_worker_away() {
    let world = World::start().await;
    let mut pod = Pod::new();
    pod.put("early", "A", &["elsewhere"]);
    pod.put("late", "A", &[]);
    let other = Pod::of(&[("f:elsewhere", "A", &[])]);
    let late_is_deployed = async {
        while !world.sandbox.requests().iter().any(|request| request.path.contains("apis?name=late")) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        check_all(&world.deploy(&other).await, BundleResult::Deployed);
    };
    let patient = patient();
    let (report, ()) = tokio::join!(world.deploy_with(&pod, 1, &patient), late_is_deployed);
    check_all(&report.unwrap(), BundleResult::Deployed);
}

#[tokio::test]
async fn what_does_not_fit_together_is_refused_before_the_first_request() {
    let mut world = World::start().await;
    let fails = |result: Result<BatchReport, Error>, code: u8, part: &str| {
        let error = result.unwrap_err();
        assert!(error.exit().code() == code && error.to_string().contains(part), "{} {error}", error.exit().code());
    };
    let circle = Pod::of(&[("f:a", "A", &["b"]), ("f:b", "A", &["a"])]);
    fails(world.try_deploy(&circle, 4).await, 65, "`a` calls `b` calls `a`");
    let mut pod = Pod::of(LAYERS);
    pod.batch.bundles[1].digest = pod.batch.bundles[0].digest;
    pod.write_batch();
    fails(world.try_deploy(&pod, 4).await, 67, "different renders");
    pod = Pod::of(LAYERS);
    pod.batch.bundles.push(pod.batch.bundles[0].clone());
    pod.write_batch();
    fails(world.try_deploy(&pod, 4).await, 64, "more than once");
    pod = Pod::of(LAYERS);
    pod.batch.bundles[0].folder = "../apis/shop".into();
    pod.write_batch();
    fails(world.try_deploy(&pod, 4).await, 64, "would leave");
    pod = Pod::of(LAYERS);
    pod.batch.schema_version = 2;
    pod.write_batch();
    fails(world.try_deploy(&pod, 4).await, 64, "update the image");
    pod = Pod::of(LAYERS);
    std::fs::remove_file(pod.folder.path().join("bundles/apis/free/manifest.json")).unwrap();
    fails(world.try_deploy(&pod, 4).await, 66, "apis/free/manifest.json");
    assert_eq!(world.news(), Vec::new());

    // A file is read only when its bundle is deployed.
    pod = Pod::of(LAYERS);
    pod.write("bundles/apis/free/free.xml", b"<APIProxy name=\"free\">${oops}</APIProxy>");
    let report = world.deploy(&pod).await;
    assert!(reason(&report, "free").contains("`free.xml` has the digest sha256:"), "{report:?}");
    assert_eq!((endings(&report)["shop"], report.exit().code()), (BundleResult::Deployed, 67));
}

#[tokio::test]
async fn a_flow_outside_of_the_batch_is_waited_for() {
    let world = World::start().await;
    let pod = Pod::of(&[("caller", "A", &["outside"]), ("free", "A", &[])]);
    let flow = Pod::of(&[("f:outside", "A", &[])]);
    let later = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        world.deploy(&flow).await
    };
    let (report, _) = tokio::join!(world.deploy(&pod), later);
    check_all(&report, BundleResult::Deployed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_program_deploys_a_batch_as_the_job_runs_it() {
    let mut world = World::start().await;
    let url = world.sandbox.url();
    let pod = Pod::of(LAYERS);
    pod.write("termination-log", b"");
    pod.write("provenance/provenance.json", br#"{"commit": "0a1b2c3d"}"#);
    let (output, result) = pod.run(&url, &["--timeout=20s", "--rate=1000"]).await;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((&result["result"], &result["deployed"], &result["writes"]), (&"deployed".into(), &4.into(), &8.into()));
    assert_eq!((&result["environment"], &result["commit"]), (&"prod".into(), &"0a1b2c3d".into()));
    assert_eq!(result["bundles"].as_array().unwrap().len(), 4);
    let log = std::fs::read_to_string(pod.folder.path().join("termination-log")).unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(log.len() <= 4096 && stdout.ends_with(&log), "{log}");
    // One line for each bundle, and one for the batch.
    assert_eq!(stdout.lines().count(), 5);
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["phase"].is_string() && line["message"].is_string(), "{line}");
    }
    world.news();
    let (output, result) = pod.run(&url, &[]).await;
    assert_eq!((output.status.code(), &result["unchanged"]), (Some(0), &4.into()));
    assert!(world.news().iter().all(|request| !request.is_write));

    for wrong in [&["--manifest=m"][..], &["--expect-digest=sha256:00"], &["--workers=0"]] {
        assert_eq!(pod.run(&url, wrong).await.0.status.code(), Some(64), "{wrong:?}");
    }
    let broken = Pod::of(&[("f:a", "A", &["b"]), ("f:b", "A", &["a"])]);
    let (output, result) = broken.run(&url, &[]).await;
    assert_eq!(output.status.code(), Some(65));
    assert!(result["reason"].as_str().unwrap().contains("call each other"), "{result}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_batch_goes_on_where_it_was() {
    let options = sandbox::SandboxOptions { progressing: Duration::from_secs(1), ..sandbox::SandboxOptions::default() };
    for signal in ["-TERM", "-KILL"] {
        let mut world = World::with(options.clone()).await;
        let pod = Pod::of(LAYERS);
        let mut child = pod.command(&world.sandbox.url()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        while !world.sandbox.requests().iter().any(|request| request.path.contains("/deployments?override")) {
            assert!(child.try_wait().unwrap().is_none(), "it ended too early");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
        if signal == "-TERM" {
            assert_eq!(output.status.code(), Some(143));
            let result = last_line(&output);
            assert!(result["bundles"][0]["reason"].as_str().unwrap().contains("the next run continues"), "{result}");
            assert!(result["writes"].as_u64().unwrap() > 0, "{result}");
        }
        world.news();
        let report = world.deploy(&pod).await;
        assert_eq!(report.exit().code(), 0, "{report:?}");
        // An imported bundle is not imported again.
        let imports = world.sandbox.requests().into_iter().filter(|request| request.path.contains("action=import"));
        assert_eq!(imports.count(), 4);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminated_batch_hears_its_writes_and_starts_nothing_more() {
    let world = World::start().await;
    let slow = FaultRule::new(InjectedFault::Delay(Duration::from_secs(2)));
    world.sandbox.inject(FaultRule { method: Some("POST".into()), path: "*action=import*".into(), ..slow });
    let pod = Pod::of(LAYERS);
    let child = pod.command(&world.sandbox.url()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let imports = || {
        let requests = world.sandbox.requests().into_iter();
        requests.filter(|request| request.path.contains("action=import")).count()
    };
    while imports() == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    let told = std::time::Instant::now();
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    assert!(
        told.elapsed() > Duration::from_secs(1) && told.elapsed() < Duration::from_secs(10),
        "{:?}",
        told.elapsed()
    );
    assert_eq!(output.status.code(), Some(143));
    let started = imports();
    let result = last_line(&output);
    assert_eq!((&result["result"], &result["failed"]), (&"failed".into(), &4.into()), "{result}");
    assert_eq!(result["writes"], started, "nothing follows an import: {result}");
    let reasons: Vec<&str> =
        result["bundles"].as_array().unwrap().iter().map(|bundle| bundle["reason"].as_str().unwrap()).collect();
    assert!(reasons.iter().all(|reason| reason.contains("stopped by SIGTERM")), "{reasons:?}");
    let heard = reasons.iter().filter(|reason| reason.contains("revision 1 is imported but not deployed")).count();
    assert_eq!(heard, started, "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_again_names_its_bundle_in_the_log() {
    let world = World::start().await;
    let unavailable = FaultRule::new(InjectedFault::Status { code: 503, retry_after: None }).on(Occurrence::First(1));
    world.sandbox.inject(FaultRule { path: "*/apis/shop".into(), ..unavailable });
    let (output, _) = Pod::of(LAYERS).run(&world.sandbox.url(), &["--rate=1000"]).await;
    assert_eq!(output.status.code(), Some(0));
    let stderr = String::from_utf8(output.stderr).unwrap();
    let lines = stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let retries: Vec<Value> = lines.filter(|line| line["phase"] == "retry").collect();
    let [retry] = retries.as_slice() else { panic!("{stderr}") };
    assert_eq!((&retry["level"], &retry["kind"], &retry["name"]), (&"warning".into(), &"proxy".into(), &"shop".into()));
    assert!(retry["message"].as_str().unwrap().contains("503"), "{retry}");
}
