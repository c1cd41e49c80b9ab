//! The deployer's authentication at Google: the real program runs with a cleared environment, and reaches the metadata server, STS,
//! IAM Credentials, OAuth and Apigee under their real names behind an HTTPS proxy of this test, with certificates of the test's own
//! authority. Therefore google-cloud-auth, TLS and the rules for proxies are the real ones; only the responses are simulated.
//!
//! Every credential in this file contains the word `planted`; no output may contain it.

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use apigee_flux_model::bundle::manifest::Requirements;
use apigee_flux_model::bundle::{BundleKind, BundlePath, Files, Manifest};
use apigee_flux_sandbox::{self as sandbox, Sandbox};
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_RSA_SHA256};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::tls::{certificates, serve};

const APIGEE: &str = "apigee.googleapis.com";
const STS: &str = "sts.googleapis.com";
const IAM: &str = "iamcredentials.googleapis.com";
const OAUTH: &str = "oauth2.googleapis.com";
const METADATA: &str = "metadata";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// It begins like every JWT.
const SUBJECT: &str = "eyJhbGciOiJSUzI1NiJ9.planted-subject.c2ln";

/// One request that a server received.
#[derive(Debug, Clone)]
struct Seen {
    host: String,
    method: String,
    /// Including the query.
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The fields of a form.
    fn form(&self) -> BTreeMap<String, String> {
        let url: reqwest::Url = format!("http://form/?{}", self.body).parse().unwrap();
        url.query_pairs().into_owned().collect()
    }
}

type Hook = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    /// The responses of each host, in order; the last one is repeated.
    answers: BTreeMap<String, VecDeque<(u16, Value)>>,
    /// What happens at a host's first request, before its response.
    hooks: BTreeMap<String, Hook>,
    /// The tokens that Apigee accepts; if empty, any token.
    accepted: Vec<String>,
    seen: Vec<Seen>,
}

/// The servers of Google that a pod can reach.
struct Google {
    state: Arc<Mutex<State>>,
    folder: tempfile::TempDir,
    /// Answers CONNECT.
    proxy: SocketAddr,
    /// Plain http.
    metadata: SocketAddr,
    /// The endpoint with a host name of this machine, with TLS.
    direct: SocketAddr,
    sandbox: Sandbox,
}

/// The result of a run.
struct Ran {
    code: Option<i32>,
    text: String,
    took: Duration,
}

impl Ran {
    #[track_caller]
    fn check(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for part in parts {
            assert!(self.text.contains(part), "{} lacks {part}", self.text);
        }
    }
}

impl Google {
    async fn start() -> Self {
        Self::with(Duration::from_millis(50)).await
    }

