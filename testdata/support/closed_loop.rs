//! The loop from Git to Apigee in one process: the library renders specs, each Job's volumes are written as a kubelet would write them,
//! and the library runs with the Job's own arguments, as the program would, against a sandbox.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use apigee_flux_configuration::inventory::{Deep, Inventory};
use apigee_flux_configuration::secret::ValueFrom;
use apigee_flux_configuration::{Claimant, OwnedPlace, record};
use apigee_flux_deployer::Polling;
use apigee_flux_deployer::apply::{self, ApplyEvent, ApplyReport, Mode, ResourceResult, Secrets, apply};
use apigee_flux_deployer::batch::BatchEvent;
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::in_cluster::{self, ObjectsCluster};
use apigee_flux_deployer::mount::{read_batch, read_configuration};
use apigee_flux_deployer::reconcile::{ReconcileOptions, Source, reconcile};
use apigee_flux_deployer::retry::Backoff;
use apigee_flux_deployer::{BatchReport, Client, DeployOptions, Error, Target, TokenSource, deploy_batch};
use apigee_flux_function::expand::{ExpandOptions as Expand, expand};
use apigee_flux_function::k8s::Object;
use apigee_flux_model::bundle::{BundleKind, zip};
use apigee_flux_model::diag::Diagnostic;
use apigee_flux_model::krm::Input;
use apigee_flux_sandbox::{self as sandbox, LoggedRequest, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::pod;

/// The only organization.
pub(crate) const ORGANIZATION: &str = "acme";

/// A spec.
pub(crate) fn resource(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "apigeeflux.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

/// The files of a bundle, which names a target server and calls a shared flow if these are given; bundles differ only in `body`.
pub(crate) fn files(kind: BundleKind, name: &str, body: &str, server: Option<&str>, flow: Option<&str>) -> Value {
    let root = kind.root_element();
    let set = format!("<AssignMessage name=\"AM-Body\"><Set><Payload>{body}</Payload></Set></AssignMessage>");
    let mut steps = "<Step><Name>AM-Body</Name></Step>".to_owned();
    let mut files = json!({
        format!("{name}.xml"): format!("<{root} name=\"{name}\"><Description>{name}</Description></{root}>"),
        "policies/AM-Body.xml": set,
    });
    if let Some(flow) = flow {
        files["policies/FC-Call.xml"] =
            json!(format!("<FlowCallout name=\"FC-Call\"><SharedFlowBundle>{flow}</SharedFlowBundle></FlowCallout>"));
        steps.push_str("<Step><Name>FC-Call</Name></Step>");
    }
    match kind {
        BundleKind::SharedFlow => {
            files["sharedflows/default.xml"] = json!(format!("<SharedFlow name=\"default\">{steps}</SharedFlow>"));
        }
        BundleKind::Proxy => {
            let route = if server.is_some() { "<TargetEndpoint>default</TargetEndpoint>" } else { "" };
            files["proxies/default.xml"] = json!(format!(
                "<ProxyEndpoint name=\"default\"><PreFlow><Request>{steps}</Request></PreFlow>\
                 <HTTPProxyConnection><BasePath>/{name}</BasePath></HTTPProxyConnection>\
                 <RouteRule name=\"default\">{route}</RouteRule></ProxyEndpoint>"
            ));
            if let Some(server) = server {
                files["targets/default.xml"] = json!(format!(
                    "<TargetEndpoint name=\"default\"><HTTPTargetConnection><LoadBalancer><Server name=\"{server}\"/>\
                     </LoadBalancer></HTTPTargetConnection></TargetEndpoint>"
                ));
            }
        }
    }
    files
}

/// The files that are compared: without the root file, which has the provenance.
pub(crate) fn without_root(files: Value) -> Value {
    let Value::Object(files) = files else { return files };
    files.into_iter().filter(|(path, _)| path.contains('/')).collect()
}

/// The field of the list of all bundles of a kind.
pub(crate) fn field(kind: BundleKind) -> &'static str {
    match kind {
        BundleKind::Proxy => "proxies",
        BundleKind::SharedFlow => "sharedFlows",
    }
}

/// The objects of a cluster after a state of Git was applied to it.
#[derive(Default)]
pub(crate) struct Cluster {
    objects: Vec<Object>,
    /// The Secrets, by name.
    pub(crate) secrets: BTreeMap<String, BTreeMap<String, String>>,
}

impl Cluster {
    /// Replaces the objects by those of a state of Git. Returns the names of the Jobs that Flux would run.
    pub(crate) fn render(&mut self, resources: &[Value]) -> Vec<String> {
        let text = resources.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n---\n");
        let input = Input::read(&text).unwrap();
        let expansion = expand(&input, &Expand::default());
        let errors: Vec<String> = expansion.diagnostics.iter().map(Diagnostic::text).collect();
        assert!(!expansion.objects.is_empty() && errors.is_empty(), "{errors:?}");
        let old: BTreeMap<&str, _> =
            self.objects.iter().map(|object| (object.id.name.as_str(), object.pod_template())).collect();
        let is_new = |object: &&Object| old.get(object.id.name.as_str()) != Some(&object.pod_template());
        let jobs = expansion.objects.iter().filter(|object| object.id.kind == "Job").filter(is_new);
        let jobs = jobs.map(|object| object.id.name.clone()).collect();
        self.objects = expansion.objects;
        jobs
    }

    /// All objects.
    #[allow(dead_code, reason = "not every test has an API server")]
    pub(crate) fn to_json(&self) -> Vec<Value> {
        self.objects.iter().map(|object| object.to_json().unwrap()).collect()
    }

    /// The namespace with all objects, as the Kubernetes API has them.
    fn namespace(&self) -> ObjectsCluster {
        ObjectsCluster::new(self.objects.iter().map(|object| object.to_json().unwrap())).unwrap()
    }

    /// The pod of a Job or CronJob.
    pub(crate) fn pod(&self, job: &str) -> Pod {
        let mut cluster: pod::Cluster<'_> = self
            .objects
            .iter()
            .map(|object| ((object.id.kind.as_str(), object.id.name.as_str()), object.to_json().unwrap()))
            .collect();
        for (name, keys) in &self.secrets {
            cluster.insert(("Secret", name), json!({"kind": "Secret", "stringData": keys}));
        }
        // Kubernetes creates it in every namespace.
        cluster.insert(("ConfigMap", "kube-root-ca.crt"), json!({"kind": "ConfigMap", "data": {"ca.crt": ""}}));
        // In memory, as a kubelet mounts Secrets, and faster than a disk.
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let container = pod::prepare(job, &cluster, root.path()).unwrap();
        Pod { container, _root: root }
    }

    /// The owner for which a Job runs: that of its environment, if its arguments name none.
    fn owner(&self, pod: &Pod) -> String {
        if let Some(owner) = pod.argument("owner") {
            return owner.to_owned();
        }
        let reconciler = reconciler(pod.argument("env").unwrap());
        if self.objects.iter().any(|object| object.id.name == reconciler) {
            return self.pod(&reconciler).argument("owner").unwrap().to_owned();
        }
        format!("default/{}", pod.argument("env").unwrap())
    }
}

/// A container with its volumes, which are deleted with it.
pub(crate) struct Pod {
    pub(crate) container: pod::Container,
    _root: tempfile::TempDir,
}

impl Pod {
    fn argument(&self, name: &str) -> Option<&str> {
        self.container
            .args
            .iter()
            .find_map(|argument| argument.strip_prefix("--")?.strip_prefix(name)?.strip_prefix('='))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.container.directory.join(self.argument(name).unwrap())
    }

    fn configuration(&self) -> Vec<PathBuf> {
        let files = self.container.args.iter().filter_map(|argument| argument.strip_prefix("--configuration="));
        files.map(|file| self.container.directory.join(file)).collect()
    }

    fn place(&self) -> OwnedPlace {
        OwnedPlace {
            organization: self.argument("org").unwrap().to_owned(),
            environment: self.argument("env").map(str::to_owned),
        }
    }

    fn target(&self) -> Target {
        Target {
            organization: self.argument("org").unwrap().parse().unwrap(),
            environment: self.argument("env").unwrap().parse().unwrap(),
        }
    }

    fn secrets(&self) -> Secrets {
        let folder = self.file("secrets");
        Arc::new(move |place: &ValueFrom| match place {
            ValueFrom::SecretKeyRef(secret) => {
                fs::read(folder.join(&secret.name).join(&secret.key)).map_err(|_| format!("the {place} does not exist"))
            }
            ValueFrom::File(path) => Err(format!("no file `{path}` in a test")),
        })
    }
}

/// How a run of the reconciler differs from the settings of its CronJob.
#[derive(Clone, Copy)]
pub(crate) struct How {
    pub(crate) mode: Mode,
    pub(crate) young: Duration,
    pub(crate) deep: Deep,
    pub(crate) max_deletes: Option<usize>,
}

impl How {
    pub(crate) const REPAIR: Self =
        Self { mode: Mode::Write, young: Duration::ZERO, deep: Deep::Never, max_deletes: Some(100) };
    pub(crate) const LOOK: Self = Self { mode: Mode::Look, ..Self::REPAIR };
}

/// A sandbox, and clients that do not wait between requests.
pub(crate) struct Apigee {
    pub(crate) sandbox: Sandbox,
    client: Client,
    http: reqwest::Client,
    /// How far its clock is in the past, in milliseconds.
    ago: Arc<AtomicU64>,
    timeout: Duration,
}

impl Apigee {
    /// Its clock is one hour in the past, so that no deployment is recent. `timeout` is how long a Job waits for what it needs.
    pub(crate) async fn start(timeout: Duration) -> Self {
        let now = sandbox::SandboxOptions::default().clock;
        let ago = Arc::new(AtomicU64::new(60 * 60 * 1000));
        let past = Arc::clone(&ago);
        let clock: sandbox::Clock = Arc::new(move || now() - past.load(Ordering::Relaxed));
        let options =
            sandbox::SandboxOptions { progressing: Duration::ZERO, clock, ..sandbox::SandboxOptions::default() };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let backoff = Backoff {
            first: Duration::from_millis(2),
            attempts: 4,
            quota_window: Duration::from_millis(50),
            ..Backoff::default()
        };
        let settings = Settings { rate: 100_000.try_into().unwrap(), backoff, ..Settings::default() };
        let client = Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap();
        Self { sandbox, client, http: reqwest::Client::new(), ago, timeout }
    }

    /// Sets how far the clock of the sandbox is in the past.
    pub(crate) fn live_ago(&self, ago: Duration) {
        self.ago.store(u64::try_from(ago.as_millis()).unwrap(), Ordering::Relaxed);
    }

    fn options(&self, owner: &str, mode: Mode) -> apply::ApplyOptions {
        apply::ApplyOptions { timeout: self.timeout, polling: POLLING, mode, ..apply::ApplyOptions::new(owner) }
    }

    /// Runs all Jobs at the same time, as in a cluster. Returns the failures by Job.
    pub(crate) async fn run_jobs(&self, cluster: &Cluster, jobs: &[String]) -> BTreeMap<String, String> {
        let mut running = JoinSet::new();
        for job in jobs {
            let (pod, client, job) = (cluster.pod(job), self.client.clone(), job.clone());
            let owner = cluster.owner(&pod);
            let apply_options = pod.argument("configuration").map(|_| self.options(&owner, Mode::Write));
            let options = DeployOptions {
                claimant: Some(Claimant::new(&owner)),
                timeout: self.timeout,
                polling: POLLING,
                ..DeployOptions::default()
            };
            running.spawn(async move {
                let failed = match apply_options {
                    Some(options) => run_apply(&pod, &client, &options).await.map(|report| failures(&report)),
                    None => run_batch(&pod, &client, &options).await.map(|report| {
                        let failed = report.reports.iter().filter(|report| report.exit.code() != 0);
                        failed.map(|report| report.outcome.reason.clone()).collect()
                    }),
                };
                (job, failed)
            });
        }
        let mut found = BTreeMap::new();
        while let Some(ended) = running.join_next().await {
            let (job, failed) = ended.unwrap();
            match failed {
                Ok(failed) if failed.is_empty() => {}
                Ok(failed) => drop(found.insert(job, failed.join("; "))),
                Err(error) => drop(found.insert(job, error.to_string())),
            }
        }
        found
    }

    /// Renders a state of Git, and runs the Jobs that Flux would run. All must succeed.
    pub(crate) async fn deploy(&self, cluster: &mut Cluster, resources: &[Value]) {
        let jobs = cluster.render(resources);
        let failed = self.run_jobs(cluster, &jobs).await;
        assert!(failed.is_empty(), "{failed:#?}");
    }

    /// Runs the CronJob of an environment.
    pub(crate) async fn reconcile(&self, cluster: &Cluster, environment: &str, how: How) -> Result<ApplyReport, Error> {
        let source = Source::Cluster(Arc::new(cluster.namespace()));
        self.reconcile_pod(&cluster.pod(&reconciler(environment)), how, source).await
    }

    /// The same for files with an inventory of nothing.
    #[allow(dead_code, reason = "not every test uses it")]
    pub(crate) async fn reconcile_nothing(
        &self,
        cluster: &Cluster,
        environment: &str,
        how: How,
    ) -> Result<ApplyReport, Error> {
        let source = Source::Files { inventory: Inventory::default(), bundles: Vec::new() };
        self.reconcile_pod(&cluster.pod(&reconciler(environment)), how, source).await
    }

    async fn reconcile_pod(&self, pod: &Pod, how: How, source: Source) -> Result<ApplyReport, Error> {
        let options = self.options(pod.argument("owner").unwrap(), how.mode);
        let how = ReconcileOptions {
            options,
            owner_of_organization: pod.argument("owner-of-organization").unwrap().to_owned(),
            max_deletes: how.max_deletes,
            young: how.young,
            deep: how.deep,
        };
        let progress: apply::ApplyListener = Arc::new(|_: ApplyEvent<'_>| ());
        let run = reconcile(&self.client, &pod.target(), source, pod.secrets(), &how, progress).await?;
        Ok(run.report)
    }

    /// Runs the reconciler of a pod in a cluster.
    #[allow(dead_code, reason = "not every test has a cluster")]
    pub(crate) async fn reconcile_from(
        &self,
        cluster: Arc<dyn in_cluster::Cluster>,
        environment: &str,
        claimant: &Claimant,
        how: How,
    ) -> Result<ApplyReport, Error> {
        let target = Target { organization: ORGANIZATION.parse().unwrap(), environment: environment.parse().unwrap() };
        let options = apply::ApplyOptions { claimant: claimant.clone(), ..self.options(&claimant.owner, how.mode) };
        let how = ReconcileOptions {
            options,
            owner_of_organization: claimant.owner.clone(),
            max_deletes: how.max_deletes,
            young: how.young,
            deep: how.deep,
        };
        let secrets: Secrets = Arc::new(|place: &ValueFrom| Err(format!("no {place} in a test")));
        let progress: apply::ApplyListener = Arc::new(|_: ApplyEvent<'_>| ());
        let run = reconcile(&self.client, &target, Source::Cluster(cluster), secrets, &how, progress).await?;
        Ok(run.report)
    }

    /// A manual request. Returns the response if there is one and it is not an error.
    pub(crate) async fn try_by_hand(&self, method: Method, path: &str, body: Option<&Value>) -> Option<Value> {
        let request = self.http.request(method, self.url(path));
        let request = match body {
            Some(body) => request.json(body),
            // reqwest sends no length without a body, and a POST without a length is rejected.
            None => request.header("content-length", 0),
        };
        let response = request.send().await.unwrap();
        if !response.status().is_success() {
            return None;
        }
        let bytes = response.bytes().await.unwrap();
        Some(serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes))))
    }

    /// The same; an error fails the test.
    pub(crate) async fn by_hand(&self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let answer = self.try_by_hand(method.clone(), path, body).await;
        answer.unwrap_or_else(|| panic!("{method} {path} is rejected"))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1/organizations/{ORGANIZATION}/{path}", self.sandbox.url())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.by_hand(Method::GET, path, None).await
    }

    /// The names in a list that may be empty.
    pub(crate) async fn names(&self, path: &str, field: &str) -> Vec<String> {
        let list = self.try_by_hand(Method::GET, path, None).await.unwrap_or_default();
        let items = if field.is_empty() { &list } else { &list[field] };
        let name = |item: &Value| item.as_str().or_else(|| item["name"].as_str()).unwrap().to_owned();
        items.as_array().into_iter().flatten().map(name).collect()
    }

    /// The files of a revision without the root file, which has the provenance.
    pub(crate) async fn revision_files(&self, kind: BundleKind, name: &str, revision: &str) -> Value {
        let path = format!("{}/{name}/revisions/{revision}?format=bundle", kind.collection());
        let bytes = self.http.get(self.url(&path)).send().await.unwrap().bytes().await.unwrap();
        let (_, files) = zip::unpack(&bytes).unwrap();
        without_root(
            files.iter().map(|(path, text)| (path.to_string(), json!(String::from_utf8_lossy(text)))).collect(),
        )
    }

    /// Imports a bundle manually, and deploys it if an environment is given. `description` is that of the root file.
    pub(crate) async fn import(
        &self,
        kind: BundleKind,
        name: &str,
        files: &Value,
        description: &str,
        environment: Option<&str>,
    ) -> String {
        let escaped = description.replace('&', "&amp;").replace('<', "&lt;");
        let root = kind.root_element();
        let mut files = files.clone();
        files[format!("{name}.xml")] =
            json!(format!("<{root} name=\"{name}\"><Description>{escaped}</Description></{root}>"));
        let files = files.as_object().unwrap().iter().map(|(path, text)| {
            (apigee_flux_model::bundle::BundlePath::parse(path).unwrap(), text.as_str().unwrap().as_bytes().to_vec())
        });
        let zip = zip::pack(kind, &files.collect()).unwrap();
        let url = self.url(&format!("{}?name={name}&action=import", kind.collection()));
        let request = self.http.post(url).header("content-type", "application/octet-stream").body(zip);
        let answer: Value = request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
        let revision = answer["revision"].as_str().unwrap().to_owned();
        if let Some(environment) = environment {
            self.deploy_by_hand(kind, name, &revision, environment).await;
        }
        revision
    }

    pub(crate) async fn deploy_by_hand(&self, kind: BundleKind, name: &str, revision: &str, environment: &str) {
        let collection = kind.collection();
        let path = format!("environments/{environment}/{collection}/{name}/revisions/{revision}/deployments");
        self.by_hand(Method::POST, &format!("{path}?override=true"), None).await;
    }

    pub(crate) async fn undeploy_by_hand(&self, kind: BundleKind, name: &str, environment: &str) {
        let revision = self.deployed(kind, environment).await[name].clone();
        let collection = kind.collection();
        let path = format!("environments/{environment}/{collection}/{name}/revisions/{revision}/deployments");
        self.by_hand(Method::DELETE, &path, None).await;
    }

    /// The deployed revisions in an environment, by name.
    pub(crate) async fn deployed(&self, kind: BundleKind, environment: &str) -> BTreeMap<String, String> {
        let flows = if kind == BundleKind::SharedFlow { "?sharedFlows=true" } else { "" };
        let list = self.get(&format!("environments/{environment}/deployments{flows}")).await;
        let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
        let list = list["deployments"].as_array().cloned().unwrap_or_default();
        list.iter().map(|item| (text(item, "apiProxy"), text(item, "revision"))).collect()
    }

    /// The entries of a key value map; empty if the map does not exist.
    pub(crate) async fn entries(&self, map: &str) -> Option<BTreeMap<String, Value>> {
        let (mut entries, mut token) = (BTreeMap::new(), String::new());
        loop {
            let page = self.try_by_hand(Method::GET, &format!("{map}/entries?pageToken={token}"), None).await?;
            for entry in page["keyValueEntries"].as_array().into_iter().flatten() {
                entries.insert(entry["name"].as_str().unwrap().to_owned(), entry["value"].clone());
            }
            match page["nextPageToken"].as_str() {
                Some(next) if !next.is_empty() => next.clone_into(&mut token),
                _ => return Some(entries),
            }
        }
    }

    /// The key value maps below a path, except that of the records.
    pub(crate) async fn maps(&self, below: &str, state: &mut BTreeMap<String, Value>) {
        for name in self.names(&format!("{below}keyvaluemaps"), "").await {
            if name != record::MAP {
                let path = format!("{below}keyvaluemaps/{name}");
                state.insert(path.clone(), json!(self.entries(&path).await));
            }
        }
    }

    /// Target servers, key value maps, and the files of deployed bundles, by path.
    pub(crate) async fn state(&self, environments: &[&str]) -> BTreeMap<String, Value> {
        let mut state = BTreeMap::new();
        self.maps("", &mut state).await;
        for kind in BundleKind::ALL {
            let collection = kind.collection();
            for name in self.names(collection, field(kind)).await {
                if kind == BundleKind::Proxy {
                    self.maps(&format!("apis/{name}/"), &mut state).await;
                }
                state.insert(format!("{collection}/{name}"), json!("exists"));
            }
        }
        for environment in environments {
            let base = format!("environments/{environment}");
            self.maps(&format!("{base}/"), &mut state).await;
            for name in self.names(&format!("{base}/targetservers"), "").await {
                let path = format!("{base}/targetservers/{name}");
                state.insert(path.clone(), self.get(&path).await);
            }
            for kind in BundleKind::ALL {
                for (name, revision) in self.deployed(kind, environment).await {
                    let files = self.revision_files(kind, &name, &revision).await;
                    state.insert(format!("{base}/{}/{name}", kind.collection()), files);
                }
            }
        }
        state
    }

    /// The requests after the first `before` ones.
    pub(crate) fn requests_since(&self, before: usize) -> Vec<LoggedRequest> {
        self.sandbox.requests().split_off(before)
    }
}

