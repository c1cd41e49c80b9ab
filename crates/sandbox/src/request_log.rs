//! The log of requests and their responses. It contains no secrets.

use std::collections::VecDeque;
use std::time::Instant;

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::{Method, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;

use super::trouble::Trouble;

/// The maximum size of a JSON body in the log, in bytes.
const MAX_BODY: usize = 64 * 1024;

/// The replacement for a secret.
const HIDDEN: &str = "(hidden)";

/// Fields whose values are secrets in every message.
const SECRET_FIELDS: &[&str] =
    &["consumerKey", "consumerSecret", "password", "privateKey", "secret", "clientSecret", "keyPassword"];

/// Query parameters whose values are secrets.
const SECRET_PARAMETERS: &[&str] = &["access_token", "consumerKey", "key", "oauth_token", "password", "_password"];

/// A received request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedRequest {
    /// The number of the request, from 1: the `requestId` in its error.
    pub number: u64,
    /// When it was received, in milliseconds since 1970.
    pub time: u64,
    /// For example `POST`.
    pub method: String,
    /// The path with the query, in which secrets are hidden.
    pub path: String,
    /// The `Content-Type` of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The HTTP status of the response, even if the client did not get it; 0 if the connection was closed before there was a response.
    pub status: u16,
    /// The time from the head of the request to the head of the response, in microseconds.
    pub micros: u64,
    /// The length of the response body, in bytes; `None` if it is unknown before the body is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_bytes: Option<u64>,
    /// Whether it is a write request; validations and reports are not.
    pub is_write: bool,
    /// The body, if it is JSON of at most 64 KiB, with its secrets hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The injected fault, in the form of a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
}

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
        let is_write = method != Method::GET && !path.contains("action=validate") && !path.contains("ChangeReport");
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
            trouble: None,
        };
        (Self { started, entry }, request)
    }

    /// The log entry.
    pub(super) fn answered(self, response: &Response, trouble: Option<Trouble>) -> LoggedRequest {
        LoggedRequest {
            status: if trouble == Some(Trouble::Reset) { 0 } else { response.status().as_u16() },
            trouble,
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

/// Hides the values of secret fields; all values of key value maps are secrets.
fn hide_secrets(value: &mut Value, is_map: bool) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| hide_secrets(item, is_map)),
        Value::Object(object) => {
            for (name, value) in object.iter_mut() {
                if SECRET_FIELDS.contains(&name.as_str()) || (is_map && name == "value") {
                    *value = Value::from(HIDDEN);
                } else {
                    hide_secrets(value, is_map);
                }
            }
        }
        _ => {}
    }
}

/// A path in which the consumer keys of apps are hidden, `…/apps/APP/keys/KEY`.
fn without_keys(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let is_key = |at: usize| at >= 3 && parts.get(at - 1) == Some(&"keys") && parts.get(at - 3) == Some(&"apps");
    let shown = |(at, part): (usize, &&str)| match part.split_once(':') {
        _ if !is_key(at) || *part == "create" => (*part).to_owned(),
        Some((_, verb)) => format!("{HIDDEN}:{verb}"),
        None => HIDDEN.to_owned(),
    };
    parts.iter().enumerate().map(shown).collect::<Vec<_>>().join("/")
}

/// A path and query in which consumer keys and the values of secret parameters are hidden.
fn without_secrets(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return without_keys(path) };
    let path = without_keys(path);
    let parameters: Vec<String> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if SECRET_PARAMETERS.contains(&name) => format!("{name}={HIDDEN}"),
            _ => parameter.to_owned(),
        })
        .collect();
    format!("{path}?{}", parameters.join("&"))
}

/// The requests so far, the newest last.
#[derive(Debug, Default)]
pub(super) struct RequestLog {
    entries: VecDeque<LoggedRequest>,
    /// How many requests are kept; `None`: all.
    keep: Option<usize>,
}

impl RequestLog {
    /// An empty log that keeps this many requests; `None`: all.
    pub(super) fn new(keep: Option<usize>) -> Self {
        Self { entries: VecDeque::new(), keep }
    }

    /// Adds a request.
    pub(super) fn push(&mut self, entry: LoggedRequest) {
        self.entries.push_back(entry);
        while self.keep.is_some_and(|keep| self.entries.len() > keep) {
            self.entries.pop_front();
        }
    }

    /// The requests with a higher number, in the order of their responses.
    pub(super) fn since(&self, number: u64) -> Vec<LoggedRequest> {
        self.entries.iter().filter(|entry| entry.number > number).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden() {
        let path = "/v1/organizations/o/environments/e/keystores/k/aliases?alias=a&_password=p&access_token=t";
        let shown = without_secrets(path);
        assert!(shown.ends_with("?alias=a&_password=(hidden)&access_token=(hidden)"), "{shown}");
        let path = "/v1/organizations/o/developers/d/apps/a/keys/k3y";
        assert_eq!(without_secrets(path), "/v1/organizations/o/developers/d/apps/a/keys/(hidden)");
        assert_eq!(
            without_secrets(&format!("{path}/apiproducts/p?action=approve")),
            "/v1/organizations/o/developers/d/apps/a/keys/(hidden)/apiproducts/p?action=approve"
        );
        for open in [
            "/v1/organizations/o/developers/d/apps/a/keys",
            "/v1/organizations/o/environments/e/keystores/keys/aliases/a",
        ] {
            assert_eq!(without_secrets(open), open);
        }
        let mut body = json!({"consumerKey": "k3y"});
        hide_secrets(&mut body, false);
        assert_eq!(body, json!({"consumerKey": HIDDEN}));
        let mut body = json!({"name": "m", "entry": [{"name": "k", "value": "v"}], "consumerSecret": "s"});
        hide_secrets(&mut body, true);
        assert_eq!(body, json!({"name": "m", "entry": [{"name": "k", "value": HIDDEN}], "consumerSecret": HIDDEN}));
        let mut body = json!({"attributes": [{"name": "k", "value": "v"}]});
        hide_secrets(&mut body, false);
        assert_eq!(body["attributes"][0]["value"], "v");
    }
}
