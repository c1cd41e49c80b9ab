//! Errors in Google's format (`google.rpc.Status` under `error`), with Apigee's messages where they are known.

use serde_json::{Value, json};

/// An error response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    /// The HTTP status.
    pub(crate) code: u16,
    status: &'static str,
    message: String,
    details: Vec<Value>,
    /// An alternative status that Apigee may return.
    other: Option<(u16, &'static str)>,
}

/// One error in an imported bundle: the file, relative to the zip's root, and a description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadFile {
    /// The path of the file.
    pub(crate) filename: String,
    /// What is wrong.
    pub(crate) description: String,
}

/// One violated precondition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Violation {
    /// For example `CONFLICTING_DEPLOYMENT`.
    pub(crate) kind: &'static str,
    /// The resource that causes the violation.
    pub(crate) subject: String,
    /// The description for users.
    pub(crate) description: String,
}

impl Violation {
    /// As `google.rpc.PreconditionFailure.Violation`.
    pub(crate) fn to_json(&self) -> Value {
        json!({"type": self.kind, "subject": self.subject, "description": self.description})
    }
}

impl ApiError {
    fn new(code: u16, status: &'static str, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), details: Vec::new(), other: None }
    }

    /// 404.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "NOT_FOUND", message)
    }

    /// 400: the request itself is invalid.
    pub(crate) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_ARGUMENT", message)
    }

    /// 400: fields of the body are invalid; each with its path and a description
    /// (<https://github.com/scastria/terraform-provider-apigee/issues/6> shows the body).
    pub(crate) fn bad_request(fields: &[(String, String)]) -> Self {
        let descriptions: Vec<&str> = fields.iter().map(|(_, description)| description.as_str()).collect();
        let violations: Vec<Value> =
            fields.iter().map(|(field, description)| json!({"field": field, "description": description})).collect();
        let mut error = Self::invalid_argument(descriptions.join("\n"));
        error
            .details
            .push(json!({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}));
        error
    }

    /// 409: the resource already exists.
    pub(crate) fn resource_exists(resource: &str) -> Self {
        Self::already_exists(format!("generic::already_exists: {resource} already exists"))
    }

    /// Adds an alternative status, for an error whose status is not documented: Apigee may return this one instead. The sandbox returns it if
    /// `SandboxOptions::other_statuses` is set; the deployer's behaviour must not depend on it.
    #[must_use]
    pub(crate) fn or_status(mut self, code: u16) -> Self {
        self.other = Some((code, Self::of_status(code).status));
        self
    }

    /// The same error with the alternative status, if it has one.
    #[must_use]
    pub(crate) fn with_other_status(mut self) -> Self {
        if let Some((code, status)) = self.other {
            (self.code, self.status) = (code, status);
        }
        self
    }

    /// The same error with another message.
    #[must_use]
    pub(crate) fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Adds the violation, which Apigee includes in 404 and 409 responses about entries of key value maps.
    #[must_use]
    pub(crate) fn because(mut self, violation: &Violation) -> Self {
        self.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.PreconditionFailure",
            "violations": [violation.to_json()],
        }));
        self
    }

    /// 401.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            401,
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid \
             authentication credential.",
        )
    }

    /// 409: a resource of that name already exists.
    pub(crate) fn already_exists(message: impl Into<String>) -> Self {
        Self::new(409, "ALREADY_EXISTS", message)
    }

    /// 500: an error of the sandbox itself, such as a state file that cannot be written.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "INTERNAL", message)
    }

    /// 400: another operation changes the same resource (<https://github.com/hashicorp/terraform-provider-google/issues/10979>).
    pub(crate) fn locked() -> Self {
        Self::new(400, "FAILED_PRECONDITION", "the resource is locked by another operation")
    }

    /// 503.
    pub(crate) fn unavailable() -> Self {
        Self::new(503, "UNAVAILABLE", "The service is currently unavailable.")
    }

    /// 429: the quota is used up. The text and the reason are those of Google's Service Infrastructure
    /// (`google/api/error_reason.proto`; <https://github.com/GoogleCloudPlatform/python-docs-samples/issues/3482> shows the message).
    pub(crate) fn over_quota() -> Self {
        let mut error = Self::new(
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for quota metric 'Management API requests' and limit 'Management API requests per minute' of \
             service 'apigee.googleapis.com' for consumer 'project_number:1'.",
        );
        error.details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "RATE_LIMIT_EXCEEDED",
            "domain": "googleapis.com",
            "metadata": {"consumer": "projects/1", "service": "apigee.googleapis.com"},
        }));
        error
    }

    /// Any status from 400 to 599, with the canonical code that Google maps to it (`google/rpc/code.proto`).
    pub(crate) fn of_status(code: u16) -> Self {
        let (status, message) = match code {
            401 => return Self::unauthenticated(),
            503 => return Self::unavailable(),
            403 => ("PERMISSION_DENIED", "The caller does not have permission"),
            404 => ("NOT_FOUND", "Requested entity was not found."),
            409 => ("ALREADY_EXISTS", "Requested entity already exists"),
            429 => ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
            499 => ("CANCELLED", "The operation was cancelled."),
            501 => ("UNIMPLEMENTED", "Operation is not implemented, or supported, or enabled."),
            504 => ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
            500..=599 => ("INTERNAL", "Internal error encountered."),
            _ => ("INVALID_ARGUMENT", "Request contains an invalid argument."),
        };
        Self::new(code, status, message)
    }

    /// 400: the current state does not allow the request (<https://github.com/apigee/apigee-deploy-maven-plugin/issues/153> shows the body).
    pub(crate) fn failed_precondition(message: impl Into<String>, violations: &[Violation]) -> Self {
        let mut error = Self::new(400, "FAILED_PRECONDITION", message);
        if !violations.is_empty() {
            let violations: Vec<Value> = violations.iter().map(Violation::to_json).collect();
            error
                .details
                .push(json!({"@type": "type.googleapis.com/google.rpc.PreconditionFailure", "violations": violations}));
        }
        error
    }

    /// 400: the bundle is refused (<https://github.com/apigee/apigeecli/issues/534> shows the body).
    pub(crate) fn bad_bundle(files: &[BadFile]) -> Self {
        let violations: Vec<Value> =
            files.iter().map(|file| json!({"filename": file.filename, "description": file.description})).collect();
        let mut error = Self::new(400, "INVALID_ARGUMENT", "bundle contains errors");
        error
            .details
            .push(json!({"@type": "type.googleapis.com/edge.configstore.bundle.BadBundle", "violations": violations}));
        error
    }

    /// The response body, with the number of the request.
    pub(crate) fn body(&self, request: u64) -> Value {
        let mut details = self.details.clone();
        details.push(json!({"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": request.to_string()}));
        json!({"error": {"code": self.code, "message": self.message, "status": self.status, "details": details}})
    }
}
