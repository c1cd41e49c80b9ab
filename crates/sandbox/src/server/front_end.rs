//! Requests that Google's front end refuses before they reach an API, with an HTML page instead of a JSON error.
//!
//! Sources: RFC 9110 and 9112, and <https://github.com/googleapis/google-cloud-rust/issues/1936>, which shows the response to a POST
//! without a length.

use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri, Version, header};
use axum::response::{IntoResponse, Response};

/// The maximum length of a URI, in bytes. RFC 9110 (section 4.1) requires at least 8,000; no method of the API needs more.
const MAX_ADDRESS: usize = 8 * 1024;

/// The sentence about a malformed HTTP request.
const MALFORMED: &str = "Your client has issued a malformed or illegal request.";

/// The response to a request that the front end refuses.
pub(super) fn refuse(request: &Request) -> Option<Response> {
    let (method, headers) = (request.method(), request.headers());
    let address = request.uri().path_and_query().map_or("/", |address| address.as_str());
    if address.len() > MAX_ADDRESS {
        let start: String = address.chars().take(72).collect();
        let sentence = format!("The requested URL <code>{}</code>... is too large to process.", escaped(&start));
        return Some(page(StatusCode::URI_TOO_LONG, &sentence));
    }
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Some(page(StatusCode::BAD_REQUEST, MALFORMED));
    }
    let lengths: Vec<_> = headers.get_all(header::CONTENT_LENGTH).iter().collect();
    let is_chunked = headers.contains_key(header::TRANSFER_ENCODING);
    if lengths.len() > 1 || (is_chunked && !lengths.is_empty()) {
        return Some(page(StatusCode::BAD_REQUEST, MALFORMED));
    }
    let has_body = is_chunked || lengths.first().is_some_and(|length| length.as_bytes() != b"0");
    match *method {
        Method::GET | Method::HEAD if has_body => Some(page(StatusCode::BAD_REQUEST, MALFORMED)),
        Method::POST | Method::PUT | Method::PATCH if !is_chunked && lengths.is_empty() => {
            let sentence = format!("{method} requests require a <code>Content-length</code> header.");
            Some(page(StatusCode::LENGTH_REQUIRED, &sentence))
        }
        _ => None,
    }
}

/// The response to an unsupported method at an existing path.
pub(super) fn not_found(uri: &Uri) -> Response {
    let sentence = format!("The requested URL <code>{}</code> was not found on this server.", escaped(uri.path()));
    page(StatusCode::NOT_FOUND, &sentence)
}

/// An HTML error page.
fn page(status: StatusCode, sentence: &str) -> Response {
    let (code, reason) = (status.as_u16(), status.canonical_reason().unwrap_or_default());
    let html = format!(
        "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error {code} ({reason})!!1</title>\n  \
         <p><b>{code}.</b> <ins>That’s an error.</ins>\n  <p>{sentence}  <ins>That’s all we know.</ins>\n"
    );
    (status, [(header::CONTENT_TYPE, "text/html; charset=UTF-8")], html).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
