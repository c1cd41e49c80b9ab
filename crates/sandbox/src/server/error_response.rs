//! Responses as axum sends them. The body of an error is written at the end, because it has the number of the request.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::{ApiError, ApiResponse};

/// Replaces the body by that of the error; other headers and extensions are kept.
pub(super) fn in_googles_form(response: Response, fault: &ApiError, number: u64) -> Response {
    let (mut head, _) = response.into_parts();
    head.status = status_of(fault);
    let (json, body) = Json(fault.body(number)).into_response().into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(json.headers);
    Response::from_parts(head, body)
}

fn status_of(fault: &ApiError) -> StatusCode {
    StatusCode::from_u16(fault.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = status_of(&self).into_response();
        // `guard` writes the body, because it needs the number of the request.
        response.extensions_mut().insert(self);
        response
    }
}

impl IntoResponse for ApiResponse {
    fn into_response(self) -> Response {
        match self {
            Self::Json(value) => Json(value).into_response(),
            Self::Bytes(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
            Self::Nothing => StatusCode::NO_CONTENT.into_response(),
        }
    }
}
