//! The errors that stop a deployment, each with a fix, and the exit code that tells a Job whether to retry.

pub mod blame;

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::api::deployment::{PreconditionFailure, PreconditionViolation};
use crate::api::reply::Oddity;
use crate::error::blame::Blame;
use crate::rollout::wait::STATE_ERROR;
use apigee_flux_model::bundle::{BundleKind, Files};

/// Why the program stops. Each text is complete: what was found, where, what is allowed, how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line, the manifest or a name is invalid.
    #[error("{0}")]
    Usage(String),
    /// The bundle, or the change that it would cause, is not allowed.
    #[error("{0}")]
    Refused(String),
    /// A file of the bundle is missing or too large.
    #[error("{0}")]
    Missing(String),
    /// The bundle differs from the rendered one.
    #[error("{0}")]
    Mangled(String),
    /// There is no token, or the credentials are not allowed.
    #[error("{0}")]
    Credentials(String),
    /// A failure that another attempt may not have.
    #[error("{0}")]
    Temporary(String),
    /// There was no token for so long that this run stops waiting; another run may get one.
    #[error("{0}")]
    NoToken(String),
    /// Another client changed the environment in the meantime; its deployment is not changed.
    #[error("{0}")]
    Overtaken(String),
    /// The run was stopped. The text describes the state that it leaves.
    #[error("{0}")]
    Stopped(String),
    /// The API could not be reached, the connection was interrupted, or the timeout passed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The API responded with an error.
    #[error(transparent)]
    Api(#[from] Box<ApiError>),
    /// The API responded with success, but not with the documented message.
    #[error(transparent)]
    Unexpected(#[from] Box<UnexpectedAnswer>),
    /// The response does not come from the API.
    #[error(transparent)]
    Foreign(#[from] Box<ForeignAnswer>),
}

/// 128 and the number of SIGTERM, as shells report it.
pub const TERMINATED: u8 = 143;

impl Error {
    /// The exit code, after `sysexits.h`: a Job's `podFailurePolicy` fails immediately on 64 to 67 and 77 and retries
    /// on others.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Refused(_) => 65,
            Self::Missing(_) => 66,
            Self::Mangled(_) => 67,
            Self::Network(_) | Self::Unexpected(_) | Self::Foreign(_) => 69,
            Self::Temporary(_) | Self::NoToken(_) | Self::Overtaken(_) => 75,
            Self::Credentials(_) => 77,
            Self::Stopped(_) => TERMINATED,
            Self::Api(error) => error.exit_code(),
        }
    }

    /// True if it is unknown whether a write happened, so that it must not be repeated before the state is read again.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Network(error) => error.sent,
            Self::Unexpected(_) | Self::Foreign(_) => true,
            Self::Api(error) => matches!(error.http_status, 408 | 500 | 502..=504),
            _ => false,
        }
    }

    /// The places in the bundle that the error is about.
    pub fn places(&self, kind: BundleKind, files: &Files) -> Vec<Blame> {
        match self {
            Self::Api(error) => {
                let places = error.bad_files.iter();
                places.map(|bad| Blame::new(kind, files, &bad.filename, &bad.description)).collect()
            }
            Self::Refused(text) => {
                let places = text.split_once(STATE_ERROR).map(|(_, errors)| Blame::in_text(kind, files, errors));
                places.unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }

    /// The same error with its [`Self::places`].
    #[must_use]
    pub fn located(self, places: Vec<Blame>) -> Self {
        match self {
            Self::Api(mut error) => {
                error.blamed = places;
                Self::Api(error)
            }
            Self::Refused(text) => {
                let found: Vec<String> = places.iter().map(Blame::place).collect();
                Self::Refused(if found.is_empty() { text } else { format!("{text} (at {})", found.join(", ")) })
            }
            other => other,
        }
    }

    /// For a stopped run: the same error, preceded by the state that the run leaves.
    #[must_use]
    pub fn leaving(self, what: &str) -> Self {
        match self {
            Self::Stopped(text) => Self::Stopped(format!("{what}; {text}")),
            other => other,
        }
    }

    /// True for a rejection because of the state or of the request; its status may not distinguish the two: it is
    /// undocumented whether Apigee responds with 400, 404 or 409 to a request that refers to something missing or in
    /// use.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Api(error) if matches!(error.http_status, 400 | 404 | 409) && !error.is_locked())
    }

    /// True if the API says that the object does not exist. A 404 that is not in Google's format says nothing about the
    /// object.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Api(error) if error.http_status == 404 && error.is_in_form)
    }

    /// True if the API says that the object already exists.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Api(error) if error.http_status == 409)
    }

    /// True if the API says that a precondition is not met: something must be created or deleted first.
    pub fn is_precondition(&self) -> bool {
        matches!(self, Self::Api(error) if error.http_status == 400 && error.status == "FAILED_PRECONDITION")
    }

    /// True if the API says that the caller lacks a permission.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Api(error) if error.http_status == 403)
    }

    /// True if the API says that there were too many requests.
    pub fn is_over_quota(&self) -> bool {
        matches!(self, Self::Api(error) if error.http_status == 429)
    }

    /// The same error when no time is left for a retry; another run may succeed. `asked` is the pause that the server
    /// asks for.
    #[must_use]
    pub(crate) fn out_of_time(self, asked: Option<Duration>, left: Duration) -> Self {
        let asked = asked
            .map(|asked| format!("the server asks for a pause of {asked:.0?} (Retry-After); "))
            .unwrap_or_default();
        Self::Temporary(format!("{self}; {asked}{left:.1?} remain (--timeout): the request was not retried"))
    }

    /// True if another attempt may succeed.
    pub fn is_temporary(&self) -> bool {
        matches!(self.exit_code(), 69 | 75)
    }
}

