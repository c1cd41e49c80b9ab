//! How fast a batch is deployed, with how many requests, and how much memory the program needs: `cargo bench --bench deployer`.
//!
//! The sandbox answers every request after 50 ms, like a remote management API. The rate of requests is not limited, so that the benchmark
//! measures the order of the work. Memory is the peak of the real program's process.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use apigee_flux_deployer::SETTLED_AFTER;
use apigee_flux_deployer::batch::BatchEvent;
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::mount::read_batch;
use apigee_flux_deployer::outcome::BundleResult;
use apigee_flux_deployer::{Client, DeployOptions, Target, TokenSource, deploy_batch};
use apigee_flux_model::bundle::batch::DEFAULT_WORKERS;
use apigee_flux_model::bundle::manifest::Requirements;
use apigee_flux_model::bundle::{Batch, BatchEntry, BundleKind, BundlePath, DeploySettings, Files, Manifest};
use apigee_flux_sandbox::{self as sandbox, Sandbox};

const LATENCY: Duration = Duration::from_millis(50);

/// Apigee's limit for a zip file, minus room for its headers.
const LARGE: usize = 15 * 1024 * 1024 - 64 * 1024;

/// The size of the parts into which the function splits large files.
const PIECE: usize = 450 * 1024;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = std::env::temp_dir().join(format!("apigee-flux-bench-{}", std::process::id()));
    runtime.block_on(async {
        unchanged(&folder.join("unchanged")).await;
        changed(&folder.join("changed")).await;
        memory(&folder.join("memory")).await;
    });
    fs::remove_dir_all(&folder).unwrap();
}

/// The folder that a pod mounts.
struct Pod {
    folder: PathBuf,
    batch: Batch,
}

impl Pod {
    fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), batch: Batch { schema_version: 1, bundles: Vec::new() } }
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let file = self.folder.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, bytes).unwrap();
    }

    fn put(&mut self, name: &str, text: &str, more: Vec<(String, Vec<u8>)>) {
        let endpoint = format!(
            "<ProxyEndpoint name=\"default\"><HTTPProxyConnection><BasePath>/{name}</BasePath></HTTPProxyConnection>\
             <RouteRule name=\"none\"/></ProxyEndpoint>"
        );
        let root = format!("<APIProxy name=\"{name}\"><Description>{text}</Description></APIProxy>");
        let files: Files =
            [(format!("{name}.xml"), root.into_bytes()), ("proxies/default.xml".into(), endpoint.into_bytes())]
                .into_iter()
                .chain(more)
                .map(|(path, bytes)| (BundlePath::parse(&path).unwrap(), bytes))
                .collect();
        let mut manifest = Manifest::new(BundleKind::Proxy, name, &files, Requirements::default());
        let folder = format!("apis/{name}");
        for (number, (path, bytes)) in files.iter().enumerate() {
            if bytes.len() <= PIECE {
                self.write(&format!("bundles/{folder}/{path}"), bytes);
                continue;
            }
            let mut parts = Vec::new();
            for (part, piece) in bytes.chunks(PIECE).enumerate() {
                let path = format!(".parts/{number}-{part}");
                self.write(&format!("bundles/{folder}/{path}"), piece);
                parts.push(BundlePath::parse(&path).unwrap());
            }
            manifest.files.iter_mut().find(|file| file.path == *path).unwrap().parts = parts;
        }
        self.write(&format!("bundles/{folder}/manifest.json"), &serde_json::to_vec(&manifest).unwrap());
        self.batch.bundles.retain(|entry| entry.name != name);
        self.batch.bundles.push(BatchEntry {
            kind: BundleKind::Proxy,
            name: name.to_owned(),
            folder,
            digest: manifest.digest,
            settings: DeploySettings::default(),
        });
    }

    fn small(folder: &Path, count: usize) -> Self {
        let mut pod = Self::new(folder);
        for number in 0..count {
            pod.put(&format!("api-{number}"), "A", Vec::new());
        }
        pod.done();
        pod
    }

    fn done(&self) {
        self.write("batch.json", &serde_json::to_vec(&self.batch).unwrap());
    }
}

async fn sandbox(latency: Duration, progressing: Duration, old: bool) -> Sandbox {
    let now = sandbox::SandboxOptions::default().clock;
    let ago = if old { u64::try_from(SETTLED_AFTER.as_millis()).unwrap() + 60_000 } else { 0 };
    let clock = Arc::new(move || now() - ago);
    let options = sandbox::SandboxOptions { latency, progressing, clock, ..sandbox::SandboxOptions::default() };
    Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap()
}

