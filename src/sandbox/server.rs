//! The state on a socket: routes, parameters and bodies as the discovery document `apigee.v1` has them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Path as PathOf, Query, Request, State as StateOf};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::fault::Fault;
use super::state::{Filter, Mishap, Path, State};
use crate::apigee::RevisionId;
use crate::bundle::BundleKind;

/// Uploads may be larger than a bundle may be, so that the refusal is Apigee's and not the socket's.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Gives milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How the sandbox behaves.
#[derive(Clone)]
pub struct Options {
    /// For so long a deployment is PROGRESSING.
    pub progressing: Duration,
    /// Requests must carry this token; none: they need none.
    pub token: Option<String>,
    /// The environments of each environment group; an environment that stands in none has a group of its own.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The time.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        let since_1970 = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            progressing: Duration::from_millis(300),
            token: None,
            groups: BTreeMap::new(),
            clock: Arc::new(move || millis(since_1970())),
        }
    }
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// For example `POST`.
    pub method: String,
    /// With the query.
    pub path: String,
    /// The HTTP status.
    pub status: u16,
    /// It asked for a change; validations and reports do not.
    pub is_write: bool,
}

/// A running sandbox. It stops when this is dropped.
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<std::io::Result<()>>,
}

struct Shared {
    state: Mutex<State>,
    requests: Mutex<Vec<LoggedRequest>>,
    token: Option<String>,
    clock: Clock,
    count: AtomicU64,
}

impl Sandbox {
    /// Listens on `address` (port 0: any free one) and serves on the current runtime.
    pub async fn start(address: SocketAddr, options: Options) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(millis(options.progressing), options.groups)),
            requests: Mutex::default(),
            token: options.token,
            clock: options.clock,
            count: AtomicU64::new(0),
        });
        let service = router(&shared);
        let task = tokio::spawn(async move { axum::serve(listener, service).await });
        Ok(Self { address, shared, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, in the order of the answers.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        lock(&self.shared.requests).clone()
    }

    /// Lets something go wrong with the resource of the given name, once.
    pub fn expect_mishap(&self, name: &str, mishap: Mishap) {
        lock(&self.shared.state).expect_mishap(name, mishap);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A handler does not panic while it holds the lock; if one did, the state is still whole between two calls.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn router(shared: &Arc<Shared>) -> Router {
    let all = Router::new()
        .route("/v1/organizations/{org}/deployments", get(deployments_of_organization))
        .route("/v1/organizations/{org}/environments/{env}/deployments", get(deployments_of_environment))
        .with_state(Arc::clone(shared))
        .merge(bundles(shared, BundleKind::Proxy))
        .merge(bundles(shared, BundleKind::SharedFlow))
        .fallback(unknown)
        .method_not_allowed_fallback(unknown);
    all.layer(DefaultBodyLimit::max(MAX_BODY)).layer(from_fn_with_state(Arc::clone(shared), guard))
}

/// The shared state and which collection a route belongs to.
#[derive(Clone)]
struct Collection {
    shared: Arc<Shared>,
    kind: BundleKind,
}

/// The routes of proxies or of shared flows.
fn bundles(shared: &Arc<Shared>, kind: BundleKind) -> Router {
    let collection = kind.collection();
    let base = format!("/v1/organizations/{{org}}/{collection}");
    let revision = format!("{base}/{{name}}/revisions/{{rev}}");
    let deployed = format!("/v1/organizations/{{org}}/environments/{{env}}/{collection}/{{name}}");
    let deployment = format!("{deployed}/revisions/{{rev}}/deployments");
    let mut routes = Router::new()
        .route(&base, get(list).post(upload))
        .route(&format!("{base}/{{name}}"), get(get_resource).delete(delete_resource))
        .route(&format!("{base}/{{name}}/deployments"), get(deployments_of_resource))
        .route(&format!("{base}/{{name}}/revisions"), get(list_revisions))
        .route(&revision, get(get_revision).delete(delete_revision))
        .route(&format!("{revision}/deployments"), get(deployments_of_resource))
        .route(&format!("{deployed}/deployments"), get(deployments_of_resource))
        .route(&deployment, get(get_deployment).post(deploy).delete(undeploy));
    if kind == BundleKind::Proxy {
        // Shared flows have no reports.
        routes = routes
            .route(&format!("{deployment}:generateDeployChangeReport"), post(deploy_report))
            .route(&format!("{deployment}:generateUndeployChangeReport"), post(undeploy_report));
    }
    routes.with_state(Collection { shared: Arc::clone(shared), kind })
}

/// Checks the token, numbers the request, writes errors in Google's form, and keeps the log.
async fn guard(StateOf(shared): StateOf<Arc<Shared>>, request: Request, next: Next) -> Response {
    let number = shared.count.fetch_add(1, Ordering::Relaxed) + 1;
    let method = request.method().clone();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let expected = shared.token.as_ref().map(|token| format!("Bearer {token}"));
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let response = if expected.is_none() || expected.as_deref() == given {
        next.run(request).await
    } else {
        Fault::unauthenticated().into_response()
    };
    let response = match response.extensions().get::<Fault>().cloned() {
        Some(fault) => (response.status(), Json(fault.body(number))).into_response(),
        None => response,
    };
    let is_write = method != Method::GET && !path.contains("action=validate") && !path.contains("ChangeReport");
    let logged = LoggedRequest { method: method.to_string(), path, status: response.status().as_u16(), is_write };
    lock(&shared.requests).push(logged);
    response
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        // The body needs the number of the request, which `guard` knows.
        response.extensions_mut().insert(self);
        response
    }
}

/// The path's parameters by name.
type Parameters = PathOf<HashMap<String, String>>;
/// The query's parameters by name.
type Queries = Query<HashMap<String, String>>;
type Answer = Result<Json<Value>, Fault>;

async fn unknown(request: Request) -> Fault {
    Fault::not_found(format!("the sandbox has no {} {}", request.method(), request.uri().path()))
}

fn text<'a>(parameters: &'a HashMap<String, String>, name: &str) -> &'a str {
    parameters.get(name).map(String::as_str).unwrap_or_default()
}

