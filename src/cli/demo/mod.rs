//! `demo`: the whole workflow in one process, without a cloud account.
//!
//! Only the cluster and Apigee are simulated: the specs are expanded by the function's own code, the volumes of each Job are assembled from
//! the rendered ConfigMaps as a kubelet would do it, and this program runs as the container with the Job's own arguments and environment
//! variables, against the sandbox. Each statement of the output is checked against the sandbox's log of requests; one that is not true is an
//! error.

mod pod;

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};

use serde_json::{Value, json};

use super::out;
use super::package::Package;
use apigee_flux_function::expand::{ExpandOptions, expand};
use apigee_flux_function::k8s::{DIGEST, Object};
use apigee_flux_model::diag::plain::PlainText;
use apigee_flux_model::diag::{has_errors, human};
use apigee_flux_sandbox::{self as sandbox, LoggedRequest, Sandbox};

/// Run the whole workflow on this machine, without a cloud account.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Keep the working directory with the specs, the objects and the pods' volumes in DIR
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// The files of `examples/quickstart`.
const QUICKSTART: [(&str, &str); 6] = [
    ("environments.yaml", include_str!("../../../examples/quickstart/environments.yaml")),
    ("hello.yaml", include_str!("../../../examples/quickstart/hello.yaml")),
    ("legacy.yaml", include_str!("../../../examples/quickstart/legacy.yaml")),
    ("legacy/apiproxy/legacy.xml", include_str!("../../../examples/quickstart/legacy/apiproxy/legacy.xml")),
    (
        "legacy/apiproxy/policies/AM-Answer.xml",
        include_str!("../../../examples/quickstart/legacy/apiproxy/policies/AM-Answer.xml"),
    ),
    (
        "legacy/apiproxy/proxies/default.xml",
        include_str!("../../../examples/quickstart/legacy/apiproxy/proxies/default.xml"),
    ),
];

/// The change of commit B in `hello.yaml`.
const CHANGE: (&str, &str) = ("spikeArrest: 100ps", "spikeArrest: 50ps");

/// Runs the command.
pub(super) fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let directory = match &args.keep {
        Some(directory) => directory.clone(),
        None => std::env::temp_dir().join(format!("apigee-flux-demo-{}", std::process::id())),
    };
    // Every user can write to the folder for temporary files: an existing folder or link is not used, and other users cannot read this folder.
    let made = DirBuilder::new().mode(0o700).recursive(args.keep.is_some()).create(&directory);
    made.with_context(|| format!("cannot create {}", directory.display()))?;
    let told = tell(&directory);
    if args.keep.is_none() {
        fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))?;
    }
    told.map(|()| ExitCode::SUCCESS)
}

fn tell(directory: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let sandbox = runtime.block_on(Sandbox::start(address, sandbox::SandboxOptions::default()))?;
    let specs = directory.join("specs");
    for (name, text) in QUICKSTART {
        write_file(&specs.join(name), text)?;
    }
    let mut story = Story { directory, sandbox: &sandbox, pods: 0 };

    say(&format!(
        "The sandbox, a local Apigee management API, listens on {}. The specs are those of examples/quickstart.",
        sandbox.url()
    ))?;

    let first = expand_folder(&specs)?;
    say("\nCommit A: two proxies for two environments. Flux applies the objects and the Jobs run, dev before prod.")?;
    Story::show_objects(&first)?;
    let seen = story.run_jobs(&first, &jobs(&first))?;
    ensure!(seen.results("deployed") == 2 && seen.results("redeployed") == 2, "each proxy should be imported once");
    say("  Each bundle was imported once, for dev; prod got the same revision.")?;

    say("\nCommit A again: the Jobs run once more, as after a node drain or an image update.")?;
    let seen = story.run_jobs(&first, &jobs(&first))?;
    ensure!(seen.writes() == 0, "unchanged bundles should cause no write, but there were {}", seen.writes());
    say("  Apigee was only read: 0 writes.")?;

    let (old, new) = CHANGE;
    say(&format!("\nCommit B: in hello.yaml `{old}` becomes `{new}`."))?;
    let (name, text) = QUICKSTART[1];
    ensure!(text.contains(old), "{name} should hold `{old}`");
    write_file(&specs.join(name), &text.replace(old, new))?;
    let second = expand_folder(&specs)?;
    let changed = changed_jobs(&first, &second);
    ensure!(changed.len() == 2, "only the Jobs of hello should change, but {} did", changed.len());
    let seen = story.run_jobs(&second, &changed)?;
    ensure!(seen.imports() == 1 && seen.results("failed") == 0, "a changed bundle should be imported once");
    say("  Only the Jobs of hello changed; the new revision was deployed without downtime.")?;

    say("\nRevert to A with git revert.")?;
    write_file(&specs.join(name), text)?;
    let third = expand_folder(&specs)?;
    ensure!(third == first, "the same specs should give the same objects");
    let seen = story.run_jobs(&third, &changed_jobs(&second, &third))?;
    ensure!(seen.imports() == 0 && seen.results("redeployed") == 2, "a rollback should import nothing");
    say("  The old revision is deployed again; nothing was imported.")?;

    say(
        "\nAnother user undeploys hello from prod manually. The CronJob of prod compares Apigee with Git and repairs the drift.",
    )?;
    runtime.block_on(undeploy_by_hand(&sandbox.url(), "prod", "hello"))?;
    let seen = story.run_cron_job(&third, "apigee-prod-reconcile")?;
    ensure!(
        seen.imports() == 0 && seen.results("created") == 1,
        "the proxy should be deployed again without an import"
    );
    let seen = story.run_cron_job(&third, "apigee-prod-reconcile")?;
    ensure!(seen.results("unchanged") == 1 && seen.writes() == 0, "a repaired environment should stay unchanged");
    say("  The desired revision is deployed again; the next run had nothing to do.")?;

    say(&format!(
        "\nDone in {:.1} s. Next: README.md, \"A first proxy in five minutes\".",
        started.elapsed().as_secs_f64()
    ))
}

