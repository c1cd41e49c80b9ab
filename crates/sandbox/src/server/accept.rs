//! Validates a request against its method before the handler runs: the query parameters, and the type of the body.
//!
//! Google's servers do this based on the definition of the API, so it is the same for all methods. The validation of messages is in
//! [`crate::message`].

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, Request, State as StateOf};
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::Url;

use super::front_end;
use crate::fault::Fault;
use crate::method::{Method, Payload};
use crate::parameter;

/// The maximum size of a message, in bytes. Google's APIs name the limit in the error.
const MAX_MESSAGE: usize = 10 * 1024 * 1024;

/// Runs the handler, or returns the error if the method does not accept the request.
pub(super) async fn enforce(StateOf(method): StateOf<Arc<Method>>, request: Request, next: Next) -> Response {
    if custom_verb(request.uri().path()) != custom_verb(&method.path) {
        return front_end::not_found(request.uri());
    }
    match accept(&method, request).await {
        Ok(request) => next.run(request).await,
        Err(fault) => fault.into_response(),
    }
}

/// The custom verb, which follows a colon in the last segment. In a name, a colon is encoded.
fn custom_verb(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.split_once(':').map(|(_, verb)| verb)
}

async fn accept(method: &Method, request: Request) -> Result<Request, Fault> {
    if matches!(method.payload, Payload::File) {
        check_query(method, request.uri())?;
        let given = content_type(request.headers());
        if !matches!(given.as_str(), "multipart/form-data" | "application/octet-stream") {
            return Err(Fault::invalid_argument(format!(
                "unsupported content type \"{given}\": send multipart/form-data or application/octet-stream"
            )));
        }
        return Ok(request);
    }
    let (mut head, body) = request.into_parts();
    let mut bytes = to_bytes(body, MAX_MESSAGE).await.map_err(|_| {
        Fault::invalid_argument(format!("Request payload size exceeds the limit: {MAX_MESSAGE} bytes."))
    })?;
    let given = content_type(&head.headers);
    if given == "application/x-www-form-urlencoded" {
        // Google's servers read a form as additional query parameters: apigee-edge-js and the Maven plugin send `override` this way. JSON
        // that curl sends without a content type therefore is an unknown parameter.
        head.uri = with_form(&head.uri, &bytes)?;
        head.headers.remove(header::CONTENT_TYPE);
        bytes = Bytes::new();
    }
    check_query(method, &head.uri)?;
    match method.payload {
        Payload::Nothing if !bytes.is_empty() => {
            return Err(Fault::invalid_argument(format!(
                "Invalid JSON payload received. The request has a body of {} bytes, and this method takes none.",
                bytes.len()
            )));
        }
        Payload::Json(_) if !bytes.is_empty() && given != "application/json" => {
            return Err(Fault::invalid_argument(format!(
                "unsupported content type \"{given}\": send the message as application/json"
            )));
        }
        _ => {}
    }
    Ok(Request::from_parts(head, Body::from(bytes)))
}

fn check_query(method: &Method, uri: &Uri) -> Result<(), Fault> {
    parameter::check(method.query, &parameters(uri)?)
}

/// The query parameters in their order.
fn parameters(uri: &Uri) -> Result<Vec<(String, String)>, Fault> {
    let Query(parameters) =
        Query::try_from_uri(uri).map_err(|error| Fault::invalid_argument(format!("Invalid query: {error}")))?;
    Ok(parameters)
}

/// The URI with the fields of a form as additional query parameters.
fn with_form(uri: &Uri, form: &[u8]) -> Result<Uri, Fault> {
    let wrong = |what: &str| Fault::invalid_argument(format!("Invalid form: {what}"));
    let form = std::str::from_utf8(form).map_err(|_| wrong("it is not UTF-8"))?;
    let mut url = Url::parse("http://localhost").map_err(|error| wrong(&error.to_string()))?;
    url.set_query(Some(form));
    let fields: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    url.set_query(uri.query());
    url.query_pairs_mut().extend_pairs(fields);
    let query = url.query().unwrap_or_default();
    format!("{}?{query}", uri.path()).parse().map_err(|_| wrong("it is too long for a query"))
}

/// The content type in lower case and without parameters.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