/// The API could not be reached, the connection was interrupted, or the timeout passed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {what}")]
pub struct NetworkError {
    /// Method and path.
    pub call: String,
    /// The cause.
    pub what: String,
    /// The request may have reached the server.
    pub sent: bool,
}

/// A response of the API with a success status that is not the documented one. It is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{call}: the response is not what the management API documents: {oddity}; the response is not used; try again, and \
     check --endpoint if the error persists"
)]
pub struct UnexpectedAnswer {
    /// Method and path.
    pub call: String,
    /// What is wrong with the response.
    pub oddity: Oddity,
}

/// A response that the management API never sends: a redirect, or a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignAnswer {
    /// Method and path.
    pub call: String,
    /// The HTTP status.
    pub http_status: u16,
    /// The host of a redirect.
    pub location_host: Option<String>,
    /// The media type; empty if the response has none.
    pub content_type: String,
}

impl fmt::Display for ForeignAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, http_status, location_host, content_type } = self;
        write!(
            f,
            "{call}: the response comes from an intermediary, not from the management API: status {http_status}"
        )?;
        if let Some(host) = location_host {
            write!(f, ", redirect to the host `{host}`")?;
        }
        match content_type.as_str() {
            "" => f.write_str(", no content type")?,
            content_type => write!(f, ", content type `{content_type}`")?,
        }
        f.write_str(
            "; a proxy, a firewall or a captive portal intercepts the request: allow HTTPS to the host of --endpoint, \
             or correct HTTPS_PROXY, NO_PROXY or --endpoint",
        )
    }
}

impl std::error::Error for ForeignAnswer {}

/// An error response of the API (`google.rpc.Status` in Google's JSON format).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiError {
    /// Method and path.
    pub call: String,
    /// The HTTP status.
    pub http_status: u16,
    /// The name of the canonical code, for example `FAILED_PRECONDITION`.
    pub status: String,
    /// Apigee's message.
    pub message: String,
    /// `google.rpc.PreconditionFailure`.
    pub preconditions: Vec<PreconditionViolation>,
    /// `edge.configstore.bundle.BadBundle`.
    pub bad_files: Vec<BadFile>,
    /// Their places in the bundle, in the same order, set by [`Error::located`].
    pub blamed: Vec<Blame>,
    /// The missing permission of a 403.
    pub permission: Option<String>,
    /// The id of `google.rpc.RequestInfo`, for Google's support.
    pub request_id: Option<String>,
    /// The body is in Google's format, so the response comes from the API.
    pub is_in_form: bool,
}

/// One finding about an imported bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct BadFile {
    /// The file, relative to the root of the zip.
    pub filename: String,
    /// What is wrong with it.
    pub description: String,
}

/// The longest part of a body in another format that an error repeats, in characters.
const MAX_FOREIGN_TEXT: usize = 200;

