//! `status` and `audit` of the real program against the sandbox: resources that come from Git, and resources that do not.

use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use apigee_flux_configuration::history::{HistoryAction, HistoryEntry, HistoryPage};
use apigee_flux_configuration::{Claimant, Document, Id, OwnedPlace, Record, record};
use apigee_flux_deployer::Polling;
use apigee_flux_deployer::apply::{self, ApplyEvent, apply};
use apigee_flux_deployer::client::Settings;
use apigee_flux_deployer::event::Event;
use apigee_flux_deployer::{Bundle, Client, DeployOptions, Target, TokenSource, deploy};
use apigee_flux_model::bundle::{BundleKind, BundlePath, Files, zip};
use apigee_flux_model::lifecycle::WhenGone;
use apigee_flux_model::provenance::Provenance;
use apigee_flux_sandbox::{self as sandbox, Sandbox};
use serde_json::{Value, json};

fn proxy(name: &str) -> Files {
    let list = [
        (format!("{name}.xml"), format!("<APIProxy name=\"{name}\"/>")),
        (
            "proxies/default.xml".to_owned(),
            format!(
                "<ProxyEndpoint name=\"default\"><HTTPProxyConnection><BasePath>/{name}</BasePath></HTTPProxyConnection>\
                 <RouteRule name=\"none\"/></ProxyEndpoint>"
            ),
        ),
    ];
    list.into_iter().map(|(path, text)| (BundlePath::parse(&path).unwrap(), text.into_bytes())).collect()
}

fn provenance() -> Provenance {
    Provenance {
        commit: Some("0a1b2c3d4e5f".into()),
        tag: Some("v7".into()),
        author: Some("Jo <jo@example.com>".into()),
        time: Some("2026-11-01T10:00:00Z".into()),
        ..Provenance::default()
    }
}

