//! The real program as an environment's CronJob runs it: it reads its namespace by the Kubernetes API, and shows there what it did.

use std::process::Command;
use std::time::Duration;

use apigee_flux_model::bundle::BundleKind::Proxy;
use reqwest::Method;
use serde_json::{Value, json};

use super::api_server::ApiServer;
use super::closed_loop::{Apigee, Cluster, files, resource};

const CRON_JOB: &str = "apigee-prod-reconcile";

/// Apigee, the namespace, and the pod's folder.
struct World {
    apigee: Apigee,
    server: ApiServer,
    pod: tempfile::TempDir,
}

/// The result of a run.
struct Ran {
    code: i32,
    /// The last line of stdout.
    result: Value,
    log: String,
}

impl World {
    /// A proxy and a target server that are deployed.
    async fn start() -> Self {
        let apigee = Apigee::start(Duration::from_secs(3)).await;
        let mut cluster = Cluster::default();
        let spec = json!({"bundle": {"files": files(Proxy, "orders", "A", Some("backend"), None)}});
        let resources = [
            resource("ApigeeEnvironment", "prod", &json!({"organization": "acme"})),
            resource("ApigeeTargetServer", "backend", &json!({"host": "a.example.com", "port": 80})),
            resource("ApigeeProxy", "orders", &spec),
        ];
        cluster.render(&resources);
        let mut objects = cluster.to_json();
        let owner = json!([{"apiVersion": "batch/v1", "kind": "CronJob", "name": CRON_JOB, "uid": "uid-c"}]);
        let labels = json!({"app.kubernetes.io/managed-by": "apigee-flux"});
        let metadata = json!({"name": "run-1", "uid": "uid-run", "labels": labels, "ownerReferences": owner});
        objects.push(json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata}));
        let pod = tempfile::tempdir().unwrap();
        let server = ApiServer::start(pod.path(), "team", objects).await;
        let world = Self { apigee, server, pod };
        let ran = world.run(&[]).await;
        assert_eq!((ran.code, &ran.result["created"]), (0, &json!(2)), "{} {}", ran.result, ran.log);
        world.server.shared().seen.clear();
        world
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
        command
            .args(["reconcile", "--from-cluster", "--account=.", "--org=acme", "--env=prod", "--owner=team/prod"])
            .args(["--namespace=team", "--job-uid=uid-run", "--young=0s", "--timeout=20s", "--deep=never"])
            .args(["--termination-log=none", "--max-deletes=5"])
            .args(arguments)
            .current_dir(self.pod.path())
            .env_clear()
            // The requests must not be sent through a proxy, which could see the token.
            .envs([("HTTPS_PROXY", "http://127.0.0.1:1"), ("ALL_PROXY", "http://127.0.0.1:1")])
            .env("KUBERNETES_SERVICE_HOST", "127.0.0.1")
            .env("KUBERNETES_SERVICE_PORT", self.server.port.to_string())
            .env("APIGEE_ENDPOINT", self.apigee.sandbox.url());
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, log) = (text(output.stdout), text(output.stderr));
        assert!(!stdout.contains("planted-token") && !log.contains("planted-token"), "the token is shown");
        let result = serde_json::from_str(stdout.lines().last().unwrap_or_default()).unwrap_or_default();
        Ran { code: output.status.code().unwrap(), result, log }
    }

    /// The writes to the Kubernetes API since the last call.
    fn writes(&self) -> Vec<(String, Value)> {
        let seen = std::mem::take(&mut self.server.shared().seen);
        seen.into_iter().filter(|(call, _)| !call.starts_with("GET ")).collect()
    }

    async fn undeploy(&self) {
        self.apigee.undeploy_by_hand(Proxy, "orders", "prod").await;
    }

    /// Changes the first object of a kind that has a text.
    fn change(&self, kind: &str, text: &str, change: impl Fn(&mut Value)) {
        let mut shared = self.server.shared();
        let found =
            shared.objects.iter_mut().find(|object| object["kind"] == kind && object.to_string().contains(text));
        change(found.unwrap_or_else(|| panic!("no {kind} with {text}")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_is_shown_on_the_cron_job() {
    let world = World::start().await;
    world.undeploy().await;
    let ran = world.run(&[]).await;
    assert_eq!((ran.code, &ran.result["created"], &ran.result["unchanged"]), (0, &json!(1), &json!(1)), "{}", ran.log);
    let writes = world.writes();
    let [(patch, labels), (create, event)] = writes.as_slice() else { panic!("{writes:?}") };
    assert_eq!(patch, &format!("PATCH /apis/batch/v1/namespaces/team/cronjobs/{CRON_JOB}"));
    assert_eq!(labels["metadata"]["labels"], json!({"apigeeflux.dev/result": "repaired"}));
    assert!(labels["metadata"]["annotations"]["apigeeflux.dev/last-repair"].as_str().unwrap().ends_with('Z'));
    assert_eq!(create, "POST /apis/events.k8s.io/v1/namespaces/team/events");
    let regarding = (&event["regarding"]["kind"], &event["regarding"]["name"]);
    assert_eq!((regarding, &event["reason"]), ((&json!("CronJob"), &json!(CRON_JOB)), &json!("Repaired")));
    assert_eq!(event["note"], "1 created (ApigeeProxy orders)");
    // A run without a change makes no Event.
    let ran = world.run(&[]).await;
    assert_eq!((ran.code, &ran.result["unchanged"], &ran.result["writes"]), (0, &json!(2), &json!(0)), "{}", ran.log);
    let writes = world.writes();
    assert!(
        writes.len() == 1 && writes[0].1["metadata"]["labels"]["apigeeflux.dev/result"] == "unchanged",
        "{writes:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_job_is_left_alone() {
    let world = World::start().await;
    world.undeploy().await;
    let desired =
        |object: &mut Value| object["metadata"]["annotations"]["apigeeflux.dev/desired"] = json!("sha256:newer");
    world.change("Job", "environments/prod ApigeeProxy orders", desired);
    let ran = world.run(&[]).await;
    assert_eq!(
        (ran.code, &ran.result["left"], &ran.result["writes"]),
        (0, &json!(1), &json!(0)),
        "{} {}",
        ran.result,
        ran.log
    );
    assert_eq!(world.writes()[0].1["metadata"]["labels"], json!({"apigeeflux.dev/result": "left"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_applied_inventory_and_a_missing_right_end_the_run() {
    let world = World::start().await;
    world.undeploy().await;
    let before = world.apigee.sandbox.requests().len();
    world.change("ConfigMap", "\"apigeeflux.dev/inventory\":\"part\"", |object| {
        object["data"]["inventory.json"] = json!("{\"schemaVersion\": 2}");
    });
    let ran = world.run(&[]).await;
    assert_eq!(ran.code, 75, "{}", ran.log);
    assert!(ran.log.contains("the inventory is being applied"), "{}", ran.log);
    world.server.shared().forbidden = Some("/configmaps");
    let ran = world.run(&[]).await;
    assert_eq!(ran.code, 77, "{}", ran.log);
    assert!(ran.log.contains("the verb `list` for the resource `configmaps`"), "{}", ran.log);
    assert_eq!(world.apigee.sandbox.requests().len(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_altered_bundle_is_not_deployed_and_a_missing_note_changes_nothing() {
    let world = World::start().await;
    world.apigee.by_hand(Method::DELETE, "environments/prod/targetservers/backend", None).await;
    world.server.shared().forbidden = Some("/cronjobs");
    let ran = world.run(&[]).await;
    assert_eq!((ran.code, &ran.result["created"]), (0, &json!(1)), "{}", ran.log);
    assert!(ran.log.contains("the result is missing on the CronJob"), "{}", ran.log);
    world.undeploy().await;
    world.change("ConfigMap", "policies__AM-Body.xml", |object| {
        object["data"]["policies__AM-Body.xml"] = json!("<AssignMessage/>");
    });
    let ran = world.run(&[]).await;
    assert_eq!(ran.code, 67, "{}", ran.log);
    assert!(ran.log.contains("was changed after rendering"), "{}", ran.log);
}
