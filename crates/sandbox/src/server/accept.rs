//! Reads a request as its method declares it, and refuses it if it has anything else: the query parameters, and the type of the body.
//!
//! Google's servers do this based on the definition of the API, so it is the same for all methods. The validation of messages is in
//! [`crate::api::message`].

use std::collections::BTreeMap;

use axum::RequestExt as _;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest as _, Multipart, Path as PathOf, Query, Request};
use axum::http::{HeaderMap, Uri, header};
use axum::response::{IntoResponse, Response};
use url::Url;

use crate::api::{ApiError, ApiRequest, BodyType, Method, RequestBody, parameter};

/// The maximum size of a message, in bytes. Google's APIs name the limit in the error.
const MAX_MESSAGE: usize = 10 * 1024 * 1024;

/// The content type of a form with files.
const FORM: &str = "multipart/form-data";

/// Why a request is not executed.
pub(super) enum Refusal {
    /// Its method does not accept it.
    Error(ApiError),
    /// Its path is not UTF-8.
    Path(PathRejection),
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self::Error(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Error(error) => error.into_response(),
            Self::Path(rejection) => rejection.into_response(),
        }
    }
}

/// The request as its method declares it.
pub(super) async fn read(method: &'static Method, request: Request) -> Result<ApiRequest, Refusal> {
    let path = request.uri().path().trim_start_matches("/v1/").to_owned();
    let (parameters, queries, body) = match method.body {
        BodyType::File | BodyType::Bundle => read_file(method, request).await?,
        BodyType::Nothing | BodyType::Json(_) => read_message(method, request).await?,
    };
    Ok(ApiRequest { method: Some(method), path, parameters, queries, body, ..ApiRequest::default() })
}

/// The path parameters, the query parameters and the body.
type Parts = (BTreeMap<String, String>, BTreeMap<String, String>, RequestBody);

async fn read_file(method: &Method, mut request: Request) -> Result<Parts, Refusal> {
    let queries = queries(method, request.uri())?;
    let given = content_type(request.headers());
    if !matches!(given.as_str(), FORM | "application/octet-stream") {
        return Err(Refusal::Error(ApiError::invalid_argument(format!(
            "unsupported content type \"{given}\": send multipart/form-data or application/octet-stream"
        ))));
    }
    let parameters = path_parameters(method, &mut request).await?;
    let wrong = |text: String| ApiError::invalid_argument(text);
    if given != FORM {
        let bytes = Bytes::from_request(request, &()).await.map_err(|error| wrong(error.body_text()))?;
        return Ok((parameters, queries, RequestBody::Whole(bytes.into())));
    }
    let mut form = Multipart::from_request(request, &()).await.map_err(|error| wrong(error.body_text()))?;
    let mut parts = BTreeMap::new();
    while let Some(part) = form.next_field().await.map_err(|error| wrong(error.body_text()))? {
        let name = part.name().unwrap_or_default().to_owned();
        let bytes = part.bytes().await.map_err(|error| wrong(error.body_text()))?.into();
        if matches!(method.body, BodyType::Bundle) {
            return Ok((parameters, queries, RequestBody::Whole(bytes)));
        }
        parts.insert(name, bytes);
    }
    if matches!(method.body, BodyType::Bundle) {
        return Err(wrong("the form has no part: send the zip file as the first part".to_owned()).into());
    }
    Ok((parameters, queries, RequestBody::Form(parts)))
}

async fn read_message(method: &Method, request: Request) -> Result<Parts, Refusal> {
    let (mut head, body) = request.into_parts();
    let mut bytes = to_bytes(body, MAX_MESSAGE).await.map_err(|_| {
        ApiError::invalid_argument(format!("Request payload size exceeds the limit: {MAX_MESSAGE} bytes."))
    })?;
    let given = content_type(&head.headers);
    if given == "application/x-www-form-urlencoded" {
        // Google's servers read a form as additional query parameters: apigee-edge-js and the Maven plugin send `override` this way. JSON
        // that curl sends without a content type therefore is an unknown parameter.
        head.uri = with_form(&head.uri, &bytes)?;
        bytes = Bytes::new();
    }
    let queries = queries(method, &head.uri)?;
    match method.body {
        BodyType::Nothing if !bytes.is_empty() => {
            return Err(Refusal::Error(ApiError::invalid_argument(format!(
                "Invalid JSON payload received. The request has a body of {} bytes, and this method takes none.",
                bytes.len()
            ))));
        }
        BodyType::Json(_) if !bytes.is_empty() && given != "application/json" => {
            return Err(Refusal::Error(ApiError::invalid_argument(format!(
                "unsupported content type \"{given}\": send the message as application/json"
            ))));
        }
        _ => {}
    }
    let parameters = path_parameters(method, &mut Request::from_parts(head, Body::empty())).await?;
    Ok((parameters, queries, RequestBody::Whole(bytes.into())))
}

/// The path parameters, decoded.
async fn path_parameters(method: &Method, request: &mut Request) -> Result<BTreeMap<String, String>, Refusal> {
    let PathOf(mut parameters): PathOf<BTreeMap<String, String>> =
        request.extract_parts().await.map_err(Refusal::Path)?;
    // axum returns a custom verb after a parameter as a part of the parameter.
    if let Some((name, verb)) = method.verb_after_parameter()
        && let Some(value) = parameters.get_mut(name)
    {
        value.truncate(value.strip_suffix(verb).and_then(|value| value.strip_suffix(':')).unwrap_or(value).len());
    }
    Ok(parameters)
}

/// The query parameters by name. 400 if the method does not have one of them.
fn queries(method: &Method, uri: &Uri) -> Result<BTreeMap<String, String>, ApiError> {
    let Query(given): Query<Vec<(String, String)>> =
        Query::try_from_uri(uri).map_err(|error| ApiError::invalid_argument(format!("Invalid query: {error}")))?;
    parameter::check(method.query, &given)?;
    Ok(given.into_iter().collect())
}

/// The URI with the fields of a form as additional query parameters.
fn with_form(uri: &Uri, form: &[u8]) -> Result<Uri, ApiError> {
    let wrong = |what: &str| ApiError::invalid_argument(format!("Invalid form: {what}"));
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
fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}