    async fn with(progressing: Duration) -> Self {
        let options = sandbox::SandboxOptions { progressing, ..sandbox::SandboxOptions::default() };
        let sandbox = Sandbox::start("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tls = certificates(folder.path(), &["*.googleapis.com", "localhost"]);
        let state = Arc::new(Mutex::new(State::default()));
        let listen = || async { TcpListener::bind("127.0.0.1:0").await.unwrap() };
        let (proxy, metadata, direct) = (listen().await, listen().await, listen().await);
        let addresses = [&proxy, &metadata, &direct].map(|listener| listener.local_addr().unwrap());
        let service = |host: &str| service(host, &state, &sandbox.url());

        let plain = service(METADATA);
        tokio::spawn(async move { axum::serve(metadata, plain).await });
        let (acceptor, private) = (tls.clone(), service(APIGEE));
        tokio::spawn(async move {
            while let Ok((stream, _)) = direct.accept().await {
                tokio::spawn(serve(acceptor.clone(), stream, private.clone()));
            }
        });
        let services: BTreeMap<_, _> = [APIGEE, "eu-apigee.googleapis.com", STS, IAM, OAUTH]
            .map(|host| (format!("{host}:443"), service(host)))
            .into();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = proxy.accept().await {
                let (tls, services) = (tls.clone(), services.clone());
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(stream.read_u8().await.unwrap_or_default());
                        assert!(head.len() < 10_000, "not a CONNECT");
                    }
                    let head = String::from_utf8(head).unwrap();
                    let host = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
                    let service = host.and_then(|host| services.get(host)).unwrap_or_else(|| panic!("{head}")).clone();
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                    serve(tls, stream, service).await;
                });
            }
        });

        let google = Self { state, folder, proxy: addresses[0], metadata: addresses[1], direct: addresses[2], sandbox };
        google.write("token", SUBJECT);
        let files: Files = [
            ("orders.xml", "<APIProxy name=\"orders\"/>"),
            (
                "proxies/default.xml",
                "<ProxyEndpoint name=\"default\"><HTTPProxyConnection><BasePath>/orders</BasePath></HTTPProxyConnection>\
                 <RouteRule name=\"none\"/></ProxyEndpoint>",
            ),
        ]
        .iter()
        .map(|(path, text)| (BundlePath::parse(path).unwrap(), text.as_bytes().to_vec()))
        .collect();
        for (path, bytes) in files.iter() {
            google.write(&format!("bundle/{path}"), std::str::from_utf8(bytes).unwrap());
        }
        let manifest = Manifest::new(BundleKind::Proxy, "orders", &files, Requirements::default());
        google.write("bundle/manifest.json", &serde_json::to_string(&manifest).unwrap());
        google
    }

    fn path(&self, file: &str) -> String {
        self.folder.path().join(file).to_str().unwrap().to_owned()
    }

    fn write(&self, file: &str, text: &str) -> String {
        let path = self.folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        self.path(file)
    }

    fn answer(&self, host: &str, answers: &[(u16, Value)]) {
        self.state.lock().unwrap().answers.insert(host.to_owned(), answers.iter().cloned().collect());
    }

    fn accept(&self, tokens: &[&str]) {
        self.state.lock().unwrap().accepted = tokens.iter().map(|token| (*token).to_owned()).collect();
    }

    fn at_first(&self, host: &str, hook: impl FnOnce() + Send + 'static) {
        self.state.lock().unwrap().hooks.insert(host.to_owned(), Box::new(hook));
    }

    fn seen(&self, host: &str) -> Vec<Seen> {
        self.state.lock().unwrap().seen.iter().filter(|seen| seen.host == host).cloned().collect()
    }

    /// The tokens that were sent to Apigee, each once, in order.
    fn tokens(&self) -> Vec<String> {
        let mut tokens: Vec<String> = self.seen(APIGEE).iter().map(|seen| bearer(seen).to_owned()).collect();
        tokens.dedup();
        tokens
    }

    /// Runs the program behind the proxy, and checks that no output contains a secret.
    async fn run(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let proxy = format!("http://{}", self.proxy);
        let (ca, home) = (self.path("ca.pem"), self.path("home"));
        let mut all = vec![("HTTPS_PROXY", proxy.as_str()), ("SSL_CERT_FILE", &ca), ("HOME", &home)];
        all.extend(variables);
        self.run_bare(&all, arguments).await
    }

    async fn run_bare(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_apigee-flux"));
        command
            .args(["deploy", "--manifest=bundle/manifest.json", "--org=acme", "--env=prod"])
            .args(["--termination-log=termination-log", "--timeout=40s"])
            .args((!arguments.contains(&"--wait=ready")).then_some("--wait=accepted"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(variables.iter().copied());
        self.write("termination-log", "");
        let start = Instant::now();
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let mut text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        text.push_str(&std::fs::read_to_string(self.path("termination-log")).unwrap());
        assert!(!text.contains("planted") && !text.contains(&URL_SAFE_NO_PAD.encode("planted")), "a secret: {text}");
        assert!(!text.contains("panicked"), "{text}");
        Ran { code: output.status.code(), text, took: start.elapsed() }
    }

    async fn run_with_metadata(&self, arguments: &[&str]) -> Ran {
        self.run(&[("GCE_METADATA_HOST", &self.metadata.to_string())], arguments).await
    }

    async fn run_with_file(&self, content: &Value, arguments: &[&str]) -> Ran {
        let file = self.write("config.json", &content.to_string());
        self.run(&[("GOOGLE_APPLICATION_CREDENTIALS", &file)], arguments).await
    }

    /// The configuration of a federation that reads the token's file.
    fn federation(&self) -> Value {
        json!({
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": format!("https://{STS}/v1/token"),
            "credential_source": {"file": self.path("token"), "format": {"type": "text"}},
        })
    }
}

/// One host: it records the request, then sends the configured response, or that of the sandbox.
fn service(host: &str, state: &Arc<Mutex<State>>, sandbox: &str) -> Router {
    let (host, state, sandbox) = (host.to_owned(), Arc::clone(state), sandbox.to_owned());
    Router::new().fallback(any(move |request: Request<Body>| {
        let (host, state, sandbox) = (host.clone(), Arc::clone(&state), sandbox.clone());
        async move { handle(&host, &state, &sandbox, request).await }
    }))
}

async fn handle(host: &str, state: &Mutex<State>, sandbox: &str, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = to_bytes(body, usize::MAX).await.unwrap();
    let is_apigee = host == APIGEE || host.starts_with("eu-");
    let seen = Seen {
        host: host.to_owned(),
        method: head.method.to_string(),
        path: head.uri.path_and_query().unwrap().to_string(),
        headers: head.headers.clone(),
        body: if is_apigee { String::new() } else { String::from_utf8(body.to_vec()).unwrap() },
    };
    // Requests that Google's front ends reject at each of these hosts.
    let has_length = ["content-length", "transfer-encoding"].iter().any(|name| seen.headers.contains_key(*name));
    if matches!(seen.method.as_str(), "POST" | "PUT" | "PATCH") && !has_length {
        return (StatusCode::LENGTH_REQUIRED, "requests require a Content-length header").into_response();
    }
    if seen.method == "GET" && has_length || seen.headers.get_all("host").iter().count() > 1 {
        return (StatusCode::BAD_REQUEST, "a malformed or illegal request").into_response();
    }
    {
        let mut state = state.lock().unwrap();
        if let Some(hook) = state.hooks.remove(host) {
            hook();
        }
        let refused =
            is_apigee && !state.accepted.is_empty() && !state.accepted.iter().any(|token| token == bearer(&seen));
        state.seen.push(seen);
        if refused {
            let error = json!({"error": {"code": 401, "status": "UNAUTHENTICATED", "message": "invalid credentials"}});
            return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
        }
        if !is_apigee {
            let answers = state.answers.get_mut(host).unwrap_or_else(|| panic!("{host} was not expected"));
            let (status, body) = if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() };
            return (StatusCode::from_u16(status).unwrap(), Json(body)).into_response();
        }
    }
    let mut headers = head.headers;
    headers.remove("host");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{sandbox}{}", head.uri.path_and_query().unwrap());
    let answer = client.request(head.method, url).headers(headers).body(body).send().await.unwrap();
    let status = answer.status();
    (status, [("content-type", "application/json")], answer.bytes().await.unwrap()).into_response()
}

