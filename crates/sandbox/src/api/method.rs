//! What a method of the API accepts: its verb, its path, its parameters and its body. The server refuses everything else before the
//! method runs, and a test compares all methods with the discovery document.

use super::message::Message;
use super::parameter::Parameters;

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
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
pub(super) enum Payload {
    /// No body.
    #[default]
    Nothing,
    /// A JSON message. An empty body is a message without fields.
    Json(&'static Message),
    /// A file, alone or in a form (`google.api.HttpBody`).
    File,
}

/// A method of the API.
#[derive(Clone)]
pub(super) struct Method {
    /// The verb.
    pub(super) verb: Verb,
    /// The path with its parameters in braces, from `/v1` on. A custom verb follows a colon.
    pub(super) path: String,
    /// The query parameters, without those that every method has.
    pub(super) query: Parameters,
    /// The body.
    pub(super) payload: Payload,
}

impl Method {
    /// A method without parameters and body.
    pub(super) fn new(verb: Verb, path: impl Into<String>) -> Self {
        Self { verb, path: path.into(), query: &[], payload: Payload::Nothing }
    }

    /// Adds query parameters.
    #[must_use]
    pub(super) fn query(self, query: Parameters) -> Self {
        Self { query, ..self }
    }

    /// Sets a message as the body.
    #[must_use]
    pub(super) fn json(self, message: &'static Message) -> Self {
        Self { payload: Payload::Json(message), ..self }
    }

    /// Sets a file as the body.
    #[must_use]
    pub(super) fn file(self) -> Self {
        Self { payload: Payload::File, ..self }
    }
}
