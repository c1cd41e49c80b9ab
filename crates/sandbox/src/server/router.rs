//! Serves methods of the API with axum. A request that a method does not accept never reaches its handler.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, on};

use super::contract;
use crate::method::{Method, Verb};

/// Methods with their handlers.
pub(crate) struct Routes<S> {
    router: Router<S>,
    methods: Vec<Method>,
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// Without any method.
    pub(crate) fn new() -> Self {
        Self { router: Router::new(), methods: Vec::new() }
    }

    /// Adds a method with its handler.
    #[must_use]
    pub(crate) fn add<H, T>(mut self, method: Method, handler: H) -> Self
    where
        H: Handler<T, S>,
        T: 'static,
    {
        let filter = match method.verb {
            Verb::Get => MethodFilter::GET,
            Verb::Post => MethodFilter::POST,
            Verb::Put => MethodFilter::PUT,
            Verb::Patch => MethodFilter::PATCH,
            Verb::Delete => MethodFilter::DELETE,
        };
        // In axum, a custom verb after a parameter is part of the parameter.
        let path = method.path.rsplit_once("}:").map_or_else(|| method.path.clone(), |(path, _)| format!("{path}}}"));
        let enforced = from_fn_with_state(Arc::new(method.clone()), contract::enforce);
        self.router = self.router.route(&path, on(filter, handler).layer(enforced));
        self.methods.push(method);
        self
    }

    /// Sets the state of all handlers.
    #[must_use]
    pub(crate) fn with_state(self, state: S) -> Routes<()> {
        Routes { router: self.router.with_state(state), methods: self.methods }
    }
}

impl Routes<()> {
    /// Adds the methods of another `Routes`.
    #[must_use]
    pub(crate) fn merge(mut self, other: Self) -> Self {
        self.methods.extend(other.methods);
        Self { router: self.router.merge(other.router), methods: self.methods }
    }

    /// The router.
    pub(super) fn into_router(self) -> Router {
        self.router
    }

    /// The definitions of the methods.
    #[cfg(test)]
    pub(super) fn methods(&self) -> &[Method] {
        &self.methods
    }
}
