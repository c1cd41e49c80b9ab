//! What an injected fault does to a response.

use std::time::{Duration, SystemTime};

use axum::Json;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

use super::MAX_BODY;
use super::connection::BreakOff;
use crate::api::ApiError;
use crate::injected_fault::{InjectedFault, OddResponse};

/// The response to a request that is not executed because of the fault.
pub(super) fn instead_of_response(fault: InjectedFault) -> Option<Response> {
    match fault {
        InjectedFault::Reset => Some(broken_off(StatusCode::OK.into_response(), BreakOff::Before)),
        InjectedFault::Status { code, retry_after } => {
            let mut response = ApiError::of_status(code).into_response();
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            Some(response)
        }
        InjectedFault::StatusUntil { code, seconds } => {
            let mut response = ApiError::of_status(code).into_response();
            let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(u64::from(seconds)));
            if let Ok(date) = header::HeaderValue::from_str(&date) {
                response.headers_mut().insert(header::RETRY_AFTER, date);
            }
            Some(response)
        }
        InjectedFault::Odd(odd @ (OddResponse::Page | OddResponse::Redirect)) => Some(odd_response(odd)),
        _ => None,
    }
}

/// The response as the client gets it because of the fault.
pub(super) async fn changed(response: Response, fault: InjectedFault) -> Response {
    match fault {
        InjectedFault::Lost => broken_off(response, BreakOff::Before),
        InjectedFault::Truncate => broken_off(response, BreakOff::Within),
        InjectedFault::Lost503 => ApiError::unavailable().into_response(),
        InjectedFault::Trickle(pause) => broken_off(response, BreakOff::Trickling(pause)),
        InjectedFault::Odd(odd) => odd_response(odd),
        InjectedFault::StateError => in_error(response).await,
        _ => response,
    }
}

/// Reads the body into memory, so that the request no longer needs the connection.
pub(super) async fn whole(request: Request) -> Result<Request, ApiError> {
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.map_err(|error| ApiError::invalid_argument(error.to_string()))?;
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
fn odd_response(odd: OddResponse) -> Response {
    match odd {
        OddResponse::Empty => Json(json!({})).into_response(),
        OddResponse::Error => {
            Json(json!({"error": {"code": 503, "message": "try again later", "status": "UNAVAILABLE"}})).into_response()
        }
        OddResponse::OtherMessage => Json(json!({"kind": "storage#buckets", "selfLink": "/b"})).into_response(),
        OddResponse::Page => Html("<html><body>Sign in to this network</body></html>").into_response(),
        OddResponse::Redirect => {
            let location = [(header::LOCATION, "https://portal.example/login?next=s3cret")];
            (StatusCode::FOUND, location, Html("<html>moved</html>")).into_response()
        }
    }
}

fn broken_off(mut response: Response, how: BreakOff) -> Response {
    response.extensions_mut().insert(how);
    response
}
