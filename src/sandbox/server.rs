//! The state on a socket: routes, parameters and bodies as the discovery document `apigee.v1` has them.

mod bundles;
mod contract;
mod front_end;
mod organizations;
mod own;
pub(super) mod routes;
#[cfg(test)]
mod tests;
mod visitor;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Path as PathOf, Query, Request, State as StateOf};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::config;
use super::connection::{self, BreakOff};
use super::fault::Fault;
use super::requests::{LoggedRequest, Observed, RequestLog};
use super::settings::{EarlyStatus, RuntimeType, Settings};
use super::state::{Mishap, State};
use super::state_file::{self, StateFile, StateFileError};
use super::trouble::{OddAnswer, Rule, Trouble, Troubles};
use crate::apigee::retention::MAX_REVISIONS;
use crate::duration::millis;
use routes::Routes;

/// Uploads may be larger than a bundle may be, so that the refusal is Apigee's and not the socket's.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Gives milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How the sandbox behaves.
#[derive(Clone)]
pub struct Options {
    /// For so long a deployment is PROGRESSING and an operation is not done.
    pub progressing: Duration,
    /// Requests must carry this token; none: they need none.
    pub token: Option<String>,
    /// The environments of environment groups, besides those that calls attach; one that stands in none has a group of its own.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The environments of every organization. Empty: any environment exists, until a call makes one.
    pub environments: BTreeSet<String>,
    /// Where the proxies run.
    pub runtime: RuntimeType,
    /// More revisions of one proxy or shared flow are refused; none: any number is taken.
    pub max_revisions: Option<usize>,
    /// For so long after its import a revision is not found.
    pub visible_after: Duration,
    /// For so long after a deployment began its status is not to be had.
    pub status_after: Duration,
    /// What is answered in that time.
    pub early_status: EarlyStatus,
    /// Keeps the state there.
    pub state_file: Option<PathBuf>,
    /// So many requests stay in the log; none: all.
    pub kept_requests: Option<usize>,
    /// The time.
    pub clock: Clock,
    /// Every answer is held back for so long, as a network would.
    pub latency: Duration,
    /// Trouble with some requests.
    pub faults: Vec<Rule>,
    /// Requests may name these hosts, besides this machine's loopback names and the address that the sandbox listens on.
    pub allowed_hosts: Vec<String>,
    /// Where no document says which status a refusal has, it has the other one.
    pub other_statuses: bool,
}

impl Default for Options {
    fn default() -> Self {
        let since_1970 = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            progressing: Duration::from_millis(300),
            token: None,
            groups: BTreeMap::new(),
            environments: BTreeSet::new(),
            runtime: RuntimeType::default(),
            max_revisions: Some(MAX_REVISIONS),
            visible_after: Duration::ZERO,
            status_after: Duration::ZERO,
            early_status: EarlyStatus::default(),
            state_file: None,
            kept_requests: None,
            clock: Arc::new(move || millis(since_1970())),
            latency: Duration::ZERO,
            faults: Vec::new(),
            allowed_hosts: Vec::new(),
            other_statuses: false,
        }
    }
}

impl Options {
    fn settings(&self) -> Settings {
        Settings {
            progressing: millis(self.progressing),
            groups: self.groups.clone(),
            environments: self.environments.clone(),
            runtime: self.runtime,
            max_revisions: self.max_revisions,
            visible_after: millis(self.visible_after),
            status_after: millis(self.status_after),
            early_status: self.early_status,
        }
    }
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error("cannot listen on {0}: {1}; choose another address with --listen, for example 127.0.0.1:0")]
    Listen(SocketAddr, std::io::Error),
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StateFileError),
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
    state_file: Option<StateFile>,
    requests: Mutex<RequestLog>,
    troubles: Mutex<Troubles>,
    watcher: Mutex<Option<Watcher>>,
    token: Option<String>,
    clock: Clock,
    latency: Duration,
    other_statuses: bool,
    count: AtomicU64,
}

