//! The HTTP server: routes, parameters and bodies as in the discovery document `apigee.v1`.

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
use apigee_flux_model::bundle::MAX_REVISIONS;
use apigee_flux_model::duration::millis;
use routes::Routes;

/// The maximum size of a request body. It exceeds that of a bundle, so that Apigee's error is returned and not that of the HTTP server.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// Returns the time in milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How the sandbox behaves.
#[derive(Clone)]
pub struct Options {
    /// How long a deployment is PROGRESSING, and how long an operation takes.
    pub progressing: Duration,
    /// The bearer token that requests need; `None`: no token is needed.
    pub token: Option<String>,
    /// The environments of environment groups, in addition to those that requests attach; an environment without a group has its own.
    pub groups: BTreeMap<String, Vec<String>>,
    /// The environments of every organization. Empty: any environment exists, until a request creates one.
    pub environments: BTreeSet<String>,
    /// The runtime type.
    pub runtime: RuntimeType,
    /// The maximum number of revisions of one proxy or shared flow; `None`: no limit.
    pub max_revisions: Option<usize>,
    /// How long after its import a revision is not found.
    pub visible_after: Duration,
    /// How long after the start of a deployment its status is unavailable.
    pub status_after: Duration,
    /// The response to a request for the status in that time.
    pub early_status: EarlyStatus,
    /// The file in which the state is saved.
    pub state_file: Option<PathBuf>,
    /// How many requests are kept in the log; `None`: all.
    pub kept_requests: Option<usize>,
    /// The clock.
    pub clock: Clock,
    /// The delay of every response, to simulate a network.
    pub latency: Duration,
    /// The faults to inject into requests.
    pub faults: Vec<Rule>,
    /// Host names that requests may use, in addition to this machine's loopback names and the address that the sandbox listens on.
    pub allowed_hosts: Vec<String>,
    /// Whether errors whose status is not documented have the alternative status.
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
    /// The sandbox cannot listen on the address.
    #[error("cannot listen on {0}: {1}; choose another address with --listen, for example 127.0.0.1:0")]
    Listen(SocketAddr, std::io::Error),
    /// The state file cannot be used.
    #[error(transparent)]
    State(#[from] StateFileError),
}

/// A point in the processing of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The request was received, and nothing was done.
    Arrived,
    /// The request was executed or refused, and no response was sent.
    Acted,
}

/// A request at one [`Moment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestAt {
    /// The number of the request, from 1, in the order of arrival.
    pub number: u64,
    /// For example `POST`.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The current point.
    pub moment: Moment,
}

/// Called for each request at each [`Moment`]. The request continues when the future ends.
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
                // A folder that cannot be written is reported now and not at the first request.
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

    /// The address that the sandbox listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint for clients.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All kept requests so far, in the order in which they were completed.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        lock(&self.shared.requests).since(0)
    }

    /// Reads the current state; `look` gets it and the time in milliseconds since 1970.
    pub fn with_state<T>(&self, look: impl FnOnce(&State, u64) -> T) -> T {
        look(&lock(&self.shared.state), self.shared.now())
    }

    /// Lets one operation on the resource of the given name fail, once.
    pub fn expect_mishap(&self, name: &str, mishap: Mishap) {
        lock(&self.shared.state).expect_mishap(name, mishap);
    }

    /// Injects faults into requests from now on.
    pub fn inject(&self, rule: Rule) {
        lock(&self.shared.troubles).add(rule);
    }

    /// Removes all rules for faults.
    pub fn clear_faults(&self) {
        *lock(&self.shared.troubles) = Troubles::default();
    }

    /// Sets the watcher, which replaces the previous one.
    pub fn watch(&self, watcher: Watcher) {
        *lock(&self.shared.watcher) = Some(watcher);
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Handlers do not panic while they hold the lock; if one did, the state would still be consistent between two requests.
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

/// Methods of the API that the sandbox does not implement, although it implements others with the same path.
const LACKING: [(&str, &str); 4] = [
    ("POST", "/v1/organizations"),
    ("DELETE", "/v1/organizations/{org}"),
    ("PATCH", "/v1/organizations/{org}/environments/{env}"),
    ("PUT", "/v1/organizations/{org}"),
];

/// All methods of the API that the sandbox implements.
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

/// Numbers the request, checks the token, writes errors in Google's format, logs the request, and injects faults where a rule matches.
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

/// The response of the API without a fault.
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

/// Reads the body into memory, so that the request no longer needs the connection.
async fn whole(request: Request) -> Result<Request, Fault> {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.map_err(|error| Fault::invalid_argument(error.to_string()))?;
    Ok(Request::from_parts(head, Body::from(bytes)))
}

/// The response with the deployment's state set to ERROR.
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

/// A response that does not belong to the request.
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

/// Replaces the body by that of the error; other headers and extensions are kept.
fn in_googles_form(response: Response, fault: &Fault, number: u64) -> Response {
    let (mut head, _) = response.into_parts();
    head.status = status_of(fault);
    let (json, body) = Json(fault.body(number)).into_response().into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(json.headers);
    Response::from_parts(head, body)
}

/// Writes the state file before the response is sent. A refused request may have changed the state as well.
async fn keep(StateOf(shared): StateOf<Arc<Shared>>, request: Request, next: Next) -> Response {
    let may_write = request.method() != Method::GET;
    let response = next.run(request).await;
    // There is no await between the change and this point, so a client that disconnects cannot separate them.
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
        // `guard` writes the body, because it needs the number of the request.
        response.extensions_mut().insert(self);
        response
    }
}

/// The path parameters by name.
type Parameters = PathOf<HashMap<String, String>>;
/// The query parameters by name.
type Queries = Query<HashMap<String, String>>;
type Answer = Result<Json<Value>, Fault>;

/// A method that the sandbox does not implement, although Apigee may.
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

    /// Calls the watcher, and waits until it lets the request continue.
    async fn tell(&self, request: RequestAt) {
        let watcher = lock(&self.watcher).clone();
        if let Some(watcher) = watcher {
            watcher(request).await;
        }
    }
}
