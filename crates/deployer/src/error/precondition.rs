//! Preconditions that are not met, as Apigee reports them.

use std::fmt;

use serde::Deserialize;

/// `google.rpc.PreconditionFailure`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct PreconditionFailure {
    /// All preconditions that are not met.
    #[serde(default)]
    pub violations: Vec<PreconditionViolation>,
}

/// One precondition that is not met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct PreconditionViolation {
    /// For example `CONFLICTING_DEPLOYMENT`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The object that it is about.
    pub subject: String,
    /// Apigee's description.
    pub description: String,
}

/// The type of a violation about a base path that another deployment of the environment has; its subject is
/// `organizations/ORG/apis/NAME/revisions/ID`.
const CONFLICTING_DEPLOYMENT: &str = "CONFLICTING_DEPLOYMENT";

impl PreconditionViolation {
    /// The proxy of the same environment whose deployment has a base path of this one.
    pub(crate) fn conflicting_proxy(&self) -> Option<&str> {
        let subject = Some(self.subject.as_str()).filter(|_| self.kind == CONFLICTING_DEPLOYMENT)?;
        let mut parts = subject.split('/').skip_while(|part| *part != "apis");
        parts.nth(1).filter(|name| !name.is_empty())
    }
}

impl fmt::Display for PreconditionViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = [&self.kind, &self.subject, &self.description].into_iter().filter(|part| !part.is_empty());
        f.write_str(parts.next().map_or("unnamed precondition", String::as_str))?;
        parts.try_for_each(|part| write!(f, ": {part}"))
    }
}