fn bearer(seen: &Seen) -> &str {
    seen.header("authorization").strip_prefix("Bearer ").unwrap_or_default()
}

fn metadata_token(token: &str, expires_in: u32) -> (u16, Value) {
    (200, json!({"access_token": token, "expires_in": expires_in, "token_type": "Bearer"}))
}

fn sts_token(token: &str) -> (u16, Value) {
    let kind = "urn:ietf:params:oauth:token-type:access_token";
    (200, json!({"access_token": token, "issued_token_type": kind, "token_type": "Bearer", "expires_in": 3600}))
}

fn iam_token(token: &str) -> (u16, Value) {
    (200, json!({"accessToken": token, "expireTime": "2999-01-01T00:00:00Z"}))
}

fn generate_access_token(email: &str) -> String {
    format!("/v1/projects/-/serviceAccounts/{email}:generateAccessToken")
}

#[track_caller]
fn check_exchange(seen: &Seen, subject: &str, scope: &str) {
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/v1/token"));
    let expected = [
        ("audience", "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k"),
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("scope", scope),
        ("subject_token", subject),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
    ];
    assert_eq!(seen.form(), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_gives_the_token() {
    let google = Google::start().await;
    google.answer(METADATA, &[metadata_token("planted-gke", 3600)]);
    google.run_with_metadata(&[]).await.check(0, &["deployed"]);
    assert_eq!(google.tokens(), ["planted-gke"]);
    let asked = google.seen(METADATA);
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].header("metadata-flavor"), "Google");
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    assert_eq!(asked[0].path, format!("{path}?scopes={}", SCOPE.replace(':', "%3A").replace('/', "%2F")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_that_is_not_ready_is_asked_again() {
    let google = Google::start().await;
    google.answer(METADATA, &[(503, json!("starting")), (503, json!("starting")), metadata_token("planted-gke", 3600)]);
    let ran = google.run_with_metadata(&[]).await;
    ran.check(0, &["no access token from the metadata server", "503", "deployed"]);
    assert!(ran.took < Duration::from_secs(9), "an error was kept: {:?}", ran.took);

    // Refused connections, as before GKE's metadata server listens.
    let socket = StdListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let late = service(METADATA, &google.state, "");
    let server = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(3)).await;
        axum::serve(TcpListener::bind(address).await.unwrap(), late).await
    });
    google.run(&[("GCE_METADATA_HOST", &address.to_string())], &[]).await.check(0, &["did not respond"]);
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_metadata_the_run_ends_as_temporary() {
    let google = Google::start().await;
    let ran = google.run(&[("GCE_METADATA_HOST", "127.0.0.1:1")], &[]).await;
    ran.check(75, &["no access token from the metadata server: 127.0.0.1", "Workload Identity"]);
    assert!(ran.took < Duration::from_mins(1), "{:?}", ran.took);
    assert!(google.seen(APIGEE).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_may_say_why_not() {
    let google = Google::start().await;
    let why = "Permission 'iam.serviceAccounts.getAccessToken' denied";
    google.answer(METADATA, &[(403, json!({"error": {"status": "PERMISSION_DENIED", "message": why}}))]);
    google.run_with_metadata(&[]).await.check(77, &[why, "403", "Workload Identity"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_federation_s_principal_deploys_itself() {
    let google = Google::start().await;
    google.answer(STS, &[sts_token("planted-federated")]);
    google.run_with_file(&google.federation(), &[]).await.check(0, &[]);
    assert_eq!(google.tokens(), ["planted-federated"]);
    let asked = google.seen(STS);
    assert_eq!(asked.len(), 1);
    check_exchange(&asked[0], SUBJECT, SCOPE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rendered_federation_is_accepted_as_it_is() {
    let rendered = include_str!("../function/identities/expected/output.yaml");
    let start = rendered.find("config.json: |\n").unwrap() + "config.json: |\n".len();
    let lines = rendered[start..].lines().take_while(|line| line.starts_with("      "));
    let text: String = lines.map(str::trim_start).collect();
    let config: Value = serde_json::from_str(&text).unwrap();
    let token = config["credential_source"]["file"].as_str().unwrap();
    let folder = token.strip_suffix("/token").unwrap();
    for part in [
        format!("mountPath: {folder}\n"),
        format!("value: {folder}/config.json\n"),
        format!("audience: https:{}\n", config["audience"].as_str().unwrap()),
    ] {
        assert!(rendered.contains(&part), "the pod lacks {part}");
    }

    let google = Google::start().await;
    google.answer(STS, &[sts_token("planted-federated")]);
    google.answer(IAM, &[iam_token("planted-deployer")]);
    let config: Value = serde_json::from_str(&text.replace(token, &google.path("token"))).unwrap();
    google.run_with_file(&config, &[]).await.check(0, &[]);
    assert_eq!(google.tokens(), ["planted-deployer"]);
    let form = google.seen(STS)[0].form();
    assert_eq!((&*form["subject_token"], &*form["scope"]), (SUBJECT, "https://www.googleapis.com/auth/iam"));
    let asked = &google.seen(IAM)[0];
    assert_eq!(asked.path, generate_access_token("dev-deployer@acme.iam.gserviceaccount.com"));
    assert_eq!(bearer(asked), "planted-federated");
    assert_eq!(asked.json(), json!({"scope": [SCOPE], "lifetime": "3600s"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn impersonation_goes_along_the_chain_from_any_source() {
    let chain = [
        "--impersonate=a@acme.iam.gserviceaccount.com,b@acme.iam.gserviceaccount.com,deployer@acme.iam.gserviceaccount.com",
    ];
    let check = |google: &Google, source: &str| {
        assert_eq!(google.tokens(), ["planted-deployer"]);
        let asked = google.seen(IAM);
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].path, generate_access_token("deployer@acme.iam.gserviceaccount.com"));
        assert_eq!(bearer(&asked[0]), source);
        let delegates =
            ["a", "b"].map(|name| format!("projects/-/serviceAccounts/{name}@acme.iam.gserviceaccount.com"));
        assert_eq!(asked[0].json(), json!({"delegates": delegates, "scope": [SCOPE], "lifetime": "3600s"}));
    };
    let google = Google::start().await;
    google.answer(METADATA, &[metadata_token("planted-gke", 3600)]);
    google.answer(IAM, &[iam_token("planted-deployer")]);
    google.run_with_metadata(&chain).await.check(0, &[]);
    check(&google, "planted-gke");
    assert_eq!(google.seen(METADATA).len(), 1, "the universe is not requested");

    let google = Google::start().await;
    google.answer(STS, &[sts_token("planted-federated")]);
    google.answer(IAM, &[iam_token("planted-deployer")]);
    google.run_with_file(&google.federation(), &chain).await.check(0, &[]);
    check(&google, "planted-federated");
    check_exchange(&google.seen(STS)[0], SUBJECT, SCOPE);

    google.answer(
        IAM,
        &[(
            403,
            json!({"error": {"code": 403, "status": "PERMISSION_DENIED",
        "message": "Permission 'iam.serviceAccounts.getAccessToken' denied on resource"}}),
        )],
    );
    let ran = google.run_with_file(&google.federation(), &chain[..1]).await;
    ran.check(77, &["as deployer@acme", "getAccessToken", "roles/iam.serviceAccountTokenCreator"]);
    let ran = google.run_with_metadata(&["--impersonate=deployer"]).await;
    ran.check(64, &["is not the email address"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_developer_s_login_works_from_gcloud_s_folders() {
    let login = json!({"type": "authorized_user", "client_id": "id", "client_secret": "planted-client",
        "refresh_token": "planted-refresh"});
    let google = Google::start().await;
    google.answer(OAUTH, &[metadata_token("planted-login", 3600)]);
    google.write("home/.config/gcloud/application_default_credentials.json", &login.to_string());
    google.run(&[], &[]).await.check(0, &[]);
    assert_eq!(google.tokens(), ["planted-login"]);
    assert_eq!(google.seen(OAUTH)[0].path, "/token");

    let folder = google.write("sdk/application_default_credentials.json", &login.to_string());
    let folder = Path::new(&folder).parent().unwrap().to_str().unwrap().to_owned();
    google.answer(
        OAUTH,
        &[(
            400,
            json!({"error": "invalid_grant", "error_description": "Token has been expired or revoked.",
        "refresh_token": "planted-refresh"}),
        )],
    );
    let ran = google.run(&[("CLOUDSDK_CONFIG", &folder), ("HOME", "/does/not/exist")], &[]).await;
    ran.check(77, &["invalid_grant: Token has been expired or revoked.", "gcloud auth application-default login"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_sts_refuses_is_told_without_secrets() {
    let google = Google::start().await;
    google.answer(
        STS,
        &[(
            400,
            json!({"error": "invalid_grant", "access_token": "planted",
            "error_description": format!("The audience in ID Token [{SUBJECT}] does not match")}),
        )],
    );
    let ran = google.run_with_file(&google.federation(), &[]).await;
    ran.check(
        77,
        &["sts.googleapis.com/v1/token responded with status 400: invalid_grant: The audience in ID Token […] does not match"],
    );
    ran.check(77, &["workload identity federation", "issuer"]);
    assert_eq!(google.seen(STS).len(), 1, "it is not requested again");
    assert!(google.seen(APIGEE).is_empty());

    google.answer(STS, &[(503, json!({})), sts_token("planted-federated")]);
    let ran = google.run_with_file(&google.federation(), &[]).await;
    ran.check(0, &["responded with status 503"]);
    assert!(ran.took < Duration::from_secs(9), "{:?}", ran.took);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_renewed_when_it_expires_and_when_it_is_refused() {
    // The token expires after one second, and the run is longer.
    let google = Google::with(Duration::from_secs(4)).await;
    google.answer(METADATA, &[metadata_token("planted-1", 1), metadata_token("planted-2", 3600)]);
    google.run_with_metadata(&["--wait=ready"]).await.check(0, &[]);
    assert_eq!(google.tokens(), ["planted-1", "planted-2"]);

    let google = Google::start().await;
    google.answer(METADATA, &[metadata_token("planted-1", 3600), metadata_token("planted-2", 3600)]);
    google.accept(&["planted-2"]);
    google.run_with_metadata(&[]).await.check(0, &[]);
    assert_eq!(google.tokens(), ["planted-1", "planted-2"]);
    assert_eq!(google.seen(METADATA).len(), 2);

    google.accept(&["another"]);
    google.run_with_metadata(&[]).await.check(77, &["401 UNAUTHENTICATED", "check the identity"]);
    assert_eq!(google.seen(METADATA).len(), 4, "renewed once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_token_file_is_read_again() {
    let google = Google::start().await;
    google.answer(STS, &[sts_token("planted-1"), sts_token("planted-2")]);
    google.accept(&["planted-2"]);
    let file = google.path("token");
    let rotated = "eyJhbGciOiJSUzI1NiJ9.planted-rotated.c2ln";
    google.at_first(STS, move || std::fs::write(file, rotated).unwrap());
    google.run_with_file(&google.federation(), &[]).await.check(0, &[]);
    let asked = google.seen(STS);
    check_exchange(&asked[0], SUBJECT, SCOPE);
    check_exchange(&asked[1], rotated, SCOPE);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_file_that_is_absent_or_wrong_is_named() {
    let google = Google::start().await;
    let mut config = google.federation();
    config["credential_source"]["format"] = json!({"type": "json", "subject_token_field_name": "access_token"});
    google.write("token", r#"{"id_token": "planted"}"#);
    google.run_with_file(&config, &[]).await.check(77, &["subject token field `access_token`"]);
    let file = google.path("token");
    std::fs::remove_file(&file).unwrap();
    let ran = google.run_with_file(&google.federation(), &[]).await;
    ran.check(77, &[&format!("`{file}` (credential_source.file) cannot be read: No such file"), "the token's volume"]);
    let ran = google.run(&[("GOOGLE_APPLICATION_CREDENTIALS", "/does/not/exist")], &[]).await;
    ran.check(77, &["`/does/not/exist` (GOOGLE_APPLICATION_CREDENTIALS) cannot be read"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mounted_file_cannot_send_the_token_elsewhere() {
    let google = Google::start().await;
    for (field, value) in [
        ("token_url", "https://sts.googleapis.com.evil.example/v1/token"),
        ("token_url", "http://sts.googleapis.com/v1/token"),
        (
            "service_account_impersonation_url",
            "https://evil.example/v1/projects/-/serviceAccounts/a@b.c:generateAccessToken",
        ),
        ("universe_domain", "evil.example"),
    ] {
        let mut config = google.federation();
        config[field] = value.into();
        google.run_with_file(&config, &[]).await.check(77, &[field, "*.googleapis.com"]);
    }
    assert!(google.state.lock().unwrap().seen.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_static_key_is_refused_in_each_form_and_signs_when_allowed() {
    let google = Google::start().await;
    let pair = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let key = json!({"type": "service_account", "project_id": "acme", "private_key_id": "1", "private_key": pair.serialize_pem(),
        "client_email": "deployer@acme.iam.gserviceaccount.com", "token_uri": format!("https://{OAUTH}/token")});
    let nested = json!({"type": "impersonated_service_account", "source_credentials": key,
        "service_account_impersonation_url": format!("https://{IAM}{}", generate_access_token("a@acme.iam.gserviceaccount.com"))});
    let secret: Vec<String> = pair.serialize_pem().lines().skip(1).map(str::to_owned).collect();
    google.run_with_file(&key, &[]).await.check(77, &["is a service account's static key", "--allow-static-key"]);
    google.run_with_file(&nested, &[]).await.check(77, &["source_credentials", "--allow-static-key"]);
    google.write("home/.config/gcloud/application_default_credentials.json", &key.to_string());
    let ran = google.run(&[], &[]).await;
    ran.check(77, &["application_default_credentials.json", "--allow-static-key"]);
    assert!(secret.iter().all(|line| !ran.text.contains(line)));
    assert!(google.state.lock().unwrap().seen.is_empty());

    let ran = google.run(&[], &["--allow-static-key"]).await;
    ran.check(0, &[]);
    assert!(secret.iter().all(|line| !ran.text.contains(line)));
    let token = google.tokens().remove(0);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    ::aws_lc_rs::signature::UnparsedPublicKey::new(
        &::aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256,
        pair.public_key_raw(),
    )
    .verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap())
    .unwrap();
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!((&claims["iss"], &claims["scope"]), (&key["client_email"], &SCOPE.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_authority_is_trusted_when_it_is_named() {
    let google = Google::start().await;
    let endpoint = format!("--endpoint=https://localhost:{}", google.direct.port());
    let (metadata, ca) = (google.metadata.to_string(), google.path("ca.pem"));
    let variables = [("GCE_METADATA_HOST", metadata.as_str())];
    google.answer(METADATA, &[metadata_token("planted-gke", 3600)]);
    let trusting = format!("--ca-file={ca}");
    google.run_bare(&variables, &[&endpoint, &trusting]).await.check(0, &[]);
    assert_eq!(google.tokens(), ["planted-gke"]);
    let all = [variables[0], ("SSL_CERT_FILE", &ca)];
    google.run_bare(&all, &[&endpoint]).await.check(0, &["unchanged"]);
    let count = google.seen(APIGEE).len();
    google.run_bare(&variables, &[&endpoint]).await.check(69, &["certificate"]);
    assert_eq!(google.seen(APIGEE).len(), count, "no token without trust");
    google
        .run_bare(&variables, &["--ca-file=bundle/manifest.json"])
        .await
        .check(64, &["(--ca-file)", "has no certificate"]);
    google.run_bare(&variables, &["--ca-file=nowhere"]).await.check(66, &["`nowhere` (--ca-file)"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_sees_no_token_in_clear() {
    let google = Google::start().await;
    google.answer(METADATA, &[metadata_token("planted-gke", 3600)]);
    let (metadata, proxy) = (google.metadata.to_string(), format!("http://{}", google.proxy));
    let variables = [("GCE_METADATA_HOST", metadata.as_str()), ("HTTP_PROXY", &proxy)];
    google.run(&variables, &[]).await.check(77, &["unencrypted", "NO_PROXY"]);
    google.run(&[variables[0], ("ALL_PROXY", &proxy)], &[]).await.check(77, &["unencrypted"]);
    assert!(google.state.lock().unwrap().seen.is_empty());
    let allowed = [variables[0], variables[1], ("NO_PROXY", "127.0.0.1")];
    google.run(&allowed, &[]).await.check(0, &["deployed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_is_short_for_its_endpoint() {
    let google = Google::start().await;
    google.answer(METADATA, &[metadata_token("planted-gke", 3600)]);
    google.run_with_metadata(&["--region=eu"]).await.check(0, &["deployed"]);
    assert!(google.seen(APIGEE).is_empty() && !google.seen("eu-apigee.googleapis.com").is_empty());
    google
        .run_with_metadata(&["--region=eu", "--endpoint=https://apigee.googleapis.com"])
        .await
        .check(64, &["--region"]);
    google.run_with_metadata(&["--region=e/u"]).await.check(64, &["is not a region"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_http_gets_no_credentials_of_google_s() {
    let google = Google::start().await;
    let file = google.write("config.json", &google.federation().to_string());
    let endpoint = google.sandbox.url();
    let variables = [("GOOGLE_APPLICATION_CREDENTIALS", file.as_str()), ("APIGEE_ENDPOINT", &endpoint)];
    google.run(&variables, &[]).await.check(0, &["deployed"]);
    assert!(google.state.lock().unwrap().seen.is_empty());
    let both = [("APIGEE_TOKEN", "planted")];
    google.run(&both, &["--impersonate=a@b.example"]).await.check(64, &["APIGEE_TOKEN", "--impersonate"]);
}
