//! The state on a socket: routes, parameters and bodies as the discovery document `apigee.v1` has them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Path as PathOf, Query, Request, State as StateOf};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::connection::{self, BreakOff};
use super::fault::Fault;
use super::state::{Filter, Mishap, Path, State};
use super::trouble::{Rule, Trouble, Troubles};
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
    /// Trouble with some requests.
    pub faults: Vec<Rule>,
}

impl Default for Options {
    fn default() -> Self {
        let since_1970 = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            progressing: Duration::from_millis(300),
            token: None,
            groups: BTreeMap::new(),
            clock: Arc::new(move || millis(since_1970())),
            faults: Vec::new(),
        }
    }
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// For example `POST`.
    pub method: String,
    /// With the query.
    pub path: String,
    /// The HTTP status of the answer, also of one that the client did not get; 0 when the connection was closed before there was one.
    pub status: u16,
    /// It asked for a change; validations and reports do not.
    pub is_write: bool,
    /// What was made to go wrong with it.
    pub trouble: Option<Trouble>,
}

/// A point in the life of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It is there, and nothing was done.
    Arrived,
    /// What it asks for is done, or refused, and nothing was answered.
    Acted,
}

/// A request at one [`Moment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestAt {
    /// From 1, in the order of arrival.
    pub number: u64,
    /// For example `POST`.
    pub method: String,
    /// With the query.
    pub path: String,
    /// The point that it has come to.
    pub moment: Moment,
}

/// Hears of each request at each [`Moment`]. The request goes on when the future ends.
pub type Watcher = Arc<dyn Fn(RequestAt) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A running sandbox. It stops when this is dropped.
pub struct Sandbox {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    requests: Mutex<Vec<LoggedRequest>>,
    troubles: Mutex<Troubles>,
    watcher: Mutex<Option<Watcher>>,
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
            troubles: Mutex::new(options.faults.into_iter().collect()),
            watcher: Mutex::default(),
            token: options.token,
            clock: options.clock,
            count: AtomicU64::new(0),
        });
        let task = tokio::spawn(connection::serve(listener, router(&shared)));
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

    /// Every request so far, in the order in which they were done.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        lock(&self.shared.requests).clone()
    }

    /// Lets something go wrong with the resource of the given name, once.
    pub fn expect_mishap(&self, name: &str, mishap: Mishap) {
        lock(&self.shared.state).expect_mishap(name, mishap);
    }

    /// Lets requests have trouble from now on.
    pub fn inject(&self, rule: Rule) {
        lock(&self.shared.troubles).add(rule);
    }

    /// Lets no request have trouble from now on.
    pub fn clear_faults(&self) {
        *lock(&self.shared.troubles) = Troubles::default();
    }

    /// Tells of each request from now on, instead of whoever was told before.
    pub fn watch(&self, watcher: Watcher) {
        *lock(&self.shared.watcher) = Some(watcher);
    }

    /// The revision of a proxy or shared flow that is deployed in an environment now.
    pub fn deployed_revision(
        &self,
        organization: &str,
        environment: &str,
        kind: BundleKind,
        name: &str,
    ) -> Option<RevisionId> {
        lock(&self.shared.state).deployed_revision(organization, environment, kind, name)
    }
}

impl Shared {
    /// Tells the watcher, and waits until it lets the request go on.
    async fn tell(&self, request: RequestAt) {
        let watcher = lock(&self.watcher).clone();
        if let Some(watcher) = watcher {
            watcher(request).await;
        }
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

/// Numbers the request, checks the token, writes errors in Google's form, keeps the log, and makes trouble where a rule asks for it.
async fn guard(StateOf(shared): StateOf<Arc<Shared>>, request: Request, next: Next) -> Response {
    let number = shared.count.fetch_add(1, Ordering::Relaxed) + 1;
    let method = request.method().to_string();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let at = |moment| RequestAt { number, method: method.clone(), path: path.clone(), moment };
    shared.tell(at(Moment::Arrived)).await;
    let trouble = lock(&shared.troubles).next(&method, &path);
    let response = match trouble {
        Some(Trouble::Reset) => broken_off(StatusCode::OK.into_response(), BreakOff::Before),
        Some(Trouble::Status { code, retry_after }) => {
            let mut response = Fault::of_status(code).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
        Some(Trouble::Late(pause)) => match whole(request).await {
            Ok(request) => {
                tokio::time::sleep(pause).await;
                answer(&shared, request, next).await
            }
            Err(fault) => fault.into_response(),
        },
        _ => answer(&shared, request, next).await,
    };
    shared.tell(at(Moment::Acted)).await;
    let response = match trouble {
        Some(Trouble::Lost) => broken_off(response, BreakOff::Before),
        Some(Trouble::Truncate) => broken_off(response, BreakOff::Within),
        Some(Trouble::Lost503) => Fault::of_status(503).into_response(),
        _ => response,
    };
    let (status, is_write) = (
        if trouble == Some(Trouble::Reset) { 0 } else { response.status().as_u16() },
        method != Method::GET.as_str() && !path.contains("action=validate") && !path.contains("ChangeReport"),
    );
    lock(&shared.requests).push(LoggedRequest { method, path, status, is_write, trouble });
    if let Some(Trouble::Delay(pause)) = trouble {
        tokio::time::sleep(pause).await;
    }
    match response.extensions().get::<Fault>().cloned() {
        Some(fault) => in_googles_form(response, &fault, number),
        None => response,
    }
}

/// What the API answers when nothing is in the way.
async fn answer(shared: &Shared, request: Request, next: Next) -> Response {
    let expected = shared.token.as_ref().map(|token| format!("Bearer {token}"));
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if expected.is_none() || expected.as_deref() == given {
        next.run(request).await
    } else {
        Fault::unauthenticated().into_response()
    }
}

/// The request with its body in memory, so that it no longer needs the connection.
async fn whole(request: Request) -> Result<Request, Fault> {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.map_err(|error| Fault::invalid_argument(error.to_string()))?;
    Ok(Request::from_parts(head, Body::from(bytes)))
}

fn broken_off(mut response: Response, how: BreakOff) -> Response {
    response.extensions_mut().insert(how);
    response
}

/// The error's body; the headers and extensions stay.
fn in_googles_form(response: Response, fault: &Fault, number: u64) -> Response {
    let (mut head, _) = response.into_parts();
    let (json, body) = Json(fault.body(number)).into_response().into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(json.headers);
    Response::from_parts(head, body)
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

/// The zip: the form field `file`, or the whole body.
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
    while let Some(field) = form.next_field().await.map_err(|error| wrong(error.body_text()))? {
        if field.name() == Some("file") {
            return field.bytes().await.map_err(|error| wrong(error.body_text()));
        }
    }
    Err(wrong("the form has no field \"file\"".to_owned()))
}

fn content_type(headers: &HeaderMap) -> String {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_ascii_lowercase()
}

async fn get_resource(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters) -> Answer {
    Ok(Json(at.state().get(at.path(&parameters))?))
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

async fn deploy(StateOf(at): StateOf<Collection>, PathOf(parameters): Parameters, Query(queries): Queries) -> Answer {
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
