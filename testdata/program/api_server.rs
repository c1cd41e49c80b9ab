//! The Kubernetes API of a namespace, as far as the reconciler uses it: lists with label selectors, in small pages; and what it received.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::{Body, to_bytes};
use axum::extract::Query;
use axum::http::{Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::tls;

/// The objects in a page, so that lists have several.
const PAGE: usize = 3;

/// What the server has, and what it received.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) objects: Vec<Value>,
    /// The path whose requests are refused, if there is one.
    pub(crate) forbidden: Option<&'static str>,
    /// The requests with their bodies.
    pub(crate) seen: Vec<(String, Value)>,
}

/// A running server.
pub(crate) struct ApiServer {
    pub(crate) port: u16,
    shared: Arc<Mutex<Shared>>,
}

impl ApiServer {
    /// Starts a server, and writes the files of a pod's ServiceAccount for it into `account`.
    pub(crate) async fn start(account: &Path, namespace: &str, objects: Vec<Value>) -> Self {
        let tls = tls::certificates(account, &["127.0.0.1"]);
        std::fs::rename(account.join("ca.pem"), account.join("ca.crt")).unwrap();
        std::fs::write(account.join("token"), "planted-token").unwrap();
        std::fs::write(account.join("namespace"), namespace).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Mutex::new(Shared { objects, ..Shared::default() }));
        let state = Arc::clone(&shared);
        let service = Router::new().fallback(any(move |request| answer(Arc::clone(&state), request)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(tls::serve(tls.clone(), stream, service.clone()));
            }
        });
        Self { port, shared }
    }

    pub(crate) fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap()
    }
}

async fn answer(shared: Arc<Mutex<Shared>>, request: Request<Body>) -> Response {
    let (head, body) = request.into_parts();
    assert_eq!(head.headers["authorization"], "Bearer planted-token");
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let path = head.uri.path().to_owned();
    let mut shared = shared.lock().unwrap();
    shared.seen.push((format!("{} {path}", head.method), body.clone()));
    if shared.forbidden.is_some_and(|part| path.contains(part)) {
        let status = json!({"kind": "Status", "status": "Failure", "message": "no such right", "code": 403});
        return (StatusCode::FORBIDDEN, Json(status)).into_response();
    }
    if head.method != Method::GET {
        return Json(body).into_response();
    }
    let parts: Vec<&str> = path.split('/').skip_while(|part| *part != "namespaces").skip(2).collect();
    let kind = match parts[0] {
        "configmaps" => "ConfigMap",
        "jobs" => "Job",
        "cronjobs" => "CronJob",
        other => panic!("unknown resource {other}"),
    };
    let of_kind = shared.objects.iter().filter(|object| object["kind"] == kind);
    if let Some(name) = parts.get(1) {
        let found = of_kind.clone().find(|object| object["metadata"]["name"] == *name);
        return found.map_or(StatusCode::NOT_FOUND.into_response(), |object| Json(object.clone()).into_response());
    }
    let query: BTreeMap<String, String> = Query::try_from_uri(&head.uri).unwrap().0;
    let selector = query.get("labelSelector").map_or("", String::as_str);
    let items: Vec<Value> =
        of_kind.filter(|object| selects(selector, &object["metadata"]["labels"])).cloned().collect();
    let start: usize = query.get("continue").map_or(0, |token| token.parse().unwrap());
    let next = start + PAGE;
    let token = if next < items.len() { next.to_string() } else { String::new() };
    let mut items: Vec<Value> = items.into_iter().skip(start).take(PAGE).collect();
    if head.headers.get("accept").is_some_and(|kind| kind.to_str().unwrap().contains("PartialObjectMetadataList")) {
        let partial = |object: &Value| json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"]});
        items = items.iter().map(partial).collect();
    }
    Json(json!({"apiVersion": "v1", "kind": "List", "metadata": {"continue": token}, "items": items})).into_response()
}

/// Whether labels match a selector of names, and of names with values.
fn selects(selector: &str, labels: &Value) -> bool {
    selector.split(',').filter(|part| !part.is_empty()).all(|part| match part.split_once('=') {
        Some((name, value)) => labels[name] == value,
        None => !labels[part].is_null(),
    })
}
