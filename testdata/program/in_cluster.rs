//! What a Job reports to its own cluster: the real program as its pod runs it, against the sandbox and an API server of this test with its own
//! certificate authority. Whatever that server does, the result and the exit code are those of a run without it.

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apigee_flux_model::bundle::batch::SCHEMA_VERSION;
use apigee_flux_model::bundle::manifest::Requirements;
use apigee_flux_model::bundle::{Batch, BatchEntry, BundleKind, BundlePath, DeploySettings, Files, Manifest};
use apigee_flux_sandbox::{self as sandbox, Sandbox};
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::tls;

const TOKEN: &str = "planted-token";
const JOB: &str = "apigee-prod-orders";

/// The behavior of the API server.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Good,
    Forbids,
    Hangs,
}

/// One request that the API server received.
#[derive(Debug, Clone)]
struct Seen {
    /// Including the query.
    call: String,
    content_type: String,
    authorization: String,
    body: Value,
}

/// The cluster, and the pod's folder.
struct Cluster {
    seen: Arc<Mutex<Vec<Seen>>>,
    port: u16,
    pod: tempfile::TempDir,
    sandbox: Sandbox,
}

/// The result of a run.
struct Ran {
    code: Option<i32>,
    /// The last line of stdout.
    result: Value,
    /// The log.
    lines: Vec<Value>,
    took: Duration,
}