/// Prints a part of the output.
fn say(lines: &str) -> anyhow::Result<()> {
    out::stdout(&PlainText::of_lines(&format!("{lines}\n")))?;
    Ok(())
}

/// The manual change of another user, for example in the Apigee UI.
async fn undeploy_by_hand(endpoint: &str, environment: &str, proxy: &str) -> anyhow::Result<()> {
    let http = reqwest::Client::new();
    let base = format!("{endpoint}/v1/organizations/acme/environments/{environment}/apis/{proxy}");
    let list: Value = http.get(format!("{base}/deployments")).send().await?.error_for_status()?.json().await?;
    let revision = list["deployments"][0]["revision"].as_str().context("the proxy should be deployed")?;
    http.delete(format!("{base}/revisions/{revision}/deployments")).send().await?.error_for_status()?;
    Ok(())
}

fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn expand_folder(specs: &Path) -> anyhow::Result<Vec<Object>> {
    let package = Package::read(specs)?;
    let input = package.input().map_err(|diagnostic| anyhow::anyhow!(diagnostic.text()))?;
    let expansion = expand(&input, &ExpandOptions { beside: Some(&package), ..ExpandOptions::default() });
    if has_errors(&expansion.diagnostics) {
        out::stderr(&human::report(&expansion.diagnostics, &|diagnostic| package.locate(&input, diagnostic)))?;
        bail!("the specs have errors");
    }
    Ok(expansion.objects)
}

/// The objects as stored in a cluster.
fn cluster(objects: &[Object]) -> anyhow::Result<pod::Cluster<'_>> {
    let known =
        objects.iter().map(|object| Ok(((object.id.kind.as_str(), object.id.name.as_str()), object.to_json()?)));
    let mut cluster = known.collect::<Result<pod::Cluster<'_>, String>>().map_err(anyhow::Error::msg)?;
    // Kubernetes creates it in every namespace.
    cluster.insert(("ConfigMap", "kube-root-ca.crt"), json!({"kind": "ConfigMap", "data": {"ca.crt": ""}}));
    Ok(cluster)
}

/// The names of all Jobs.
fn jobs(objects: &[Object]) -> Vec<&str> {
    objects.iter().filter(|object| object.id.kind == "Job").map(|object| object.id.name.as_str()).collect()
}

/// The Jobs that Flux would run again: those with a new pod template.
fn changed_jobs<'o>(before: &[Object], after: &'o [Object]) -> Vec<&'o str> {
    let old: BTreeMap<&str, _> = before.iter().map(|object| (object.id.name.as_str(), object.pod_template())).collect();
    after
        .iter()
        .filter(|object| object.id.kind == "Job" && old.get(object.id.name.as_str()) != Some(&object.pod_template()))
        .map(|object| object.id.name.as_str())
        .collect()
}

/// The results and requests of the Jobs of one commit.
struct Seen {
    outcomes: Vec<Value>,
    requests: Vec<LoggedRequest>,
}

impl Seen {
    fn results(&self, result: &str) -> usize {
        self.outcomes.iter().filter(|outcome| outcome["result"] == result).count()
    }

    fn writes(&self) -> usize {
        self.requests.iter().filter(|request| request.is_write).count()
    }

    fn imports(&self) -> usize {
        self.requests.iter().filter(|request| request.path.contains("action=import")).count()
    }
}

struct Story<'d> {
    directory: &'d Path,
    sandbox: &'d Sandbox,
    pods: usize,
}