/// A boolean parameter of the query; false when absent, as in protocol buffers.
fn flag(queries: &HashMap<String, String>, name: &str) -> Result<bool, Fault> {
    match queries.get(name).map(String::as_str) {
        None | Some("" | "false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(Fault::invalid_argument(format!("Invalid value at '{name}' (TYPE_BOOL), \"{other}\""))),
    }
}

fn revision_id(parameters: &HashMap<String, String>) -> Result<RevisionId, Fault> {
    text(parameters, "rev").parse().map_err(|why: String| Fault::invalid_argument(why))
}

impl Collection {
    fn path<'a>(&self, parameters: &'a HashMap<String, String>) -> Path<'a> {
        Path { organization: text(parameters, "org"), kind: self.kind, name: text(parameters, "name") }
    }

    fn now(&self) -> u64 {
        (self.shared.clock)()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }
}

async fn list(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters, Query(queries): Queries) -> Answer {
    let (revisions, meta_data) = (flag(&queries, "includeRevisions")?, flag(&queries, "includeMetaData")?);
    Ok(Json(at.state().list(text(&parameters, "org"), at.kind, revisions, meta_data)))
}

async fn upload(
    StateOf(at): StateOf<Collection>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
    request: Request,
) -> Answer {
    let zip = uploaded_file(request).await?;
    let path = Path { name: text(&queries, "name"), ..at.path(&parameters) };
    match text(&queries, "action") {
        "import" => Ok(Json(at.state().import(path, &zip, at.now())?)),
        "validate" => Ok(Json(State::validate(path, &zip, at.now())?)),
        other => {
            Err(Fault::invalid_argument(format!("invalid action \"{other}\": set it to \"import\" or \"validate\"")))
        }
    }
}

/// The zip: the form's first part, or the whole body. Apigee's own tools do not agree on a name: apigeecli says `proxy`, the Maven plugin
/// `content`, Google's pages `file`.
async fn uploaded_file(request: Request) -> Result<Bytes, Fault> {
    let content_type = content_type(request.headers());
    if content_type.starts_with("application/octet-stream") {
        let body = Bytes::from_request(request, &()).await;
        return body.map_err(|error| Fault::invalid_argument(error.body_text()));
    }
    if !content_type.starts_with("multipart/form-data") {
        return Err(Fault::invalid_argument(format!(
            "unsupported content type \"{content_type}\": send multipart/form-data or application/octet-stream"
        )));
    }
    let wrong = |text: String| Fault::invalid_argument(text);
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| wrong(error.body_text()))?;
    match form.next_field().await.map_err(|error| wrong(error.body_text()))? {
        Some(field) => field.bytes().await.map_err(|error| wrong(error.body_text())),
        None => Err(wrong("the form has no part: send the zip file as its first".to_owned())),
    }
}

