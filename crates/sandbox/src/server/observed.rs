//! Reads from a request and its response what the log shows.

use std::time::Instant;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{Method as HttpMethod, header};
use axum::response::Response;
use serde_json::Value;

use crate::injected_fault::InjectedFault;
use crate::request_log::LoggedRequest;
use crate::secrets::{hide_secrets, without_secrets};

/// The maximum size of a JSON body in the log, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// A request that is being answered.
pub(super) struct Observed {
    started: Instant,
    entry: LoggedRequest,
}

impl Observed {
    /// Reads what the log needs from a request and returns the complete request.
    pub(super) async fn take(request: Request, number: u64, time: u64) -> (Self, Request) {
        let started = Instant::now();
        let method = request.method().clone();
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.map(str::to_owned);
        let is_json = content_type.as_deref().is_some_and(|value| value.starts_with("application/json"));
        let (request, body) = if is_json { json_of(request, &path).await } else { (request, None) };
        let is_write = method != HttpMethod::GET && !path.contains("action=validate") && !path.contains("ChangeReport");
        let entry = LoggedRequest {
            number,
            time,
            method: method.to_string(),
            path: without_secrets(&path),
            content_type,
            status: 0,
            micros: 0,
            answer_bytes: None,
            is_write,
            body,
            fault: None,
        };
        (Self { started, entry }, request)
    }

    /// The log entry.
    pub(super) fn answered(self, response: &Response, fault: Option<InjectedFault>) -> LoggedRequest {
        LoggedRequest {
            status: if fault == Some(InjectedFault::Reset) { 0 } else { response.status().as_u16() },
            fault,
            micros: u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX),
            answer_bytes: response.body().size_hint().exact(),
            ..self.entry
        }
    }
}

/// The JSON of a request whose declared length is short enough; a longer body, or one of unknown length, is not read.
async fn json_of(request: Request, path: &str) -> (Request, Option<Value>) {
    let short = request.body().size_hint().exact().is_some_and(|length| length <= MAX_BODY as u64);
    if !short {
        return (request, None);
    }
    let (head, body) = request.into_parts();
    // A body that is cut off counts as empty: its sender does not read the response.
    let bytes = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    let mut json = serde_json::from_slice(&bytes).ok();
    if let Some(json) = &mut json {
        hide_secrets(json, path.contains("/keyvaluemaps"));
    }
    (Request::from_parts(head, Body::from(bytes)), json)
}