impl Story<'_> {
    fn show_objects(objects: &[Object]) -> anyhow::Result<()> {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for object in objects {
            *kinds.entry(&object.id.kind).or_default() += 1;
        }
        let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        say(&format!("  {}", kinds.join(", ")))
    }

    /// Runs Jobs, those of one environment in parallel and the environments one after the other, and prints their results.
    fn run_jobs(&mut self, objects: &[Object], names: &[&str]) -> anyhow::Result<Seen> {
        let before = self.sandbox.requests().len();
        let cluster = cluster(objects)?;
        let mut by_environment: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
        for object in
            objects.iter().filter(|object| object.id.kind == "Job" && names.contains(&object.id.name.as_str()))
        {
            let environment = object.label("apigeeflux.dev/environment").unwrap_or_default();
            by_environment.entry(environment).or_default().push(object);
        }
        let url = self.sandbox.url();
        let mut outcomes = Vec::new();
        for group in by_environment.values() {
            let roots: Vec<PathBuf> = group.iter().map(|_| self.pod_root()).collect();
            let finished = thread::scope(|scope| {
                let running: Vec<_> = group
                    .iter()
                    .zip(&roots)
                    .map(|(job, root)| {
                        let (cluster, url) = (&cluster, url.as_str());
                        scope.spawn(move || pod::run(&job.id.name, cluster, root, &[("APIGEE_ENDPOINT", url)]))
                    })
                    .collect();
                running
                    .into_iter()
                    .map(|thread| thread.join().unwrap_or_else(|_| bail!("a pod's thread stopped")))
                    .collect::<anyhow::Result<Vec<_>>>()
            })?;
            for (job, output) in group.iter().zip(finished) {
                let line = String::from_utf8_lossy(&output.stdout);
                let outcome: Value = serde_json::from_str(line.trim())
                    .with_context(|| format!("{}: {}", job.id.name, String::from_utf8_lossy(&output.stderr)))?;
                ensure!(output.status.success(), "{} failed: {}", job.id.name, outcome["reason"]);
                Self::show_outcome(job, &outcome)?;
                outcomes.push(outcome);
            }
        }
        Ok(Seen { outcomes, requests: self.sandbox.requests().split_off(before) })
    }

    /// Runs a CronJob once, as if it were scheduled now, and prints its result.
    fn run_cron_job(&mut self, objects: &[Object], name: &str) -> anyhow::Result<Seen> {
        let before = self.sandbox.requests().len();
        let (cluster, root, url) = (cluster(objects)?, self.pod_root(), self.sandbox.url());
        let mut container = pod::prepare(name, &cluster, &root)?;
        // There is no Kubernetes API here: the same objects come from a file.
        let list = json!({"apiVersion": "v1", "kind": "List", "items": cluster.into_values().collect::<Vec<_>>()});
        let file = root.join("objects.json");
        fs::write(&file, list.to_string())?;
        let from_file = format!("--objects={}", file.display());
        for argument in container.args.iter_mut().filter(|argument| *argument == "--from-cluster") {
            argument.clone_from(&from_file);
        }
        let output = container.run(&std::env::current_exe()?, &[("APIGEE_ENDPOINT", &url)])?;
        let lines = String::from_utf8_lossy(&output.stdout);
        let outcome: Value = serde_json::from_str(lines.lines().last().unwrap_or_default())
            .with_context(|| format!("{name}: {}", String::from_utf8_lossy(&output.stderr)))?;
        ensure!(output.status.success(), "{name} failed: {outcome}");
        let text = |field: &str| outcome[field].as_str().unwrap_or("-").to_owned();
        say(&format!("  CronJob {name:<18} {:<10} {} writes", text("result"), outcome["writes"]))?;
        Ok(Seen { outcomes: vec![outcome], requests: self.sandbox.requests().split_off(before) })
    }

    fn pod_root(&mut self) -> PathBuf {
        self.pods += 1;
        self.directory.join(format!("pod-{}", self.pods))
    }

    fn show_outcome(job: &Object, outcome: &Value) -> anyhow::Result<()> {
        let text = |field: &str| outcome[field].as_str().unwrap_or("-").to_owned();
        let template = job.pod_template().and_then(|template| template.metadata.as_ref()?.annotations.as_ref());
        let digest = template.and_then(|annotations| annotations.get(DIGEST)).map_or("", String::as_str);
        let revision = outcome["revision"].as_str().map_or_else(|| outcome["revision"].to_string(), str::to_owned);
        say(&format!(
            "  Job {:<22} {:<10} revision {revision} ({})  {} writes",
            job.id.name,
            text("result"),
            digest.get(..17).unwrap_or(digest),
            outcome["writes"]
        ))
    }
}