async fn deploy(pod: &Pod, sandbox: &Sandbox, workers: NonZeroUsize, expected: BundleResult) -> (usize, Duration) {
    let before = sandbox.requests().len();
    let start = Instant::now();
    let settings = Settings { rate: 1_000_000.try_into().unwrap(), ..Settings::default() };
    let client = Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
    let bundles = read_batch(&pod.folder.join("batch.json"), &pod.folder.join("bundles")).unwrap();
    let target = Target { organization: "acme".parse().unwrap(), environment: "prod".parse().unwrap() };
    let progress = Arc::new(|_: BatchEvent<'_>| ());
    let report =
        deploy_batch(&client, bundles, &target, &DeployOptions::default(), workers, progress, std::future::pending())
            .await
            .unwrap();
    let time = start.elapsed();
    for report in &report.reports {
        assert_eq!(report.outcome.result, expected, "{}", report.outcome.reason);
    }
    (sandbox.requests().len() - before, time)
}

async fn unchanged(folder: &Path) {
    let pod = Pod::small(folder, 500);
    let sandbox = sandbox(LATENCY, Duration::ZERO, true).await;
    deploy(&pod, &sandbox, NonZeroUsize::new(200).unwrap(), BundleResult::Deployed).await;
    for workers in [DEFAULT_WORKERS.get(), 8, 1] {
        let (calls, time) = deploy(&pod, &sandbox, NonZeroUsize::new(workers).unwrap(), BundleResult::Unchanged).await;
        println!("500 unchanged proxies, {workers} workers: {calls} calls, {:.2} s", time.as_secs_f64());
    }
}

async fn changed(folder: &Path) {
    let mut pod = Pod::small(folder, 100);
    let sandbox = sandbox(LATENCY, Duration::from_millis(300), false).await;
    deploy(&pod, &sandbox, NonZeroUsize::new(100).unwrap(), BundleResult::Deployed).await;
    let mut first = None;
    for (workers, text) in [(1, "B"), (DEFAULT_WORKERS.get(), "C")] {
        for number in 0..100 {
            pod.put(&format!("api-{number}"), text, Vec::new());
        }
        pod.done();
        let (calls, time) = deploy(&pod, &sandbox, NonZeroUsize::new(workers).unwrap(), BundleResult::Deployed).await;
        let one = *first.get_or_insert(time);
        println!(
            "100 changed proxies, {workers} workers: {calls} calls, {:.2} s, {:.1} times as fast as one",
            time.as_secs_f64(),
            one.as_secs_f64() / time.as_secs_f64()
        );
    }
}

async fn memory(folder: &Path) {
    let sandbox = sandbox(Duration::ZERO, Duration::from_millis(500), false).await;
    let url = sandbox.url();
    let mut large = Pod::new(&folder.join("large"));
    for number in 0..3 {
        large.put(&format!("large-{number}"), "A", noise(number));
    }
    large.done();
    let one = ["--manifest=bundles/apis/large-0/manifest.json"];
    let all = ["--batch=batch.json", "--bundles=bundles", "--rate=100000"];
    print_peak("one bundle of 15 MB", &large, &url, &one).await;
    print_peak("a batch of three of 15 MB, two of them new", &large, &url, &all).await;
    let small = Pod::small(&folder.join("small"), 500);
    print_peak("a batch of 500 new proxies", &small, &url, &all).await;
    print_peak("a batch of 500 unchanged proxies", &small, &url, &all).await;
}

/// Files that cannot be compressed.
fn noise(seed: u64) -> Vec<(String, Vec<u8>)> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 + seed;
    (0..3)
        .map(|file| {
            let bytes = std::iter::repeat_with(|| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32).to_le_bytes()[0]
            });
            (format!("resources/java/lib-{file}.jar"), bytes.take(LARGE / 3).collect())
        })
        .collect()
}

async fn print_peak(what: &str, pod: &Pod, url: &str, arguments: &[&str]) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apigee-flux"))
        .args(["deploy", "--org=acme", "--env=prod", "--endpoint", url])
        .args(arguments)
        .current_dir(&pod.folder)
        .env_remove("APIGEE_TOKEN")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let peak = tokio::task::spawn_blocking(move || peak(&mut child)).await.unwrap();
    println!("{what}: {:.1} MiB", f64::from(peak) / 1024.0);
}

/// The peak of the process's memory in KiB. The kernel keeps it, so the last reading before the end is enough: the program waits for the
/// runtime after the upload.
fn peak(child: &mut Child) -> u32 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        if let Ok(text) = fs::read_to_string(&status) {
            let found: Option<u32> =
                text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
            peak = found.unwrap_or_default().max(peak);
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return peak;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