impl ApiError {
    /// Parses an error's body. A body that is not in Google's format, for example a proxy's page, becomes the message,
    /// truncated.
    ///
    /// `needs` are the permissions of the call, for a 403 that names none.
    pub fn parse(call: &str, http_status: u16, body: &[u8], needs: &str) -> Self {
        let mut error = Self { call: call.to_owned(), http_status, ..Self::default() };
        match serde_json::from_slice::<ErrorBody>(body) {
            Ok(ErrorBody::One(Envelope { error: status })) => error.fill(status),
            Ok(ErrorBody::Many(list)) => {
                if let Some(first) = list.into_iter().next() {
                    error.fill(first.error);
                }
            }
            Err(_) => {
                let text = String::from_utf8_lossy(body);
                let words: Vec<&str> = text.split_whitespace().collect();
                error.message = words.join(" ").chars().take(MAX_FOREIGN_TEXT).collect();
            }
        }
        if http_status == 403 && error.permission.is_none() {
            error.permission = Some(permission_in(&error.message).unwrap_or_else(|| needs.to_owned()));
        }
        error
    }

    /// Hides a secret in Apigee's messages.
    pub fn hide(&mut self, secret: &str) {
        let violations = self.preconditions.iter_mut().flat_map(|found| [&mut found.subject, &mut found.description]);
        for text in violations.chain([&mut self.message]) {
            *text = text.replace(secret, "…");
        }
    }

    fn fill(&mut self, status: Status) {
        self.is_in_form = true;
        self.status = status.name;
        self.message = status.message;
        for detail in status.details {
            let kind = detail.get("@type").and_then(Value::as_str).unwrap_or_default().to_owned();
            match kind.rsplit('/').next().unwrap_or_default() {
                "google.rpc.PreconditionFailure" => {
                    self.preconditions.extend(read::<PreconditionFailure>(detail).violations);
                }
                "edge.configstore.bundle.BadBundle" => self.bad_files.extend(read::<BadBundle>(detail).violations),
                "google.rpc.RequestInfo" => self.request_id = read::<RequestInfo>(detail).request_id,
                "google.rpc.ErrorInfo" => {
                    self.permission = detail.pointer("/metadata/permission").and_then(Value::as_str).map(str::to_owned);
                }
                _ => {}
            }
        }
    }

    /// True if Apigee does not delete a shared flow because something calls it.
    fn is_still_used(&self) -> bool {
        self.preconditions.iter().any(|violation| violation.kind == "WOULD_BREAK_DEPENDENT")
    }

    /// True if Apigee rejects a second concurrent operation; this is temporary although its status is 400.
    pub fn is_locked(&self) -> bool {
        self.http_status == 400 && self.message.contains("locked by another operation")
    }