impl Sandbox {
    /// Listens on `address` (port 0: any free one) and serves on the current runtime.
    pub async fn start(address: SocketAddr, options: Options) -> Result<Self, StartError> {
        let cannot_listen = |error| StartError::Listen(address, error);
        let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
        let address = listener.local_addr().map_err(cannot_listen)?;
        let settings = options.settings();
        let (state_file, state) = match &options.state_file {
            None => (None, State::new(settings)),
            Some(path) => {
                let (file, state) = StateFile::open(path)?;
                let state = state.with_settings(settings);
                // A folder that cannot be written is told now and not at the first call.
                file.save(|| state_file::content(&state))?;
                (Some(file), state)
            }
        };
        let hosts = visitor::Hosts { listen: address.ip(), names: options.allowed_hosts };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            state_file,
            requests: Mutex::new(RequestLog::new(options.kept_requests)),
            troubles: Mutex::new(options.faults.into_iter().collect()),
            watcher: Mutex::default(),
            token: options.token,
            clock: options.clock,
            latency: options.latency,
            other_statuses: options.other_statuses,
            count: AtomicU64::new(0),
        });
        let task = tokio::spawn(connection::serve(listener, router(&shared, hosts)));
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

    /// Every kept request so far, in the order in which they were done.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        lock(&self.shared.requests).since(0)
    }

    /// Reads the state at this moment; `look` gets it and the time in milliseconds since 1970.
    pub fn with_state<T>(&self, look: impl FnOnce(&State, u64) -> T) -> T {
        look(&lock(&self.shared.state), self.shared.now())
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
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A handler does not panic while it holds the lock; if one did, the state is still whole between two calls.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn router(shared: &Arc<Shared>, hosts: visitor::Hosts) -> Router {
    let lacking = LACKING.iter().fold(Router::new(), |router, (verb, path)| {
        match Method::from_bytes(verb.as_bytes()).ok().and_then(|method| MethodFilter::try_from(method).ok()) {
            Some(filter) => router.route(path, on(filter, unknown)),
            None => router,
        }
    });
    api(shared)
        .into_router()
        .merge(lacking)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(shared), keep))
        .layer(from_fn_with_state(Arc::clone(shared), guard))
        .merge(own::routes(shared))
        .layer(from_fn_with_state(Arc::new(hosts), visitor::admit))
}

/// Methods of the API that the sandbox lacks although it has others at their paths, by identifier.
const LACKING: [(&str, &str); 4] = [
    ("POST", "/v1/organizations"),
    ("DELETE", "/v1/organizations/{org}"),
    ("PATCH", "/v1/organizations/{org}/environments/{env}"),
    ("PUT", "/v1/organizations/{org}"),
];

/// All methods of the API that the sandbox has.
fn api(shared: &Arc<Shared>) -> Routes<()> {
    bundles::routes(shared).merge(organizations::routes(shared)).merge(configuration(shared))
}

/// The routes of the configuration.
fn configuration(shared: &Arc<Shared>) -> Routes<()> {
    let shared = Arc::clone(shared);
    config::routes(move |organization, handler, mut call, reads| {
        call.now = (shared.clock)();
        lock(&shared.state).configure(organization, handler, call, reads)
    })
}

/// Numbers the request, checks the token, writes errors in Google's form, keeps the log, and makes trouble where a rule asks for it.
async fn guard(StateOf(shared): StateOf<Arc<Shared>>, request: Request, next: Next) -> Response {
    let number = shared.count.fetch_add(1, Ordering::Relaxed) + 1;
    let method = request.method().to_string();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let at = |moment| RequestAt { number, method: method.clone(), path: path.clone(), moment };
    shared.tell(at(Moment::Arrived)).await;
    if !shared.latency.is_zero() {
        tokio::time::sleep(shared.latency).await;
    }
    let trouble = lock(&shared.troubles).next(&method, &path);
    let (observed, request) = Observed::take(request, number, shared.now()).await;
    let response = match trouble {
        Some(Trouble::Reset) => broken_off(StatusCode::OK.into_response(), BreakOff::Before),
        Some(Trouble::Status { code, retry_after }) => {
            let mut response = Fault::of_status(code).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
        Some(Trouble::StatusUntil { code, seconds }) => {
            let mut response = Fault::of_status(code).into_response();
            let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(u64::from(seconds)));
            if let Ok(date) = header::HeaderValue::from_str(&date) {
                response.headers_mut().insert(header::RETRY_AFTER, date);
            }
            response
        }
        Some(Trouble::Odd(odd @ (OddAnswer::Page | OddAnswer::Redirect))) => odd_answer(odd),
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
        Some(Trouble::Lost503) => Fault::unavailable().into_response(),
        Some(Trouble::Trickle(pause)) => broken_off(response, BreakOff::Trickling(pause)),
        Some(Trouble::Odd(odd)) => odd_answer(odd),
        Some(Trouble::StateError) => in_error(response).await,
        _ => response,
    };
    let response = match response.extensions().get::<Fault>().cloned() {
        Some(fault) if shared.other_statuses => in_googles_form(response, &fault.with_other_status(), number),
        Some(fault) => in_googles_form(response, &fault, number),
        None => response,
    };
    lock(&shared.requests).push(observed.answered(&response, trouble));
    if let Some(Trouble::Delay(pause)) = trouble {
        tokio::time::sleep(pause).await;
    }
    response
}

