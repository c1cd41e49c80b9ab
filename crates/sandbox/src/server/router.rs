//! Serves the table of methods with axum. A request that a method does not accept never reaches its handler.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State as StateOf};
use axum::http::Method as HttpMethod;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};

use super::guard::guard;
use super::shared::{Shared, lock};
use super::visitor::{self, Hosts};
use super::{MAX_BODY, accept, front_end, own, state_file};
use crate::api::{ApiError, METHODS, Method, NOT_IMPLEMENTED, Verb, custom_verb};

/// All paths that the sandbox answers.
pub(super) fn router(shared: &Arc<Shared>, hosts: Hosts) -> Router {
    let methods = METHODS.iter().flat_map(|methods| methods.iter());
    let router = methods.fold(Router::new(), |router, method| {
        let shared = Arc::clone(shared);
        router.route(&matched_path(method), on(filter(method.verb), |request| respond(shared, method, request)))
    });
    let router =
        NOT_IMPLEMENTED.iter().fold(router, |router, (verb, path)| router.route(path, on(filter(*verb), unknown)));
    router
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Arc::clone(shared), keep))
        .layer(from_fn_with_state(Arc::clone(shared), guard))
        .merge(own::routes(shared))
        .layer(from_fn_with_state(Arc::new(hosts), visitor::admit))
}

/// The path of a method as axum matches it, where a custom verb after a parameter is part of the parameter.
fn matched_path(method: &Method) -> String {
    let mut path = method.path();
    if let Some((_, verb)) = method.verb_after_parameter() {
        path.truncate(path.len() - verb.len() - 1);
    }
    path
}

const fn filter(verb: Verb) -> MethodFilter {
    match verb {
        Verb::Get => MethodFilter::GET,
        Verb::Post => MethodFilter::POST,
        Verb::Put => MethodFilter::PUT,
        Verb::Patch => MethodFilter::PATCH,
        Verb::Delete => MethodFilter::DELETE,
    }
}

/// The response of one method.
async fn respond(shared: Arc<Shared>, method: &'static Method, request: Request) -> Response {
    if custom_verb(request.uri().path()) != method.custom_verb() {
        return front_end::not_found(request.uri());
    }
    match accept::read(method, request).await {
        Ok(mut request) => {
            request.now = shared.now();
            lock(&shared.state).call(method, request).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Writes the state file before the response is sent. A refused request may have changed the state as well.
async fn keep(StateOf(shared): StateOf<Arc<Shared>>, request: Request, next: Next) -> Response {
    let may_write = request.method() != HttpMethod::GET;
    let response = next.run(request).await;
    // There is no await between the change and this point, so a client that disconnects cannot separate them.
    match &shared.state_file {
        Some(file) if may_write => match file.save(|| state_file::content(&lock(&shared.state))) {
            Ok(()) => response,
            Err(error) => ApiError::internal(error.to_string()).into_response(),
        },
        _ => response,
    }
}

/// A method that the sandbox does not implement, although Apigee may.
async fn unknown(request: Request) -> ApiError {
    ApiError::not_found(format!("the sandbox does not implement {} {}", request.method(), request.uri().path()))
}

async fn wrong_method(request: Request) -> Response {
    front_end::not_found(request.uri())
}