/// The name of the CronJob of an environment.
fn reconciler(environment: &str) -> String {
    format!("apigee-{environment}-reconcile")
}

const POLLING: Polling =
    Polling { first: Duration::from_millis(5), longest: Duration::from_millis(40), grace: Duration::from_mins(1) };

async fn run_apply(pod: &Pod, client: &Client, options: &apply::ApplyOptions) -> Result<ApplyReport, Error> {
    let (document, _) = read_configuration(&pod.configuration()).unwrap();
    let progress: apply::ApplyListener = Arc::new(|_: ApplyEvent<'_>| ());
    apply(client, &pod.place(), &document, pod.secrets(), options, progress).await
}

async fn run_batch(pod: &Pod, client: &Client, options: &DeployOptions) -> Result<BatchReport, Error> {
    let bundles = read_batch(&pod.file("batch"), &pod.file("bundles"))?;
    let progress = Arc::new(|_: BatchEvent<'_>| ());
    deploy_batch(client, bundles, &pod.target(), options, 8.try_into().unwrap(), progress, std::future::pending()).await
}

/// The failures, as text.
pub(crate) fn failures(report: &ApplyReport) -> Vec<String> {
    let failed = report.resources.iter().filter(|applied| applied.result == ResourceResult::Failed);
    failed.map(|applied| format!("{}: {}", applied.id, applied.reason)).collect()
}
