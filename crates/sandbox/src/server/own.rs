//! The sandbox's own paths, which Apigee lacks: the page at `/`, and the data that it reads. They need no token and are not logged.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Query, State as StateOf};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::shared::{Shared, lock};

/// Shows the state and the log of requests.
const PAGE: &str = include_str!("page.html");

/// The page is one file and only connects to the sandbox.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'";

/// The routes.
pub(super) fn routes(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/sandbox/state", get(state))
        .route("/sandbox/requests", get(requests))
        .with_state(Arc::clone(shared))
}

async fn page() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, PAGE).into_response()
}

async fn state(StateOf(shared): StateOf<Arc<Shared>>) -> Json<Value> {
    let now = shared.now();
    let mut summary = lock(&shared.state).summary(now);
    if let Some(meter) = &shared.quota {
        summary["quota"] = lock(meter).summary(now);
    }
    Json(summary)
}

/// The kept requests; with `since`, those with a higher number. A `since` that is not a number is ignored. `last` is the number of the
/// latest request: after a restart it is lower than `since`.
async fn requests(
    StateOf(shared): StateOf<Arc<Shared>>,
    Query(queries): Query<HashMap<String, String>>,
) -> Json<Value> {
    let since = queries.get("since").and_then(|since| since.parse().ok()).unwrap_or(0);
    let last = shared.count.load(Ordering::Relaxed);
    Json(json!({"last": last, "requests": lock(&shared.requests).since(since)}))
}