/// One managed proxy and one managed target server in `dev`, and one unmanaged proxy.
async fn world() -> Sandbox {
    let environments = ["dev", "prod"].map(str::to_owned).into();
    let options =
        sandbox::SandboxOptions { progressing: Duration::ZERO, environments, ..sandbox::SandboxOptions::default() };
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let settings = Settings { rate: 1000.try_into().unwrap(), ..Settings::default() };
    let client = Client::new(sandbox.url().parse().unwrap(), TokenSource::None, &settings).unwrap();

    let bundle = Bundle::new(BundleKind::Proxy, "ours".parse().unwrap(), proxy("ours"));
    let polling = Polling { first: Duration::from_millis(10), ..Polling::default() };
    let options = DeployOptions { polling, provenance: provenance(), ..DeployOptions::default() };
    let target = Target { organization: "acme".parse().unwrap(), environment: "dev".parse().unwrap() };
    let report = deploy(&client, &bundle, &target, &options, &|_: &Event| ()).await;
    assert_eq!(report.exit.code(), 0, "{}", report.outcome.reason);

    let document = json!({"schemaVersion": 1, "resources": [
        {"kind": "ApigeeTargetServer", "name": "orders", "body": {"host": "orders.example.com", "port": 443, "isEnabled": true}}]});
    let document: Document = serde_json::from_value(document).unwrap();
    let place = OwnedPlace { organization: "acme".into(), environment: Some("dev".into()) };
    let options = apply::ApplyOptions { provenance: provenance(), ..apply::ApplyOptions::new("team/dev") };
    let secrets = Arc::new(|_: &_| Err("none".to_owned()));
    let report = apply(&client, &place, &document, secrets, &options, Arc::new(|_: ApplyEvent<'_>| ())).await.unwrap();
    assert_eq!(report.exit().code(), 0, "{report:?}");

    let http = reqwest::Client::new();
    let base = format!("{}/v1/organizations/acme", sandbox.url());
    let body = zip::pack(BundleKind::Proxy, &proxy("theirs")).unwrap();
    let import = http.post(format!("{base}/apis?name=theirs&action=import")).body(body);
    let import = import.header("content-type", "application/octet-stream");
    let deploy = http.post(format!("{base}/environments/prod/apis/theirs/revisions/1/deployments"));
    let deploy = deploy.header("content-length", 0);
    for request in [import, deploy] {
        assert!(request.send().await.unwrap().status().is_success());
    }
    sandbox
}

async fn run(sandbox: &Sandbox, args: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
    command.args(args).arg("--org=acme").env("APIGEE_ENDPOINT", sandbox.url());
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_live_resource_is_traced_to_its_commit_or_told_to_be_from_outside() {
    let sandbox = world().await;
    let before = sandbox.requests().len();
    let rows: Vec<Value> = serde_json::from_str(&run(&sandbox, &["audit", "--format=json"]).await).unwrap();
    let found: Vec<(&str, &str, &str)> = rows
        .iter()
        .map(|row| {
            let text = |field: &str| row[field].as_str().unwrap_or_default();
            (text("kind"), text("name"), text("origin"))
        })
        .collect();
    assert_eq!(
        found,
        [("ApigeeProxy", "ours", "git"), ("ApigeeTargetServer", "orders", "git"), ("ApigeeProxy", "theirs", "outside")]
    );
    for row in &rows[..2] {
        assert_eq!(
            (&row["commit"], &row["tag"], &row["author"], &row["time"]),
            (&json!("0a1b2c3d4e5f"), &json!("v7"), &json!("Jo <jo@example.com>"), &json!("2026-11-01T10:00:00Z"))
        );
        assert!(row["digest"].as_str().unwrap().len() >= 64, "{row}");
    }
    assert_eq!(rows[1]["owner"], "team/dev");
    assert!(rows[2]["changed"].as_str().unwrap().ends_with('Z'), "{}", rows[2]);
    assert!(rows[2]["logFilter"].as_str().unwrap().contains("apis/theirs/revisions/1"), "{}", rows[2]);

    let csv = run(&sandbox, &["audit", "--format=csv"]).await;
    assert!(csv.starts_with("organization,environment,kind,name,origin,") && csv.lines().count() == 4, "{csv}");
    let markdown = run(&sandbox, &["audit"]).await;
    assert!(markdown.contains("| acme | prod | ApigeeProxy | theirs | outside | 1 |"), "{markdown}");
    let status = run(&sandbox, &["status", "--env=prod"]).await;
    assert!(status.contains("READY") && status.contains("(outside Git)") && !status.contains("ours"), "{status}");
    let status = run(&sandbox, &["status"]).await;
    assert!(status.contains("0a1b2c3d4e ") && status.contains("Jo <jo@example.com>"), "{status}");
    assert!(sandbox.requests()[before..].iter().all(|request| request.method == "GET"));
}

/// Writes the record of the proxy `ours` in `dev`.
async fn record(sandbox: &Sandbox, digest: &str) {
    let id = Id { kind: "ApigeeProxy".into(), parent: None, name: "ours".into() };
    let record = Record {
        namespace: Some("team-a".into()),
        cluster: Some("0123456789ab".into()),
        provenance: Provenance { source: Some("https://git.example.com/apis".into()), ..provenance() },
        ..Record::new(id, "team-a/dev", digest, WhenGone::Delete)
    };
    let entries =
        format!("{}/v1/organizations/acme/environments/dev/keyvaluemaps/{}/entries", sandbox.url(), record::MAP);
    let entry = json!({"name": Record::key(&record.id), "value": record.to_value()}).to_string();
    let http = reqwest::Client::new();
    let one = format!("{entries}/{}", Record::key(&record.id));
    for request in [http.delete(one), http.post(entries).header("content-type", "application/json").body(entry)] {
        let status = request.send().await.unwrap().status();
        assert!(status.is_success() || status == 404, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_names_the_owner_of_a_proxy_and_the_repository_of_what_it_runs() {
    let sandbox = world().await;
    let ours = |rows: &str| -> Value {
        let rows: Vec<Value> = serde_json::from_str(rows).unwrap();
        rows.into_iter().find(|row| row["name"] == "ours").unwrap()
    };
    let before = ours(&run(&sandbox, &["audit", "--format=json"]).await);
    let digest = before["digest"].as_str().unwrap().trim_start_matches("sha256:").to_owned();

    record(&sandbox, &digest).await;
    let row = ours(&run(&sandbox, &["audit", "--format=json"]).await);
    assert_eq!(
        (&row["owner"], &row["namespace"], &row["cluster"]),
        (&json!("team-a/dev"), &json!("team-a"), &json!("0123456789ab"))
    );
    assert_eq!((&row["source"], &row["commit"]), (&json!("https://git.example.com/apis"), &json!("0a1b2c3d4e5f")));
    let markdown = run(&sandbox, &["audit"]).await;
    assert!(markdown.contains("| team-a/dev | team-a | 0123456789ab |"), "{markdown}");
    let status = run(&sandbox, &["status"]).await;
    assert!(status.contains("OWNER") && status.contains("team-a/dev"), "{status}");

    // The record is about another bundle than the deployed one: the revision itself says where it comes from.
    record(&sandbox, "0".repeat(64).as_str()).await;
    let row = ours(&run(&sandbox, &["audit", "--format=json"]).await);
    assert_eq!((&row["owner"], &row["source"]), (&json!("team-a/dev"), &Value::Null));
    assert_eq!(row["commit"], "0a1b2c3d4e5f");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_reconcilers_did_is_listed_with_the_newest_first() {
    let sandbox = world().await;
    let entry = |time: &str, action, name: &str| HistoryEntry {
        time: time.into(),
        action,
        id: Id { kind: "ApigeeProxy".into(), parent: None, name: name.into() },
        commit: Some("0a1b2c3".into()),
        source: None,
        reason: "because | of <b>".into(),
    };
    let claimant = Claimant { namespace: Some("team-a".into()), ..Claimant::new("team-a/dev") };
    let page = HistoryPage {
        history: vec![entry("2026-11-02T10:00:00Z", HistoryAction::Deleted, "old")],
        ..HistoryPage::new(&claimant)
    };
    let other = HistoryPage {
        history: vec![entry("2026-11-03T10:00:00Z", HistoryAction::Repaired, "ours")],
        ..HistoryPage::new(&Claimant::new("team-b/dev"))
    };
    let entries =
        format!("{}/v1/organizations/acme/environments/dev/keyvaluemaps/{}/entries", sandbox.url(), record::MAP);
    for page in [page, other] {
        let entry = json!({"name": page.key(1), "value": serde_json::to_string(&page).unwrap()}).to_string();
        let request = reqwest::Client::new().post(&entries).header("content-type", "application/json").body(entry);
        assert!(request.send().await.unwrap().status().is_success());
    }
    let rows: Vec<Value> =
        serde_json::from_str(&run(&sandbox, &["audit", "--history", "--format=json"]).await).unwrap();
    let found: Vec<_> = rows.iter().map(|row| [&row["action"], &row["name"], &row["owner"]]).collect();
    assert_eq!(found, [["repaired", "ours", "team-b/dev"], ["deleted", "old", "team-a/dev"]]);
    let markdown = run(&sandbox, &["audit", "--history"]).await;
    assert!(
        markdown.contains("| 2026-11-02T10:00:00Z | deleted | acme | dev | ApigeeProxy | old | team-a/dev | team-a |"),
        "{markdown}"
    );
    assert!(!markdown.contains("<b>"), "{markdown}");
    // A page of a history is not a resource.
    assert!(!run(&sandbox, &["audit"]).await.contains("because"));
}