impl Cluster {
    async fn start(mood: Mood) -> Self {
        let options =
            sandbox::SandboxOptions { progressing: Duration::from_millis(20), ..sandbox::SandboxOptions::default() };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let pod = tempfile::tempdir().unwrap();
        let tls = tls::certificates(pod.path(), &["127.0.0.1"]);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let service =
            Router::new().fallback(any(move |request: Request<Body>| answer(mood, Arc::clone(&log), request)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tls::serve(tls.clone(), stream, service.clone()));
            }
        });
        let cluster = Self { seen, port, pod, sandbox };
        let authority = std::fs::read_to_string(cluster.pod.path().join("ca.pem")).unwrap();
        cluster.write("account/ca.crt", &authority);
        cluster.write("account/token", TOKEN);
        cluster.write("account/namespace", "team-orders");
        cluster.write_bundle("/orders");
        cluster
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.pod.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A proxy, once as a single bundle and once as the only bundle of a batch.
    fn write_bundle(&self, base_path: &str) {
        let endpoint = format!(
            "<ProxyEndpoint name=\"default\"><HTTPProxyConnection><BasePath>{base_path}</BasePath></HTTPProxyConnection>\
             <RouteRule name=\"none\"/></ProxyEndpoint>"
        );
        let list = [("orders.xml", "<APIProxy name=\"orders\"/>"), ("proxies/default.xml", &endpoint)];
        let files: Files =
            list.iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec())).collect();
        let manifest = Manifest::new(BundleKind::Proxy, "orders", &files, Requirements::default());
        for folder in ["bundle", "bundles/apis/orders"] {
            for (path, text) in list {
                self.write(&format!("{folder}/{path}"), text);
            }
            self.write(&format!("{folder}/manifest.json"), &serde_json::to_string(&manifest).unwrap());
        }
        let entry = BatchEntry {
            kind: BundleKind::Proxy,
            name: "orders".to_owned(),
            folder: "apis/orders".to_owned(),
            digest: manifest.digest,
            settings: DeploySettings::default(),
        };
        let batch = Batch { schema_version: SCHEMA_VERSION, bundles: vec![entry] };
        self.write("batch/batch.json", &serde_json::to_string(&batch).unwrap());
    }

    async fn deploy(&self) -> Ran {
        self.run(&["deploy", "--manifest=bundle/manifest.json"]).await
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
        command
            .args(arguments)
            .args(["--org=acme", "--env=prod", "--timeout=20s", "--termination-log=none"])
            .args(["--report-account=account", &format!("--report-job={JOB}")])
            .current_dir(self.pod.path())
            .env_clear()
            // The requests must not be sent through a proxy, which could see the token.
            .envs([("HTTPS_PROXY", "http://127.0.0.1:1"), ("ALL_PROXY", "http://127.0.0.1:1")])
            .envs([("KUBERNETES_SERVICE_HOST", "127.0.0.1"), ("KUBERNETES_SERVICE_PORT", &self.port.to_string())])
            .env("APIGEE_ENDPOINT", self.sandbox.url());
        let start = Instant::now();
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let took = start.elapsed();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        assert!(!stdout.contains(TOKEN) && !stderr.contains(TOKEN), "the token is shown");
        Ran {
            code: output.status.code(),
            result: serde_json::from_str(stdout.lines().last().unwrap_or(&stderr)).unwrap(),
            lines: stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            took,
        }
    }

    /// The requests since the last call.
    fn news(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

impl Ran {
    /// The warnings that say why nothing was reported to the cluster.
    fn warnings(&self) -> Vec<&str> {
        let lines = self.lines.iter().filter(|line| line["phase"] == "report");
        lines
            .inspect(|line| assert_eq!(line["level"], "warning"))
            .map(|line| line["message"].as_str().unwrap())
            .collect()
    }
}

async fn answer(mood: Mood, seen: Arc<Mutex<Vec<Seen>>>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let header = |name: &str| head.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-length"), body.len().to_string());
    for name in head.headers.keys() {
        assert_eq!(head.headers.get_all(name).iter().count(), 1, "{name} is sent more than once");
    }
    let seen_now = Seen {
        // An empty query is not said.
        call: format!("{} {}", head.method, head.uri).replace("?&", "?").trim_end_matches('?').to_owned(),
        content_type: header("content-type"),
        authorization: header("authorization"),
        body: serde_json::from_slice(&body).unwrap(),
    };
    let mut answer = seen_now.body.clone();
    seen.lock().unwrap().push(seen_now);
    match mood {
        Mood::Good => {
            answer["metadata"]["uid"] = "uid-1".into();
            Json(answer).into_response()
        }
        Mood::Forbids => {
            let status = json!({"kind": "Status", "status": "Failure", "message": "no such right", "code": 403});
            (StatusCode::FORBIDDEN, Json(status)).into_response()
        }
        Mood::Hangs => std::future::pending().await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_job_and_an_event_show_the_result() {
    let cluster = Cluster::start(Mood::Good).await;
    for (result, reason) in [("deployed", "Deployed"), ("unchanged", "Unchanged")] {
        let ran = cluster.deploy().await;
        assert_eq!((ran.code, &ran.result["result"]), (Some(0), &result.into()), "{:?}", ran.lines);
        assert_eq!(ran.warnings(), Vec::<&str>::new());
        let news = cluster.news();
        let [patch, event] = news.as_slice() else { panic!("{news:?}") };
        let job = format!("/apis/batch/v1/namespaces/team-orders/jobs/{JOB}?fieldManager=apigee-deployer");
        assert_eq!(patch.call, format!("PATCH {job}"));
        assert_eq!(patch.content_type, "application/apply-patch+yaml");
        let labels = json!({"apigeeflux.dev/result": result, "apigeeflux.dev/revision": "1"});
        let metadata = json!({"name": JOB, "namespace": "team-orders", "labels": labels});
        assert_eq!(patch.body, json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}));
        assert_eq!(event.call, "POST /apis/events.k8s.io/v1/namespaces/team-orders/events");
        assert_eq!(event.content_type, "application/json");
        for seen in &news {
            assert_eq!(seen.authorization, format!("Bearer {TOKEN}"));
        }
        let event = &event.body;
        assert_eq!((&event["reason"], &event["type"]), (&reason.into(), &"Normal".into()));
        assert_eq!((&event["regarding"]["name"], &event["regarding"]["uid"]), (&JOB.into(), &"uid-1".into()));
        let note = event["note"].as_str().unwrap();
        assert!(
            note.starts_with("orders in prod: ") && note.ends_with(ran.result["reason"].as_str().unwrap()),
            "{note}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_a_warning_about_the_job() {
    let cluster = Cluster::start(Mood::Good).await;
    cluster.write_bundle("no-path");
    let ran = cluster.deploy().await;
    assert_eq!((ran.code, &ran.result["result"]), (Some(65), &"failed".into()), "{:?}", ran.lines);
    let news = cluster.news();
    assert_eq!(news[0].body["metadata"]["labels"], json!({"apigeeflux.dev/result": "failed"}));
    assert_eq!((&news[1].body["reason"], &news[1].body["type"]), (&"Failed".into(), &"Warning".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_and_a_removal_report_too() {
    let cluster = Cluster::start(Mood::Good).await;
    let ran = cluster.run(&["deploy", "--batch=batch/batch.json", "--bundles=bundles"]).await;
    assert_eq!(ran.code, Some(0), "{:?}", ran.lines);
    let news = cluster.news();
    assert_eq!(news[0].body["metadata"]["labels"], json!({"apigeeflux.dev/result": "deployed"}));
    assert_eq!(news[1].body["note"], "1 bundles in prod, 0 of them failed");
    let ran = cluster.run(&["remove", "--proxy=orders"]).await;
    assert_eq!(ran.code, Some(0), "{:?}", ran.lines);
    let news = cluster.news();
    assert_eq!((&news[1].body["action"], &news[1].body["reason"]), (&"Remove".into(), &"Removed".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_does_not_listen_changes_nothing() {
    let cluster = Cluster::start(Mood::Forbids).await;
    let ran = cluster.deploy().await;
    assert_eq!((ran.code, &ran.result["result"]), (Some(0), &"deployed".into()));
    let warnings = ran.warnings();
    assert!(warnings.len() == 1 && warnings[0].matches("403: no such right").count() == 2, "{warnings:?}");
    // If the label cannot be set, the Event is still created.
    assert_eq!(cluster.news().len(), 2);

    let cluster = Cluster::start(Mood::Hangs).await;
    let ran = cluster.deploy().await;
    assert_eq!((ran.code, &ran.result["result"]), (Some(0), &"deployed".into()));
    assert!(ran.took > Duration::from_secs(5) && ran.took < Duration::from_secs(9), "{:?}", ran.took);
    assert!(ran.warnings()[0].contains("no answer within 5s"), "{:?}", ran.warnings());

    // The exit code of a failure does not change either.
    cluster.write_bundle("no-path");
    std::fs::remove_file(cluster.pod.path().join("account/token")).unwrap();
    let ran = cluster.deploy().await;
    assert_eq!(ran.code, Some(65));
    assert!(ran.warnings()[0].contains("token` cannot be read"), "{:?}", ran.warnings());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_for_the_cluster_only() {
    let cluster = Cluster::start(Mood::Good).await;
    // A certificate authority that did not sign the server's certificate.
    let other = tempfile::tempdir().unwrap();
    tls::certificates(other.path(), &["127.0.0.1"]);
    cluster.write("account/ca.crt", &std::fs::read_to_string(other.path().join("ca.pem")).unwrap());
    let ran = cluster.deploy().await;
    assert_eq!((ran.code, ran.warnings().len()), (Some(0), 1), "{:?}", ran.lines);
    assert!(cluster.news().is_empty());
}