    fn exit_code(&self) -> u8 {
        match self.http_status {
            _ if self.is_locked() || self.is_still_used() => 75,
            401 | 403 => 77,
            // A missing object may be created by another run a minute later; the Job's retries are limited.
            404 => 69,
            413 => 66,
            408 | 409 | 429 | 500..=599 => 75,
            _ => 65,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, self.http_status)?;
        if !self.status.is_empty() {
            write!(f, " {}", self.status)?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        for (index, file) in self.bad_files.iter().enumerate() {
            write!(f, "; `{}`", file.filename)?;
            match self.blamed.get(index) {
                Some(blame) => f.write_str(&blame.finding())?,
                None => write!(f, ": {}", file.description)?,
            }
        }
        for violation in &self.preconditions {
            write!(f, "; {violation}")?;
        }
        match self.http_status {
            401 => f.write_str("; the access token is not accepted: check the identity that the deployer runs as")?,
            403 => {
                let needs = self.permission.as_deref().unwrap_or("of this call");
                write!(
                    f,
                    "; grant the deployer's identity a role with the permission {needs} in this organization or environment"
                )?;
            }
            404 => f.write_str("; check the names of the organization and the environment")?,
            _ => {}
        }
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ApiError {}

/// The permission that a message like ``Permission "apigee.deployments.create" denied`` names.
fn permission_in(message: &str) -> Option<String> {
    let start = message.find("apigee.")?;
    let name: String = message[start..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
    (name.matches('.').count() >= 2).then(|| name.trim_end_matches('.').to_owned())
}

/// A detail in its own format; a change of that format by Google must not hide the error itself.
fn read<T: Default + for<'de> Deserialize<'de>>(detail: Value) -> T {
    serde_json::from_value(detail).unwrap_or_default()
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorBody {
    /// Google's front ends respond with a list to some paths. It must be first: serde reads a struct from a list too.
    Many(Vec<Envelope>),
    One(Envelope),
}

#[derive(Deserialize)]
struct Envelope {
    error: Status,
}

#[derive(Deserialize)]
struct Status {
    /// The name of the canonical code.
    #[serde(default, rename = "status")]
    name: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    details: Vec<Value>,
}

#[derive(Default, Deserialize)]
struct BadBundle {
    #[serde(default)]
    violations: Vec<BadFile>,
}

#[derive(Default, Deserialize)]
struct RequestInfo {
    #[serde(rename = "requestId")]
    request_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(http_status: u16, body: &str, exit_code: u8, shown: &[&str]) {
        let error = Error::from(Box::new(ApiError::parse("POST x", http_status, body.as_bytes(), "`apigee.a.b`")));
        assert_eq!(error.exit_code(), exit_code, "{error}");
        for part in shown {
            assert!(error.to_string().contains(part), "{error} lacks {part}");
        }
    }

    #[test]
    fn a_bad_bundle_names_its_files() {
        // The body of https://github.com/apigee/apigeecli/issues/534
        check(
            400,
            r#"{"error": {"code": 400, "message": "bundle contains errors", "status": "INVALID_ARGUMENT", "details": [
                {"@type": "type.googleapis.com/edge.configstore.bundle.BadBundle", "violations": [
                  {"filename": "apiproxy/policies/AM-debug.xml", "description": "The AssignTo transport attribute must be \"http\"."}]},
                {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "17815225450811079750"}]}}"#,
            65,
            &[
                "bundle contains errors",
                "`apiproxy/policies/AM-debug.xml`: The AssignTo",
                "request 17815225450811079750",
            ],
        );
    }

    #[test]
    fn a_conflict_names_the_other_deployment() {
        // The body of https://github.com/apigee/apigee-deploy-maven-plugin/issues/153
        check(
            400,
            r#"{"error": {"code": 400, "message": "deployment validations failed", "status": "FAILED_PRECONDITION", "details": [
                {"@type": "type.googleapis.com/google.rpc.PreconditionFailure", "violations": [
                  {"type": "CONFLICTING_DEPLOYMENT", "subject": "organizations/o/apis/a/revisions/1", "description": "taken"}]}]}}"#,
            65,
            &["CONFLICTING_DEPLOYMENT: organizations/o/apis/a/revisions/1: taken"],
        );
    }

    #[test]
    fn a_403_names_the_permission() {
        let error = r#"{"error": {"code": 403, "message": "Permission \"apigee.deployments.create\" denied", "status": "PERMISSION_DENIED"}}"#;
        check(403, error, 77, &["permission apigee.deployments.create"]);
        let info = r#"{"error": {"message": "no", "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "metadata": {"permission": "apigee.proxies.create"}}]}}"#;
        check(403, info, 77, &["permission apigee.proxies.create"]);
        check(403, "{}", 77, &["permission `apigee.a.b`"]);
    }

    #[test]
    fn every_status_has_its_exit_code() {
        for (status, code) in
            [(401, 77), (404, 69), (408, 75), (409, 75), (413, 66), (429, 75), (500, 75), (503, 75), (400, 65)]
        {
            check(status, "{}", code, &[]);
        }
        check(400, r#"{"error": {"message": "the resource is locked by another operation"}}"#, 75, &[]);
        let used = r#"[{"error": {"message": "x", "details": [{"@type": "type.googleapis.com/google.rpc.PreconditionFailure",
            "violations": [{"type": "WOULD_BREAK_DEPENDENT"}]}]}}]"#;
        check(400, used, 75, &["WOULD_BREAK_DEPENDENT"]);
    }

    #[test]
    fn a_page_of_something_between_becomes_a_short_message() {
        let page = format!("<html>\n<body>Bad   Gateway {}</body>", "x".repeat(5000));
        check(502, &page, 75, &["<html> <body>Bad Gateway xxx"]);
        assert!(ApiError::parse("GET x", 502, page.as_bytes(), "").message.len() <= MAX_FOREIGN_TEXT);
    }

    #[test]
    fn a_write_is_in_doubt_only_when_it_may_have_arrived() {
        let network = |sent| Error::from(NetworkError { call: "POST x".into(), what: "reset".into(), sent });
        let api = |status| Error::from(Box::new(ApiError::parse("POST x", status, b"", "")));
        assert!(network(true).is_ambiguous() && api(500).is_ambiguous() && api(504).is_ambiguous());
        assert!(!network(false).is_ambiguous() && !api(429).is_ambiguous() && !api(400).is_ambiguous());
    }
}