/// What the API answers when nothing is in the way.
async fn answer(shared: &Shared, request: Request, next: Next) -> Response {
    if let Some(refusal) = front_end::refuse(&request) {
        return refusal;
    }
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

/// The answer, whose deployment has the state ERROR.
async fn in_error(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let bytes = match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut deployment) if deployment.get("state").is_some() => {
            deployment["state"] = json!("ERROR");
            deployment["errors"] = json!([{"code": 14, "message": "the runtime restarts"}]);
            Bytes::from(deployment.to_string())
        }
        _ => bytes,
    };
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(bytes))
}

/// An answer that does not fit its call.
fn odd_answer(odd: OddAnswer) -> Response {
    match odd {
        OddAnswer::Empty => Json(json!({})).into_response(),
        OddAnswer::Error => {
            Json(json!({"error": {"code": 503, "message": "try again later", "status": "UNAVAILABLE"}})).into_response()
        }
        OddAnswer::OtherMessage => Json(json!({"kind": "storage#buckets", "selfLink": "/b"})).into_response(),
        OddAnswer::Page => Html("<html><body>Sign in to this network</body></html>").into_response(),
        OddAnswer::Redirect => {
            let location = [(header::LOCATION, "https://portal.example/login?next=s3cret")];
            (StatusCode::FOUND, location, Html("<html>moved</html>")).into_response()
        }
    }
}

fn broken_off(mut response: Response, how: BreakOff) -> Response {
    response.extensions_mut().insert(how);
    response
}

/// The error's body; the headers and extensions stay.
fn in_googles_form(response: Response, fault: &Fault, number: u64) -> Response {
    let (mut head, _) = response.into_parts();
    head.status = status_of(fault);
    let (json, body) = Json(fault.body(number)).into_response().into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(json.headers);
    Response::from_parts(head, body)
}

/// Writes the state file before an answer leaves. A call that was refused may have changed something too.
async fn keep(StateOf(shared): StateOf<Arc<Shared>>, request: Request, next: Next) -> Response {
    let may_write = request.method() != Method::GET;
    let response = next.run(request).await;
    // Nothing is awaited between the change and this, so a caller that hangs up cannot part them.
    match &shared.state_file {
        Some(file) if may_write => match file.save(|| state_file::content(&lock(&shared.state))) {
            Ok(()) => response,
            Err(error) => Fault::internal(error.to_string()).into_response(),
        },
        _ => response,
    }
}

fn status_of(fault: &Fault) -> StatusCode {
    StatusCode::from_u16(fault.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = status_of(&self).into_response();
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

/// A path that the sandbox does not know; Apigee may.
async fn unknown(request: Request) -> Fault {
    Fault::not_found(format!("the sandbox does not implement {} {}", request.method(), request.uri().path()))
}

async fn wrong_method(request: Request) -> Response {
    front_end::not_found(request.uri())
}

fn text<'a>(parameters: &'a HashMap<String, String>, name: &str) -> &'a str {
    parameters.get(name).map(String::as_str).unwrap_or_default()
}

impl Shared {
    /// Milliseconds since 1970.
    fn now(&self) -> u64 {
        (self.clock)()
    }

    /// Tells the watcher, and waits until it lets the request go on.
    async fn tell(&self, request: RequestAt) {
        let watcher = lock(&self.watcher).clone();
        if let Some(watcher) = watcher {
            watcher(request).await;
        }
    }
}
