//! The sandbox over its socket: the responses, the state after a restart, and the contents of the log.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use apigee_flux_model::bundle::{BundleKind, BundlePath, Files};
use apigee_flux_sandbox::{EarlyStatus, RuntimeType, Sandbox, SandboxOptions, SimulatedFailure};
use serde_json::{Value, json};

const ORG: &str = "/v1/organizations/acme";

fn zip(kind: BundleKind, list: &[(&str, &str)]) -> Vec<u8> {
    let files: Files =
        list.iter().map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec())).collect();
    apigee_flux_model::bundle::zip::pack(kind, &files).unwrap()
}

/// A proxy that calls the shared flow `common`.
fn proxy(description: &str) -> Vec<u8> {
    let root = format!("<APIProxy name='a'><Description>{description}</Description></APIProxy>");
    let endpoint = "<ProxyEndpoint name='default'><HTTPProxyConnection><BasePath>/a</BasePath></HTTPProxyConnection>\
                    <RouteRule name='none'/></ProxyEndpoint>";
    let policy = "<FlowCallout name='F'><SharedFlowBundle>common</SharedFlowBundle></FlowCallout>";
    let files = [("a.xml", root.as_str()), ("proxies/default.xml", endpoint), ("policies/F.xml", policy)];
    zip(BundleKind::Proxy, &files)
}

fn flow() -> Vec<u8> {
    let files = [
        ("common.xml", "<SharedFlowBundle name='common'/>"),
        ("sharedflows/default.xml", "<SharedFlow name='default'/>"),
    ];
    zip(BundleKind::SharedFlow, &files)
}

/// A client of one sandbox.
struct Caller {
    http: reqwest::Client,
    url: String,
}

impl Caller {
    fn new(url: &str) -> Self {
        Self { http: reqwest::Client::new(), url: url.to_owned() }
    }

    async fn send(&self, method: &str, path: &str, content_type: &str, body: Vec<u8>) -> (u16, Value) {
        let method = method.parse().unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url)).header("authorization", "Bearer secret");
        // reqwest sends no length without a body, and a POST without a length is rejected.
        let request = if body.is_empty() { request.header("content-length", 0) } else { request.body(body) };
        let response = request.header("content-type", content_type).send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, "", Vec::new()).await
    }

    async fn post(&self, path: &str) -> (u16, Value) {
        self.send("POST", path, "", Vec::new()).await
    }

    async fn upload(&self, path: &str, zip: Vec<u8>) -> (u16, Value) {
        self.send("POST", path, "application/octet-stream", zip).await
    }

    async fn import(&self, zip: Vec<u8>) -> (u16, Value) {
        self.upload(&format!("{ORG}/apis?name=a&action=import"), zip).await
    }
}

fn deployment(revision: u32) -> String {
    format!("{ORG}/environments/prod/apis/a/revisions/{revision}/deployments")
}

/// A sandbox whose clock the test controls.
async fn at_own_time(options: SandboxOptions) -> (Sandbox, Caller, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(1_000_000));
    let hand = Arc::clone(&time);
    let options = SandboxOptions { clock: Arc::new(move || hand.load(Ordering::SeqCst)), ..options };
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let caller = Caller::new(&sandbox.url());
    (sandbox, caller, time)
}

fn slow() -> SandboxOptions {
    SandboxOptions { progressing: Duration::from_secs(10), ..SandboxOptions::default() }
}

fn served(sandbox: &Sandbox) -> Option<String> {
    let revision = sandbox.with_state(|state, now| state.served("acme", "prod", BundleKind::Proxy, "a", now));
    revision.map(|revision| revision.to_string())
}

