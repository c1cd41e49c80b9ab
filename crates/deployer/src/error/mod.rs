//! The errors that stop a deployment, each with a fix, and the exit code that tells a Job whether to retry.

pub mod api_error;
pub mod blame;
pub mod foreign_response;
pub mod network_error;
pub mod precondition;
pub mod state_error;
pub mod unexpected_response;

use std::time::Duration;

use crate::error::api_error::ApiError;
use crate::error::blame::Blame;
use crate::error::foreign_response::ForeignResponse;
use crate::error::network_error::NetworkError;
use crate::error::state_error::StateError;
use crate::error::unexpected_response::UnexpectedResponse;
use apigee_flux_configuration::Id;
use apigee_flux_configuration::ownership::{Actor, Refusal};
use apigee_flux_model::bundle::{BundleKind, Files};
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::RevisionId;

/// Why the program stops. Each text is complete: what was found, where, what is allowed, how to fix it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line, the manifest or a name is invalid.
    #[error("{0}")]
    Usage(String),
    /// The bundle, or the change that it would cause, is not allowed.
    #[error("{0}")]
    Refused(String),
    /// Another owner has the resource.
    #[error("{0}")]
    OtherOwner(Box<Refusal>),
    /// Something that it needs is missing, because that failed for good in the same run.
    #[error("{lacks}, because {id} failed")]
    FailedPrerequisite {
        /// What is missing, for example ``the target server `x` does not exist``.
        lacks: String,
        /// What failed.
        id: Box<Id>,
        /// How that ended: another attempt does not help here either.
        exit: Exit,
    },
    /// The runtime reports an error for a deployed revision.
    #[error("revision {revision}: {error}")]
    State {
        /// The revision.
        revision: RevisionId,
        /// What the runtime reports.
        error: StateError,
    },
    /// A deployed revision did not become ready.
    #[error("{cause}; {result}")]
    NotReady {
        /// Why.
        cause: Box<Self>,
        /// What is deployed now: the result of the rollback.
        result: String,
        /// What was deployed before is deployed again.
        restored: bool,
    },
    /// An error about places in the bundle.
    #[error("{error} (at {})", places.iter().map(Blame::place).collect::<Vec<_>>().join(", "))]
    Located {
        /// The error.
        error: Box<Self>,
        /// The places.
        places: Vec<Blame>,
    },
    /// A file of the bundle is missing or too large.
    #[error("{0}")]
    NoInput(String),
    /// The bundle differs from the rendered one.
    #[error("{0}")]
    Altered(String),
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
    ConcurrentChange(String),
    /// The resource is left to its own Job, which may have another state of Git; nothing is wrong.
    #[error("{0}")]
    Left(String),
    /// All requests waited for the organization's quota after the state was checked, so the write that follows from the check was not
    /// sent: the check must be repeated.
    #[error(
        "the organization's quota of requests was used up between the last check and the change that follows from it, so nothing was \
         changed; the next run checks again"
    )]
    Paused,
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
    Unexpected(#[from] Box<UnexpectedResponse>),
    /// The response does not come from the API.
    #[error(transparent)]
    Foreign(#[from] Box<ForeignResponse>),
}

impl Error {
    /// The error for a resource on which a run has no claim.
    pub(crate) fn of_refusal(refusal: Refusal, actor: Actor) -> Self {
        match (&refusal, actor) {
            // The reconciler has an older state of Git than the Job that moved it.
            (Refusal::MovedAway(_), Actor::Reconciler) => Self::Left(refusal.to_string()),
            _ => Self::OtherOwner(Box::new(refusal)),
        }
    }

    /// How the program ends after this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Left(_) => Exit::Ok,
            Self::Usage(_) => Exit::Usage,
            Self::Refused(_) | Self::State { .. } => Exit::DataError,
            Self::NotReady { cause, .. } => match cause.exit() {
                exit @ (Exit::DataError | Exit::NoPermission) => exit,
                // The next attempt finds another state.
                _ => Exit::TemporaryFailure,
            },
            Self::Located { error, .. } => error.exit(),
            Self::FailedPrerequisite { exit, .. } => *exit,
            Self::OtherOwner(_) => Exit::OtherOwner,
            Self::NoInput(_) => Exit::NoInput,
            Self::Altered(_) => Exit::Altered,
            Self::Network(_) | Self::Unexpected(_) | Self::Foreign(_) => Exit::Unavailable,
            Self::Temporary(_) | Self::NoToken(_) | Self::ConcurrentChange(_) | Self::Paused => Exit::TemporaryFailure,
            Self::Credentials(_) => Exit::NoPermission,
            Self::Stopped(_) => Exit::Terminated,
            Self::Api(error) => error.exit(),
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
            Self::State { error, .. } => Blame::in_text(kind, files, &error.messages.join("; ")),
            Self::NotReady { cause, .. } => cause.places(kind, files),
            _ => Vec::new(),
        }
    }

    /// True if Apigee or its runtime has rejected the bundle, and nothing of the attempt is left to be finished: another
    /// attempt with the same bundle would import or deploy it once more for the same result.
    pub fn is_rejected_bundle(&self) -> bool {
        match self {
            Self::Located { error, .. } => error.is_rejected_bundle(),
            Self::NotReady { restored, .. } => *restored && self.exit() == Exit::DataError,
            Self::Api(_) => self.exit() == Exit::DataError && !self.is_precondition(),
            _ => false,
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
            other if places.is_empty() => other,
            other => Self::Located { error: Box::new(other), places },
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
        matches!(self, Self::Api(error) if matches!(error.http_status, 400 | 404 | 409) && !error.is_locked)
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

    /// True if the API says that the organization's quota of requests is used up.
    pub fn is_over_quota(&self) -> bool {
        matches!(self, Self::Api(error) if error.is_over_quota)
    }

    /// The same error when the client may not wait any longer for the quota; another run may succeed.
    #[must_use]
    pub(crate) fn out_of_quota(self, waited: Duration) -> Self {
        Self::Temporary(format!(
            "{self}; the organization's quota of requests is used up, and this run has waited {waited:.0?} for it, with the next pause \
             longer than --quota-wait allows: run fewer Jobs at once, increase --quota-wait, or ask Google for a higher quota"
        ))
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
        self.exit().is_temporary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::bundle::BundlePath;

    #[test]
    fn a_write_is_in_doubt_only_when_it_may_have_arrived() {
        let network = |sent| Error::from(NetworkError { call: "POST x".into(), what: "reset".into(), sent });
        let api = |status| Error::from(Box::new(ApiError::parse("POST x", status, b"", "")));
        assert!(network(true).is_ambiguous() && api(500).is_ambiguous() && api(504).is_ambiguous());
        assert!(!network(false).is_ambiguous() && !api(429).is_ambiguous() && !api(400).is_ambiguous());
    }

    #[test]
    fn a_revision_that_is_not_ready_names_what_the_runtime_names() {
        let files: Files = ["policies/EV-Age.xml", "policies/ready.xml"]
            .map(|path| (BundlePath::parse(path).unwrap(), b"<x/>".to_vec()))
            .into_iter()
            .collect();
        let error = StateError { messages: vec!["ExtractVariables EV-Age: no source".into()] };
        let cause = Error::State { revision: "2".parse().unwrap(), error };
        let result = "rolled back to revision 1, which is ready".to_owned();
        let error = Error::NotReady { cause: Box::new(cause), result, restored: true };
        let places = error.places(BundleKind::Proxy, &files);
        assert_eq!(places.iter().map(|place| place.path.as_str()).collect::<Vec<_>>(), ["policies/EV-Age.xml"]);
        assert_eq!(places[0].description, "ExtractVariables EV-Age: no source");
        let error = error.located(places);
        assert_eq!(error.exit(), Exit::DataError);
        assert_eq!(
            error.to_string(),
            "revision 2: its state is ERROR: ExtractVariables EV-Age: no source; rolled back to revision 1, which is \
             ready (at policies/EV-Age.xml)"
        );
    }

    #[test]
    fn after_a_rollback_another_attempt_may_succeed_unless_the_bundle_or_the_account_is_at_fault() {
        let after = |cause| Error::NotReady { cause: Box::new(cause), result: String::new(), restored: true }.exit();
        let network = NetworkError { call: String::new(), what: String::new(), sent: true };
        assert_eq!(after(network.into()), Exit::TemporaryFailure);
        assert_eq!(after(Error::Temporary(String::new())), Exit::TemporaryFailure);
        assert_eq!(after(Error::Refused(String::new())), Exit::DataError);
        assert_eq!(after(Error::Credentials(String::new())), Exit::NoPermission);
    }
}
