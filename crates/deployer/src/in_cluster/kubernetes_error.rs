//! A failed request to the Kubernetes API.

use std::error::Error as _;
use std::fmt;

use crate::error::Error;

/// The longest part of a response that an error repeats, in characters.
const MAX_MESSAGE: usize = 200;

/// What a request does, in the words of a Role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The verb, for example `list`.
    pub verb: &'static str,
    /// The resource, for example `configmaps`.
    pub resource: &'static str,
}

/// A request without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesError {
    /// What the request does.
    pub call: Call,
    /// The namespace.
    pub namespace: String,
    /// The HTTP status; `None` if there was no response.
    pub status: Option<u16>,
    /// The message of the API server, or why there is no response.
    pub why: String,
}

impl KubernetesError {
    pub(super) fn new(call: Call, namespace: &str, error: &kube::Error) -> Self {
        let (status, why) = match error {
            kube::Error::Api(status) => (Some(status.code), status.message.clone()),
            // The body repeats the object, which may be large, and is not needed to find the cause.
            kube::Error::SerdeError(_) => (None, "the response is not the expected JSON".to_owned()),
            other => (None, causes(other)),
        };
        let words: Vec<&str> = why.split_whitespace().collect();
        let why = words.join(" ").chars().take(MAX_MESSAGE).collect();
        Self { call, namespace: namespace.to_owned(), status, why }
    }
}

/// The error with its causes.
fn causes(error: &kube::Error) -> String {
    let mut text = "no response".to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl fmt::Display for KubernetesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Call { verb, resource } = self.call;
        write!(f, "{verb} {resource} in namespace `{}`: ", self.namespace)?;
        if let Some(status) = self.status {
            write!(f, "{status}: ")?;
        }
        f.write_str(&self.why)
    }
}

impl std::error::Error for KubernetesError {}

impl From<KubernetesError> for Error {
    fn from(error: KubernetesError) -> Self {
        let Call { verb, resource } = error.call;
        match error.status {
            Some(401) => Self::Credentials(format!(
                "{error}; the token of the pod's ServiceAccount is not accepted by its cluster"
            )),
            Some(403) => Self::Credentials(format!(
                "{error}; grant the ServiceAccount of the pod the verb `{verb}` for the resource `{resource}` in this namespace: apply the \
                 rendered Role and RoleBinding"
            )),
            _ => Self::Temporary(format!("the Kubernetes API: {error}; the next run tries again")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_permission_is_named_and_everything_else_is_temporary() {
        let call = Call { verb: "list", resource: "jobs" };
        let of =
            |status, why: &str| KubernetesError { call, namespace: "team".to_owned(), status, why: why.to_owned() };
        let error = Error::from(of(Some(403), "no"));
        assert_eq!(error.exit().code(), 77);
        assert!(error.to_string().contains("the verb `list` for the resource `jobs`"), "{error}");
        assert_eq!(Error::from(of(Some(401), "no")).exit().code(), 77);
        for status in [Some(404), Some(409), Some(410), Some(429), Some(500), Some(503), None] {
            assert_eq!(Error::from(of(status, "x")).exit().code(), 75, "{status:?}");
        }
    }
}
