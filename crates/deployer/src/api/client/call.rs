//! One call of the management API: its request, and the errors that name it.

use bytes::Bytes;
use reqwest::header::CONTENT_LENGTH;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};

use crate::api::reply::{Reply, UnusableReply};
use crate::api::retry::Effect;
use crate::error::Error;
use crate::error::foreign_response::ForeignResponse;
use crate::error::network_error::{NetworkError, causes};
use crate::error::unexpected_response::UnexpectedResponse;
use apigee_flux_configuration::{Body, call};

/// One call: the request and its effect.
pub(super) struct Call<'a> {
    pub method: Method,
    pub parts: Vec<&'a str>,
    /// A custom method of the resource that the parts name.
    pub custom: Option<&'static str>,
    pub query: Vec<(&'static str, &'a str)>,
    pub body: Sent<'a>,
    pub effect: Effect,
    /// The required permissions, for a 403 that names none.
    pub needs: &'a str,
}

/// The body of a request.
pub(super) enum Sent<'a> {
    Nothing,
    /// The zip of a bundle.
    Zip(Bytes),
    /// The body of a call that changes configuration.
    Configuration(&'a Body),
}

impl<'a> Call<'a> {
    pub(super) fn read(parts: Vec<&'a str>, needs: &'a str) -> Self {
        Self {
            method: Method::GET,
            parts,
            custom: None,
            query: Vec::new(),
            body: Sent::Nothing,
            effect: Effect::Read,
            needs,
        }
    }

    /// A custom method that changes nothing.
    pub(super) fn custom(parts: Vec<&'a str>, custom: &'static str, needs: &'a str) -> Self {
        Self { method: Method::POST, custom: Some(custom), ..Self::read(parts, needs) }
    }

    /// The error for a response with a success status that cannot be used.
    pub(super) fn unusable(&self, reply: Reply, unusable: UnusableReply) -> Error {
        match unusable {
            UnusableReply::Foreign => self.foreign(reply),
            UnusableReply::Unexpected(problem) => {
                Error::from(Box::new(UnexpectedResponse { call: self.to_string(), problem }))
            }
        }
    }

    /// The error for a response that does not come from the management API.
    pub(super) fn foreign(&self, reply: Reply) -> Error {
        let Reply { status, content_type, location_host, .. } = reply;
        let call = self.to_string();
        Error::from(Box::new(ForeignResponse { call, http_status: status, location_host, content_type }))
    }

    /// The error for a request without a complete response.
    pub(super) fn broken(&self, error: &reqwest::Error) -> Error {
        Error::from(NetworkError {
            call: self.to_string(),
            what: causes(error),
            // Without a connection, nothing was sent.
            sent: !error.is_connect() && !error.is_builder(),
        })
    }
}

impl std::fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, call::shown_path(self.parts.iter().copied()))?;
        if let Some(custom) = self.custom {
            write!(f, ":{custom}")?;
        }
        match self.query.iter().find(|(name, _)| *name == "action") {
            Some((name, value)) => write!(f, "?{name}={value}"),
            None => Ok(()),
        }
    }
}

impl Sent<'_> {
    pub(super) fn put_on(&self, method: &Method, request: RequestBuilder) -> Result<RequestBuilder, reqwest::Error> {
        const FILE: &str = "application/octet-stream";
        Ok(match self {
            // Google's front end answers 411 to a POST, PUT or PATCH without a length, and neither reqwest nor hyper sends one for an
            // empty body (<https://github.com/googleapis/google-cloud-rust/issues/1936>; RFC 9110, section 8.6).
            Self::Nothing | Self::Configuration(Body::Empty)
                if matches!(*method, Method::POST | Method::PUT | Method::PATCH) =>
            {
                request.header(CONTENT_LENGTH, 0)
            }
            Self::Nothing | Self::Configuration(Body::Empty) => request,
            Self::Zip(zip) => {
                let part = Part::stream_with_length(zip.clone(), zip.len() as u64).file_name("bundle.zip");
                request.multipart(Form::new().part("file", part.mime_str(FILE)?))
            }
            Self::Configuration(Body::Json(value)) => request.json(value),
            Self::Configuration(Body::Bytes(bytes)) => {
                request.header(reqwest::header::CONTENT_TYPE, FILE).body(bytes.clone())
            }
            Self::Configuration(Body::Form(parts)) => {
                let mut form = Form::new();
                for (name, file, content) in parts {
                    let part = Part::bytes(content.clone());
                    // A part without a file name is a form field.
                    let part = if file.is_empty() { part } else { part.file_name(*file).mime_str(FILE)? };
                    form = form.part(*name, part);
                }
                request.multipart(form)
            }
        })
    }
}