#[tokio::test]
async fn a_quota_ends_with_its_window() {
    let options = SandboxOptions { quota: Some("3/min".parse().unwrap()), ..SandboxOptions::default() };
    let (sandbox, caller, time) = at_own_time(options).await;
    time.store(60_000, Ordering::SeqCst);
    let proxies = format!("{ORG}/apis");
    for _ in 0..3 {
        assert_eq!(caller.get(&proxies).await.0, 200);
    }
    time.fetch_add(59_999, Ordering::SeqCst);
    let (status, body) = caller.get(&proxies).await;
    assert_eq!((status, &body["error"]["status"]), (429, &json!("RESOURCE_EXHAUSTED")));
    let reasons: Vec<&Value> = body["error"]["details"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
    assert!(reasons.contains(&&json!("RATE_LIMIT_EXCEEDED")), "{body}");
    assert_eq!(sandbox.requests().last().unwrap().status, 429, "the log has refused requests too");
    let shown = json!({"limit": "3/min", "usedInWindow": 3, "answered": 3, "refused": 1});
    assert_eq!(caller.get("/sandbox/state").await.1["quota"], shown, "its own pages do not count");
    time.fetch_add(1, Ordering::SeqCst);
    assert_eq!(caller.get(&proxies).await.0, 200);
}

#[tokio::test]
async fn the_former_revision_serves_until_the_new_one_is_ready() {
    let (sandbox, caller, time) = at_own_time(slow()).await;
    for _ in 0..3 {
        caller.import(proxy("D")).await;
    }
    assert_eq!(caller.post(&deployment(1)).await.0, 200);
    assert_eq!(served(&sandbox), None);
    time.fetch_add(10_000, Ordering::SeqCst);
    assert_eq!(served(&sandbox).as_deref(), Some("1"));

    assert_eq!(caller.post(&format!("{}?override=true", deployment(2))).await.0, 200);
    time.fetch_add(2_500, Ordering::SeqCst);
    assert_eq!(served(&sandbox).as_deref(), Some("1"));
    let (_, status) = caller.get(&deployment(2)).await;
    assert_eq!(status["state"], "PROGRESSING");
    let both = json!([{"revision": "1", "percentage": 75}, {"revision": "2", "percentage": 25}]);
    assert_eq!(status["instances"][0]["deployedRevisions"], both);
    // The lists have the new revision from the beginning.
    assert_eq!(caller.get(&format!("{ORG}/deployments")).await.1["deployments"][0]["revision"], "2");
    assert_eq!(caller.get(&deployment(1)).await.0, 404);
    time.fetch_add(7_500, Ordering::SeqCst);
    assert_eq!(served(&sandbox).as_deref(), Some("2"));

    // If the new revision fails, the previous one is not deployed any more either.
    sandbox.simulate_failure("a", SimulatedFailure::Error("it does not load".to_owned()));
    assert_eq!(caller.post(&format!("{}?override=true", deployment(3))).await.0, 200);
    assert_eq!(served(&sandbox).as_deref(), Some("2"));
    time.fetch_add(10_000, Ordering::SeqCst);
    assert_eq!(caller.get(&deployment(3)).await.1["state"], "ERROR");
    assert_eq!(served(&sandbox), None);
}

#[tokio::test]
async fn a_revision_and_a_status_may_be_late() {
    let options = SandboxOptions {
        visible_after: Duration::from_secs(2),
        status_after: Duration::from_secs(3),
        ..SandboxOptions::default()
    };
    let (_sandbox, caller, time) = at_own_time(options.clone()).await;
    assert_eq!(caller.import(proxy("D")).await.0, 200);
    for path in [format!("{ORG}/apis/a/revisions/1"), deployment(1)] {
        assert_eq!(caller.get(&path).await.0, 404);
    }
    let (code, error) = caller.post(&deployment(1)).await;
    assert_eq!(code, 404);
    assert_eq!(error["error"]["message"], "generic::not_found: organizations/acme/apis/a/revisions/1 not found");
    time.fetch_add(2_000, Ordering::SeqCst);
    assert_eq!(caller.post(&deployment(1)).await.0, 200);
    assert_eq!(caller.get(&deployment(1)).await.0, 503);
    time.fetch_add(3_000, Ordering::SeqCst);
    assert_eq!(caller.get(&deployment(1)).await.1["state"], "READY");

    let (_sandbox, caller, time) = at_own_time(SandboxOptions { early_status: EarlyStatus::NotFound, ..options }).await;
    caller.import(proxy("D")).await;
    time.fetch_add(2_000, Ordering::SeqCst);
    caller.post(&deployment(1)).await;
    assert_eq!(caller.get(&deployment(1)).await.0, 404);
}

#[tokio::test]
async fn revisions_are_limited_and_numbers_are_not_used_again() {
    let (_sandbox, caller, _) =
        at_own_time(SandboxOptions { max_revisions: Some(2), ..SandboxOptions::default() }).await;
    caller.import(proxy("D")).await;
    caller.import(proxy("D")).await;
    let (code, error) = caller.import(proxy("D")).await;
    assert_eq!((code, &error["error"]["status"]), (400, &json!("FAILED_PRECONDITION")));
    assert_eq!(caller.send("DELETE", &format!("{ORG}/apis/a/revisions/2"), "", Vec::new()).await.0, 200);
    assert_eq!(caller.import(proxy("D")).await.1["revision"], "3");
    assert_eq!(SandboxOptions::default().max_revisions, Some(250));
}

#[tokio::test]
async fn hybrid_wants_the_called_flows_first_and_the_cloud_does_not() {
    let (_sandbox, caller, _) =
        at_own_time(SandboxOptions { runtime: RuntimeType::Hybrid, ..SandboxOptions::default() }).await;
    caller.import(proxy("D")).await;
    let (code, error) = caller.post(&deployment(1)).await;
    assert_eq!(code, 400);
    assert_eq!(error["error"]["details"][0]["violations"][0]["subject"], "organizations/acme/sharedflows/common");
    caller.upload(&format!("{ORG}/sharedflows?name=common&action=import"), flow()).await;
    let (code, _) = caller.post(&deployment(1).replace("apis/a", "sharedflows/common")).await;
    assert_eq!((code, caller.post(&deployment(1)).await.0), (200, 200));
    assert_eq!(caller.get(ORG).await.1["runtimeType"], "HYBRID");

    let (_sandbox, caller, _) = at_own_time(SandboxOptions::default()).await;
    caller.import(proxy("D")).await;
    assert_eq!(caller.post(&deployment(1)).await.0, 200);
}

#[tokio::test]
async fn named_environments_are_the_only_ones() {
    let environments = ["dev", "prod"].map(str::to_owned).into_iter().collect();
    let (_sandbox, caller, _) = at_own_time(SandboxOptions { environments, ..SandboxOptions::default() }).await;
    assert_eq!(caller.get(&format!("{ORG}/environments")).await.1, json!(["dev", "prod"]));
    caller.import(proxy("D")).await;
    let (code, error) = caller.post(&deployment(1).replace("prod", "live")).await;
    assert_eq!((code, &error["error"]["message"]), (404, &json!("generic::not_found: environment live not found")));
    assert_eq!(caller.post(&deployment(1)).await.0, 200);
    let servers = |environment: &str| format!("{ORG}/environments/{environment}/targetservers");
    let (code, error) = caller.get(&servers("live")).await;
    assert_eq!((code, &error["error"]["message"]), (404, &json!("generic::not_found: environment live not found")));
    let server = json!({"name": "s", "host": "s.example.com", "port": 80}).to_string();
    for (environment, code) in [("live", 404), ("dev", 200)] {
        let made = caller.send("POST", &servers(environment), "application/json", server.clone().into()).await;
        assert_eq!(made.0, code, "{environment}");
    }
}

#[tokio::test]
async fn the_log_keeps_no_consumer_keys() {
    let (sandbox, caller, _) = at_own_time(SandboxOptions::default()).await;
    let keys = format!("{ORG}/developers/d@example.com/apps/a/keys");
    let body = json!({"consumerKey": "hush", "consumerSecret": "hush"}).to_string();
    caller.send("POST", &keys, "application/json", body.into()).await;
    caller.get(&format!("{keys}/hush?action=approve")).await;
    let all = sandbox.requests();
    assert_eq!(all[0].path, keys);
    assert_eq!(all[1].path, format!("{keys}/(hidden)?action=approve"));
    assert!(!format!("{all:?}").contains("hush"), "{all:?}");
}

#[tokio::test]
async fn the_log_keeps_bodies_and_no_secrets() {
    let (sandbox, caller, _) =
        at_own_time(SandboxOptions { kept_requests: Some(3), ..SandboxOptions::default() }).await;
    for _ in 0..3 {
        caller.get(&format!("{ORG}/apis")).await;
    }
    let body = json!({"name": "dev", "password": "hush"}).to_string();
    caller.send("POST", &format!("{ORG}/environments?access_token=hush"), "application/json", body.into()).await;
    // Requests for the sandbox's own page and state are not logged.
    for path in ["/", "/sandbox/state", "/sandbox/requests"] {
        assert_eq!(caller.get(path).await.0, 200);
    }
    let (_, log) = caller.get("/sandbox/requests?since=3").await;
    assert_eq!((log["last"].clone(), log["requests"].as_array().unwrap().len()), (json!(4), 1));
    let one = &log["requests"][0];
    assert_eq!(one["path"], format!("{ORG}/environments?access_token=(hidden)"));
    assert_eq!(one["body"], json!({"name": "dev", "password": "(hidden)"}));
    assert_eq!((&one["method"], &one["isWrite"]), (&json!("POST"), &json!(true)));
    assert!(one["answerBytes"].as_u64().unwrap() > 100, "{one}");
    let all = sandbox.requests();
    assert_eq!(all.iter().map(|request| request.number).collect::<Vec<_>>(), [2, 3, 4]);
    assert!(!format!("{all:?}").contains("hush") && !format!("{all:?}").contains("Bearer"), "{all:?}");
}

#[tokio::test]
async fn the_summary_tells_the_origin_of_a_revision() {
    let (_sandbox, caller, _) = at_own_time(slow()).await;
    let digest = format!("sha256:{}", "a".repeat(64));
    let stamp = json!({"digest": digest, "commit": "1a2b3c"});
    caller.import(proxy(&format!("D apigee-flux: {stamp}"))).await;
    caller.post(&deployment(1)).await;
    let (_, state) = caller.get("/sandbox/state").await;
    let organization = &state["organizations"][0];
    let revision = &organization["proxies"][0]["revisions"][0];
    assert_eq!((&revision["digest"], &revision["commit"]), (&json!(digest), &json!("1a2b3c")));
    assert_eq!(revision["deployedIn"], json!(["prod"]));
    let deployment = &organization["deployments"][0];
    assert_eq!((&deployment["state"], &deployment["servingRevision"]), (&json!("PROGRESSING"), &Value::Null));
}

/// The program with a state file. It is killed when this is dropped.
struct Program {
    child: Child,
    caller: Caller,
}

impl Program {
    fn start(file: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
        command.args(["sandbox", "--listen", "127.0.0.1:0", "--state"]).arg(file);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, caller: Caller::new(line.trim()) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn an_answered_write_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.json");
    let base = format!("{ORG}/apis/a");
    let mut wanted = Value::Null;
    for round in 1..=4 {
        let program = Program::start(&file);
        if round > 1 {
            assert_eq!(program.caller.get(&base).await.1, wanted, "round {round}");
            assert_eq!(program.caller.get(&deployment(1)).await.0, 200);
        }
        let (code, made) = program.caller.import(proxy("D")).await;
        assert_eq!((code, &made["revision"]), (200, &json!(round.to_string())));
        if round == 1 {
            assert_eq!(program.caller.post(&deployment(1)).await.0, 200);
        }
        wanted = program.caller.get(&base).await.1;
    }
    let program = Program::start(&file);
    let (_, bundle) = program.caller.get(&format!("{base}/revisions/4?format=bundle")).await;
    assert!(bundle.as_str().unwrap().starts_with("PK"));
}

#[test]
fn a_state_file_that_cannot_be_used_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |file: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
        let output = command.args(["sandbox", "--listen", "127.0.0.1:0", "--state"]).arg(file).output().unwrap();
        assert_eq!(output.status.code(), Some(69));
        String::from_utf8(output.stderr).unwrap()
    };
    let file = folder.path().join("state.json");
    for (content, part) in [
        ("", "is broken: EOF"),
        ("{\"format\": \"other\", \"version\": 1}", "is broken: its format is \"other\""),
        ("{\"format\": \"apigee-flux sandbox\", \"version\": 2}", "has version 2, this program reads up to 1"),
        ("{\"format\": \"apigee-flux sandbox\", \"version\": 1, \"state\": {\"new\": 1}}", "unknown field `new`"),
    ] {
        std::fs::write(&file, content).unwrap();
        let message = told(&file);
        assert!(message.contains(part) && message.contains("state.json") && message.lines().count() == 1, "{message}");
        // A file that cannot be read is not overwritten.
        assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
    }
    assert!(told(&folder.path().join("none/state.json")).contains("choose one in a folder that exists"));
    std::fs::remove_file(&file).unwrap();
    let _program = Program::start(&file);
    assert!(told(&file).contains("is used by another sandbox"));
}

