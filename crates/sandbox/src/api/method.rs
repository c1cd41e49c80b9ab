//! What a method of the API accepts, and what it does: its verb, its path, its parameters, its body and its handler. The server refuses
//! everything else before the handler runs, and a test compares all methods with the discovery document.

use super::error::ApiError;
use super::message::Message;
use super::parameter::Parameters;
use super::request::ApiRequest;
use super::response::ApiResponse;
use crate::state::{ConfigState, State};
use apigee_flux_model::bundle::BundleKind;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

/// The body of a request.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) enum BodyType {
    /// No body.
    #[default]
    Nothing,
    /// A JSON message. An empty body is a message without fields.
    Json(&'static Message),
    /// A file, alone or in the named parts of a form (`google.api.HttpBody`).
    File,
    /// A bundle, alone or as the first part of a form (`google.api.HttpBody`). Apigee's own tools use different names for the part: apigeecli
    /// `proxy`, the Maven plugin `content`, Google's documentation `file`.
    Bundle,
}

/// What a method does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Handler {
    /// It runs on the configuration of an organization.
    Configuration(fn(&mut ConfigState, &ApiRequest) -> Result<ApiResponse, ApiError>),
    /// It runs on the whole state.
    State(fn(&mut State, &ApiRequest) -> Result<ApiResponse, ApiError>),
    /// It runs on the whole state, for proxies or for shared flows.
    Bundle(BundleKind, fn(&mut State, BundleKind, &ApiRequest) -> Result<ApiResponse, ApiError>),
}

/// A method of the API.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method {
    /// The verb.
    pub(crate) verb: Verb,
    /// The path before [`Self::path`].
    parent: &'static str,
    /// The path with its parameters in braces. A custom verb follows a colon.
    path: &'static str,
    /// The query parameters, without those that every method has.
    pub(crate) query: Parameters,
    /// The body.
    pub(crate) body: BodyType,
    /// What it does.
    pub(crate) handler: Handler,
}

impl Method {
    /// A method below an organization, without parameters and body.
    const fn new(verb: Verb, path: &'static str, handler: Handler) -> Self {
        Self { verb, parent: "/v1/organizations/{org}/", path, query: &[], body: BodyType::Nothing, handler }
    }

    /// The same with GET.
    pub(crate) const fn get(path: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Get, path, handler)
    }

    /// The same with POST.
    pub(crate) const fn post(path: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Post, path, handler)
    }

    /// The same with PUT.
    pub(crate) const fn put(path: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Put, path, handler)
    }

    /// The same with PATCH.
    pub(crate) const fn patch(path: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Patch, path, handler)
    }

    /// The same with DELETE.
    pub(crate) const fn delete(path: &'static str, handler: Handler) -> Self {
        Self::new(Verb::Delete, path, handler)
    }

    /// Makes the path that of the whole method, from `/v1` on.
    pub(crate) const fn at_root(self) -> Self {
        Self { parent: "", ..self }
    }

    /// Adds query parameters.
    pub(crate) const fn query(self, query: Parameters) -> Self {
        Self { query, ..self }
    }

    /// Sets a message as the body.
    pub(crate) const fn json(self, message: &'static Message) -> Self {
        Self { body: BodyType::Json(message), ..self }
    }

    /// Sets a file as the body.
    pub(crate) const fn file(self) -> Self {
        Self { body: BodyType::File, ..self }
    }

    /// Sets a bundle as the body.
    pub(crate) const fn bundle(self) -> Self {
        Self { body: BodyType::Bundle, ..self }
    }

    /// The whole path with its parameters in braces, from `/v1` on.
    pub(crate) fn path(&self) -> String {
        format!("{}{}", self.parent, self.path)
    }

    /// The custom verb, for example `move` of `apis/{name}:move`.
    pub(crate) fn custom_verb(&self) -> Option<&'static str> {
        custom_verb(self.path)
    }

    /// The parameter that the custom verb follows, and the custom verb, if the path ends so.
    pub(crate) fn verb_after_parameter(&self) -> Option<(&'static str, &'static str)> {
        let (path, verb) = self.path.rsplit_once("}:")?;
        Some((path.rsplit_once('{')?.1, verb))
    }
}

/// The custom verb of a path, which follows a colon in the last segment. In a name, a colon is encoded.
pub(crate) fn custom_verb(path: &str) -> Option<&str> {
    path.rsplit('/').next()?.split_once(':').map(|(_, verb)| verb)
}
