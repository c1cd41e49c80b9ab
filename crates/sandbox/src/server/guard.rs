//! What happens to every request of the API before and after its method.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State as StateOf};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::observed::Observed;
use super::shared::{Shared, lock};
use super::watcher::{Moment, RequestAt};
use super::{error_response, fault_injection, front_end};
use crate::api::ApiError;
use crate::injected_fault::InjectedFault;

/// Numbers the request, checks the token, writes errors in Google's format, logs the request, and injects faults where a rule matches.
pub(super) async fn guard(StateOf(shared): StateOf<Arc<Shared>>, request: Request, next: Next) -> Response {
    let number = shared.count.fetch_add(1, Ordering::Relaxed) + 1;
    let method = request.method().to_string();
    let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
    let at = |moment| RequestAt { number, method: method.clone(), path: path.clone(), moment };
    shared.tell(at(Moment::Arrived)).await;
    if !shared.latency.is_zero() {
        tokio::time::sleep(shared.latency).await;
    }
    let fault = lock(&shared.fault_rules).next(&method, &path);
    let (observed, request) = Observed::take(request, number, shared.now()).await;
    let response = match (fault.and_then(fault_injection::instead_of_response), fault) {
        (Some(response), _) => response,
        (None, Some(InjectedFault::Late(pause))) => match fault_injection::whole(request).await {
            Ok(request) => {
                tokio::time::sleep(pause).await;
                respond(&shared, request, next).await
            }
            Err(error) => error.into_response(),
        },
        (None, _) => respond(&shared, request, next).await,
    };
    shared.tell(at(Moment::Acted)).await;
    let response = match fault {
        Some(fault) => fault_injection::changed(response, fault).await,
        None => response,
    };
    let response = match response.extensions().get::<ApiError>().cloned() {
        Some(error) if shared.other_statuses => {
            error_response::in_googles_form(response, &error.with_other_status(), number)
        }
        Some(error) => error_response::in_googles_form(response, &error, number),
        None => response,
    };
    lock(&shared.requests).push(observed.answered(&response, fault));
    if let Some(InjectedFault::Delay(pause)) = fault {
        tokio::time::sleep(pause).await;
    }
    response
}

/// The response of the API without a fault.
async fn respond(shared: &Shared, request: Request, next: Next) -> Response {
    if let Some(refusal) = front_end::refuse(&request) {
        return refusal;
    }
    let expected = shared.token.as_ref().map(|token| format!("Bearer {token}"));
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if expected.is_some() && expected.as_deref() != given {
        return ApiError::unauthenticated().into_response();
    }
    if let Some(meter) = &shared.quota
        && !lock(meter).admits(shared.now())
    {
        return ApiError::over_quota().into_response();
    }
    next.run(request).await
}