#[test]
fn the_page_is_small_and_inserts_text_only() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/crates/sandbox/src/server/page.html")).unwrap();
    assert!(page.len() < 12 * 1024, "{} bytes", page.len());
    for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "http://", "https://"] {
        assert!(!page.contains(word), "{word}");
    }
}

/// Sends bytes as they are, and returns the head and the body of the response.
async fn raw(sandbox: &Sandbox, request: &str) -> (String, String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(sandbox.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn what_the_front_end_of_google_refuses_is_refused() {
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), SandboxOptions::default()).await.unwrap();
    let deploy = "/v1/organizations/acme/environments/prod/apis/a/revisions/1/deployments";
    let address = format!("/v1/organizations/{}", "a".repeat(9000));
    for (request, status, part) in [
        (
            format!("POST {deploy} HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            411,
            "POST requests require a <code>Content-length</code> header.",
        ),
        (format!("PUT {ORG}/apiproducts/p HTTP/1.1\r\nHost: localhost\r\n\r\n"), 411, "PUT requests require a"),
        (format!("PATCH {ORG}/apis/a HTTP/1.1\r\nHost: localhost\r\n\r\n"), 411, "PATCH requests require a"),
        (
            format!("GET {ORG} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}"),
            400,
            "malformed or illegal",
        ),
        (format!("GET {ORG} HTTP/1.1\r\n\r\n"), 400, "malformed or illegal"),
        (format!("GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n"), 414, "is too large to process"),
        (
            format!("DELETE {ORG}/apis HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            404,
            "<code>/v1/organizations/acme/apis</code> was not found on this server",
        ),
        (
            format!("DELETE {ORG}/keyvaluemaps/a:b HTTP/1.1\r\nHost: localhost\r\n\r\n"),
            404,
            "was not found on this server",
        ),
    ] {
        let (head, body) = raw(&sandbox, &request).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{request}\n{head}");
        assert!(head.to_ascii_lowercase().contains("content-type: text/html; charset=utf-8"), "{head}");
        assert!(body.contains(part), "{body}");
    }
    // An empty body with a length, and an empty chunked body, are accepted.
    for length in ["Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"] {
        let (_, body) = raw(&sandbox, &format!("POST {deploy} HTTP/1.1\r\nHost: localhost\r\n{length}")).await;
        assert!(body.contains("generic::not_found"), "{body}");
    }
    // These requests are in the log like all others.
    assert_eq!(sandbox.requests().iter().filter(|request| request.status == 411).count(), 3);
}

#[tokio::test]
async fn what_a_method_does_not_take_is_refused() {
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), SandboxOptions::default()).await.unwrap();
    let caller = Caller::new(&sandbox.url());
    let servers = "/v1/organizations/acme/environments/prod/targetservers";
    let json = "application/json";
    let good = r#"{"name": "s", "host": "h", "port": 80}"#;
    let large = format!(r#"{{"name": "{}"}}"#, "a".repeat(10 * 1024 * 1024));
    for (method, path, content_type, body, part) in [
        (
            "POST",
            format!("{}?overide=true", deployment(1)),
            "",
            "",
            "Invalid JSON payload received. Unknown name \"overide\": Cannot bind query parameter. Field 'overide' could not be found in request message.",
        ),
        ("POST", format!("{}?override=yes", deployment(1)), "", "", "Invalid value at 'override' (TYPE_BOOL), \"yes\""),
        ("POST", format!("{}?override=true&override=true", deployment(1)), "", "", "twice"),
        ("POST", deployment(1), json, "{}", "this method takes none"),
        ("DELETE", format!("{ORG}/apis/a"), json, r#"{"x": 1}"#, "this method takes none"),
        ("POST", servers.to_owned(), "text/plain", good, "unsupported content type \"text/plain\""),
        ("POST", servers.to_owned(), "application/x-www-form-urlencoded", good, "Cannot bind query parameter"),
        ("POST", servers.to_owned(), json, "{\"name\": ", "Invalid JSON payload received."),
        ("POST", servers.to_owned(), json, "[]", "Root element must be a message."),
        (
            "POST",
            servers.to_owned(),
            json,
            r#"{"name": "s", "host": "h", "port": 80, "size": 1}"#,
            "Unknown name \"size\" at 'target_server': Cannot find field.",
        ),
        ("POST", servers.to_owned(), json, &large, "Request payload size exceeds the limit: 10485760 bytes."),
        ("GET", format!("{servers}?pageSize=5"), "", "", "Unknown name \"pageSize\""),
        (
            "POST",
            format!("{ORG}/apis?name=a&action=import"),
            json,
            "{}",
            "unsupported content type \"application/json\"",
        ),
        (
            "POST",
            format!("{ORG}/environments"),
            json,
            r#"{"name": "e", "nodeConfig": {"nodes": 1}}"#,
            "Unknown name \"nodes\" at 'environment.nodeConfig'",
        ),
        ("PATCH", format!("{ORG}/apis/a?updateMask=labels"), json, r#"{"label": {}}"#, "Unknown name \"label\""),
    ] {
        let (status, answer) = caller.send(method, &path, content_type, body.as_bytes().to_vec()).await;
        let message = answer["error"]["message"].as_str().unwrap_or_else(|| panic!("{method} {path}: {answer}"));
        assert_eq!(status, 400, "{method} {path}: {message}");
        assert!(message.contains(part), "{method} {path}: {message}");
    }
    // The parameters that every method accepts.
    let (status, _) =
        caller.get(&format!("{servers}?alt=json&prettyPrint=false&fields=name&$.xgafv=2&quotaUser=u")).await;
    assert_eq!(status, 200);
    // As apigee-edge-js sends it: a form adds to the query.
    caller.import(proxy("D")).await;
    let (status, answer) = caller
        .send(
            "POST",
            &deployment(1),
            "application/x-www-form-urlencoded",
            b"override=true&serviceAccount=a%40b".to_vec(),
        )
        .await;
    assert_eq!((status, &answer["serviceAccount"]), (200, &json!("projects/-/serviceAccounts/a@b")), "{answer}");
}

#[tokio::test]
async fn a_web_page_of_another_site_gets_nothing() {
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), SandboxOptions::default()).await.unwrap();
    let address = sandbox.address();
    for path in ["/", "/sandbox/state", "/sandbox/requests", ORG] {
        let (head, body) =
            raw(&sandbox, &format!("GET {path} HTTP/1.1\r\nHost: rebound.example:{}\r\n\r\n", address.port())).await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
        assert!(body.contains("the host `rebound.example:") && body.contains("--allow-host"), "{body}");
        let (head, body) =
            raw(&sandbox, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://evil.example\r\n\r\n"))
                .await;
        assert!(
            head.starts_with("HTTP/1.1 403 ") && body.contains("a web page of `http://evil.example`"),
            "{head}{body}"
        );
        let (head, _) =
            raw(&sandbox, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\n\r\n")).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    }
    let (head, _) = raw(&sandbox, &format!(
        "POST {ORG}/keyvaluemaps HTTP/1.1\r\nHost: {address}\r\nOrigin: null\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n{{\"name\":\"m\",\"encrypted\":true}} "
    )).await;
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    assert!(sandbox.requests().iter().all(|request| request.method == "GET"), "the request was done");
    let named = SandboxOptions { allowed_hosts: vec!["sandbox.example".to_owned()], ..SandboxOptions::default() };
    let named = Sandbox::start("127.0.0.1:0".parse().unwrap(), named).await.unwrap();
    let (head, _) = raw(&named, "GET / HTTP/1.1\r\nHost: sandbox.example\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
}

/// The fields that the discovery document calls required, for the id of a method.
fn required(method: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(include_str!("../apigee-v1.json")).unwrap();
    let methods = document["methods"].as_array().unwrap();
    let found = methods.iter().find(|one| one["id"] == format!("apigee.organizations.{method}")).unwrap();
    let fields = document["messages"][found["body"].as_str().unwrap()].as_object().unwrap();
    fields.iter().filter(|(_, field)| field["required"] == true).map(|(name, _)| name.clone()).collect()
}

#[tokio::test]
async fn what_the_discovery_document_requires_is_asked_for() {
    let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), SandboxOptions::default()).await.unwrap();
    let caller = Caller::new(&sandbox.url());
    let send = async |method: &str, path: &str, body: &Value| {
        caller.send(method, path, "application/json", body.to_string().into_bytes()).await
    };
    let environment = format!("{ORG}/environments/prod");
    let product = json!({"name": "p", "displayName": "P", "approvalType": "auto", "environments": ["prod"]});
    assert_eq!(send("POST", &format!("{ORG}/apiproducts"), &product).await.0, 200);
    let mut looked_at = 0;
    for (method, path, body) in [
        ("environments.keystores.create", format!("{environment}/keystores"), json!({"name": "k"})),
        (
            "environments.references.create",
            format!("{environment}/references"),
            json!({"name": "r", "refers": "k", "resourceType": "KeyStore"}),
        ),
        (
            "environments.targetservers.create",
            format!("{environment}/targetservers"),
            json!({"name": "s", "host": "h", "port": 80}),
        ),
        (
            "environments.keyvaluemaps.create",
            format!("{environment}/keyvaluemaps"),
            json!({"name": "m", "encrypted": true}),
        ),
        ("keyvaluemaps.create", format!("{ORG}/keyvaluemaps"), json!({"name": "m", "encrypted": true})),
        ("keyvaluemaps.entries.create", format!("{ORG}/keyvaluemaps/m/entries"), json!({"name": "k", "value": "v"})),
        ("envgroups.create", format!("{ORG}/envgroups"), json!({"name": "g", "hostnames": ["h.example"]})),
        (
            "developers.create",
            format!("{ORG}/developers"),
            json!({"email": "a@b.example", "firstName": "A", "lastName": "B", "userName": "ab"}),
        ),
        ("sites.apidocs.create", format!("{ORG}/sites/s/apidocs"), json!({"apiProductName": "p", "title": "P"})),
        // After this, environments that were not created do not exist, so it is the last one.
        ("environments.create", format!("{ORG}/environments"), json!({"name": "prod"})),
    ] {
        for field in required(method) {
            let mut less = body.clone();
            assert!(
                less.as_object_mut().unwrap().shift_remove(&field).is_some(),
                "{method}: no {field} in the example"
            );
            let (status, answer) = send("POST", &path, &less).await;
            assert_eq!(status, 400, "{method} without {field}: {answer}");
            looked_at += 1;
        }
        let (status, answer) = send("POST", &path, &body).await;
        assert_eq!(status, 200, "{method}: {answer}");
    }
    for (method, path, body) in [
        (
            "environments.references.update",
            format!("{environment}/references/r"),
            json!({"refers": "k", "resourceType": "KeyStore"}),
        ),
        (
            "environments.targetservers.update",
            format!("{environment}/targetservers/s"),
            json!({"host": "h", "port": 80}),
        ),
        ("keyvaluemaps.entries.update", format!("{ORG}/keyvaluemaps/m/entries/k"), json!({"value": "v"})),
        (
            "developers.update",
            format!("{ORG}/developers/a@b.example"),
            json!({"email": "a@b.example", "firstName": "A", "lastName": "B", "userName": "ab"}),
        ),
    ] {
        // The name is in the path.
        for field in required(method).iter().filter(|field| *field != "name") {
            let mut less = body.clone();
            assert!(less.as_object_mut().unwrap().shift_remove(field).is_some(), "{method}: no {field} in the example");
            let (status, answer) = send("PUT", &path, &less).await;
            assert_eq!(status, 400, "{method} without {field}: {answer}");
            looked_at += 1;
        }
        let (status, answer) = send("PUT", &path, &body).await;
        assert_eq!(status, 200, "{method}: {answer}");
    }
    assert!(looked_at > 20, "only {looked_at} fields were checked");
}