fn content_type(headers: &HeaderMap) -> String {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase()
}

async fn get_resource(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(at.state().get(at.path(&parameters))?))
}

/// The numbers alone. No discovery document has it; apigee-edge-js asks for it.
async fn list_revisions(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(at.state().get(at.path(&parameters))?["revision"].take()))
}

async fn delete_resource(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(at.state().delete(at.path(&parameters))?))
}

async fn get_revision(
    StateOf(at): StateOf<Collection>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
) -> Result<Response, Fault> {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    match text(&queries, "format") {
        "bundle" => {
            let zip = at.state().bundle(path, id)?;
            Ok(([(header::CONTENT_TYPE, "application/octet-stream")], zip).into_response())
        }
        _ => Ok(Json(at.state().revision(path, id)?).into_response()),
    }
}

async fn delete_revision(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(at.state().delete_revision(at.path(&parameters), revision_id(&parameters)?)?))
}

async fn deployments_of_organization(
    StateOf(shared): StateOf<Arc<Shared>>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
) -> Answer {
    all_deployments(&shared, &parameters, &queries, None)
}

async fn deployments_of_environment(
    StateOf(shared): StateOf<Arc<Shared>>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
) -> Answer {
    all_deployments(&shared, &parameters, &queries, Some(text(&parameters, "env")))
}

fn all_deployments(
    shared: &Shared,
    parameters: &HashMap<String, String>,
    queries: &HashMap<String, String>,
    environment: Option<&str>,
) -> Answer {
    let kind = if flag(queries, "sharedFlows")? { BundleKind::SharedFlow } else { BundleKind::Proxy };
    let filter = Filter { kind, environment, name: None, revision: None };
    Ok(Json(lock(&shared.state).deployments(text(parameters, "org"), filter)))
}

/// The list of a resource's deployments: everywhere, of one revision, or in one environment, as the path says.
async fn deployments_of_resource(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    let revision = if parameters.contains_key("rev") { Some(revision_id(&parameters)?) } else { None };
    let environment = parameters.get("env").map(String::as_str);
    let filter = Filter { kind: at.kind, environment, name: Some(text(&parameters, "name")), revision };
    Ok(Json(at.state().deployments(text(&parameters, "org"), filter)))
}

async fn get_deployment(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    Ok(Json(at.state().deployment(path, text(&parameters, "env"), id, at.now())?))
}

async fn deploy(
    StateOf(at): StateOf<Collection>,
    PathOf(parameters): Parameters,
    Query(mut queries): Queries,
    form: Result<Form<HashMap<String, String>>, FormRejection>,
) -> Answer {
    // The Maven plugin and apigee-edge-js send `override` in a form, which Google's servers read as more of the query.
    if let Ok(Form(form)) = form {
        queries.extend(form);
    }
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    flag(&queries, "sequencedRollout")?;
    let overrides = flag(&queries, "override")?;
    let account = queries.get("serviceAccount").map(String::as_str).filter(|account| !account.is_empty());
    Ok(Json(at.state().deploy(path, text(&parameters, "env"), id, overrides, account, at.now())?))
}

async fn undeploy(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    Ok(Json(at.state().undeploy(path, text(&parameters, "env"), id)?))
}

async fn deploy_report(
    StateOf(at): StateOf<Collection>,
    PathOf(parameters): Parameters,
    Query(queries): Queries,
) -> Answer {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    Ok(Json(at.state().deploy_report(path, text(&parameters, "env"), id, flag(&queries, "override")?)?))
}

async fn undeploy_report(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    let (path, id) = (at.path(&parameters), revision_id(&parameters)?);
    Ok(Json(at.state().undeploy_report(path, text(&parameters, "env"), id)?))
}
