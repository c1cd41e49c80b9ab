//! An error response of the management API.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::error::blame::Blame;
use crate::error::precondition::{PreconditionFailure, PreconditionViolation};
use apigee_flux_model::exit::Exit;

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
    /// Their places in the bundle, in the same order, set by [`Error::located`](crate::error::Error::located).
    pub blamed: Vec<Blame>,
    /// The reason of `google.rpc.ErrorInfo`, or that of the older form of Google's errors.
    pub reason: Option<String>,
    /// The missing permission of a 403.
    pub permission: Option<String>,
    /// The id of `google.rpc.RequestInfo`, for Google's support.
    pub request_id: Option<String>,
    /// The body is in Google's format, so the response comes from the API.
    pub is_in_form: bool,
    /// Apigee rejects a second concurrent operation; this is temporary although its status is 400. Only the message says
    /// so.
    pub is_locked: bool,
    /// The quota of requests is used up: a 429, or a 403 that names a limit of the rate. A 429 about another quota, such as a number of
    /// objects, is not one.
    pub is_over_quota: bool,
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
        // An intermediary gives no reason.
        error.is_over_quota = match http_status {
            429 => error.reason.is_none() || error.names_a_rate(),
            403 => error.names_a_rate(),
            _ => false,
        };
        error.is_locked = http_status == 400 && error.message.contains("locked by another operation");
        if http_status == 403 && error.permission.is_none() && !error.is_over_quota {
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
        self.reason = status.errors.into_iter().find_map(|error| error.reason);
        for detail in status.details {
            let kind = detail.get("@type").and_then(Value::as_str).unwrap_or_default().to_owned();
            match kind.rsplit('/').next().unwrap_or_default() {
                "google.rpc.PreconditionFailure" => {
                    self.preconditions.extend(read::<PreconditionFailure>(detail).violations);
                }
                "edge.configstore.bundle.BadBundle" => self.bad_files.extend(read::<BadBundle>(detail).violations),
                "google.rpc.RequestInfo" => self.request_id = read::<RequestInfo>(detail).request_id,
                "google.rpc.ErrorInfo" => {
                    let text = |at| detail.pointer(at).and_then(Value::as_str).map(str::to_owned);
                    self.permission = text("/metadata/permission");
                    self.reason = text("/reason").or(self.reason.take());
                }
                _ => {}
            }
        }
    }

    /// True if the reason is a limit of the rate (`google/api/error_reason.proto`; the others are those of Google's older APIs).
    fn names_a_rate(&self) -> bool {
        let reasons = ["RATE_LIMIT_EXCEEDED", "rateLimitExceeded", "userRateLimitExceeded"];
        self.reason.as_deref().is_some_and(|reason| reasons.contains(&reason))
    }

    /// True if Apigee does not delete a shared flow because something calls it.
    fn is_still_used(&self) -> bool {
        self.preconditions.iter().any(|violation| violation.kind == "WOULD_BREAK_DEPENDENT")
    }

    pub(crate) fn exit(&self) -> Exit {
        match self.http_status {
            _ if self.is_locked || self.is_over_quota || self.is_still_used() => Exit::TemporaryFailure,
            401 | 403 => Exit::NoPermission,
            // A missing object may be created by another run a minute later; the Job's retries are limited.
            404 => Exit::Unavailable,
            413 => Exit::NoInput,
            408 | 409 | 429 | 500..=599 => Exit::TemporaryFailure,
            _ => Exit::DataError,
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
            403 if !self.is_over_quota => {
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
    #[serde(default)]
    errors: Vec<OlderError>,
}

/// An entry of the list that Google's older APIs have in addition.
#[derive(Deserialize)]
struct OlderError {
    reason: Option<String>,
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
    use crate::error::Error;

    fn check(http_status: u16, body: &str, code: u8, shown: &[&str]) {
        let error = Error::from(Box::new(ApiError::parse("POST x", http_status, body.as_bytes(), "`apigee.a.b`")));
        assert_eq!(error.exit().code(), code, "{error}");
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
    fn only_a_limit_of_the_rate_makes_all_requests_wait() {
        let of = |status, body: &str| ApiError::parse("GET x", status, body.as_bytes(), "`apigee.a.b`");
        let info = |reason: &str| {
            format!(
                r#"{{"error": {{"message": "m", "status": "RESOURCE_EXHAUSTED", "details": [
                    {{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "{reason}", "domain": "googleapis.com"}}]}}}}"#
            )
        };
        let older = r#"{"error": {"code": 403, "message": "m", "errors": [{"domain": "usageLimits", "reason": "rateLimitExceeded"}]}}"#;
        for (status, body) in [(429, ""), (429, "{}"), (429, "slow down"), (403, older), (429, older)] {
            assert!(of(status, body).is_over_quota, "{status} {body}");
        }
        for status in [403, 429] {
            assert!(of(status, &info("RATE_LIMIT_EXCEEDED")).is_over_quota);
            assert!(!of(status, &info("RESOURCE_QUOTA_EXCEEDED")).is_over_quota, "a number of objects, for example");
        }
        assert!(!of(403, "{}").is_over_quota && !of(503, older).is_over_quota);
        let error = of(403, older);
        assert_eq!(error.exit(), Exit::TemporaryFailure);
        assert!(!error.to_string().contains("permission"), "{error}");
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
}
