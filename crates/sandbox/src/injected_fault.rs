//! The faults that are injected on the way to the API and back. Pure; `server` produces them.
//!
//! A failure of an accepted deployment is a [`SimulatedFailure`](crate::SimulatedFailure).

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use apigee_flux_model::duration;

/// The kinds in the syntax of rules, for errors.
const KINDS: &str = "`status:CODE`, `not-found`, `delay:TIME`, `late:TIME`, `reset`, `lost`, `lost-503`, `truncate`, `trickle:TIME`, \
                     `state-error`, `empty`, `error-200`, `other-message`, `page`, `redirect`";

/// The fault of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedFault {
    /// It is not executed, and answered with this HTTP status.
    Status {
        /// From 400 to 599.
        code: u16,
        /// The header `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// The same, with a date in the header `Retry-After`, this many seconds from now.
    StatusUntil {
        /// From 400 to 599.
        code: u16,
        /// The time until the date, in seconds.
        seconds: u32,
    },
    /// It is executed immediately, and answered after this time.
    Delay(Duration),
    /// It is executed and answered after this time, even if the client has disconnected meanwhile.
    Late(Duration),
    /// It is not executed, and the connection is closed without a response.
    Reset,
    /// It is executed, and the connection is closed without a response.
    Lost,
    /// It is executed, and answered with 503.
    Lost503,
    /// It is executed; the connection is closed in the middle of the response body.
    Truncate,
    /// It is executed; the response body is sent byte by byte, with this pause before each byte.
    Trickle(Duration),
    /// The response does not belong to the request.
    Odd(OddResponse),
    /// It is executed; the deployment in the response has the state ERROR.
    StateError,
}

/// A response that does not belong to the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OddResponse {
    /// The request is executed, and the response is 200 with `{}`.
    Empty,
    /// The request is executed, and the response is 200 with an error.
    Error,
    /// The request is executed, and the response is 200 with a message that no request of the deployer has.
    OtherMessage,
    /// The request is not executed: an HTTP proxy answers 200 with a page.
    Page,
    /// The request is not executed: an HTTP proxy redirects it.
    Redirect,
}

impl OddResponse {
    /// All variants.
    pub const ALL: [Self; 5] = [Self::Empty, Self::Error, Self::OtherMessage, Self::Page, Self::Redirect];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Error => "error-200",
            Self::OtherMessage => "other-message",
            Self::Page => "page",
            Self::Redirect => "redirect",
        }
    }
}

impl InjectedFault {
    /// True if the request is executed despite the fault.
    pub fn is_done(self) -> bool {
        !matches!(
            self,
            Self::Status { .. }
                | Self::StatusUntil { .. }
                | Self::Reset
                | Self::Odd(OddResponse::Page | OddResponse::Redirect)
        )
    }
}

/// Reads the kind of a fault in the syntax of a rule.
pub(crate) fn parse_kind(word: &str) -> Result<InjectedFault, String> {
    let status = |code| InjectedFault::Status { code, retry_after: None };
    let time = |text| duration::parse(text).map_err(|why| format!("`{word}`: {why}"));
    match word.split_once(':') {
        Some(("status", code)) => match code.parse() {
            Ok(code @ 400..=599) => Ok(status(code)),
            _ => Err(format!("`{word}`: `{code}` is not the status of an error; write one from 400 to 599")),
        },
        Some(("delay", text)) => time(text).map(InjectedFault::Delay),
        Some(("late", text)) => time(text).map(InjectedFault::Late),
        Some(("trickle", text)) => time(text).map(InjectedFault::Trickle),
        _ => match word {
            "not-found" => Ok(status(404)),
            "reset" => Ok(InjectedFault::Reset),
            "lost" => Ok(InjectedFault::Lost),
            "lost-503" => Ok(InjectedFault::Lost503),
            "truncate" => Ok(InjectedFault::Truncate),
            "state-error" => Ok(InjectedFault::StateError),
            _ => match OddResponse::ALL.into_iter().find(|odd| odd.as_str() == word) {
                Some(odd) => Ok(InjectedFault::Odd(odd)),
                None => Err(format!("`{word}` is not a kind of fault; write one of {KINDS}")),
            },
        },
    }
}

impl fmt::Display for InjectedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status { code, retry_after } => {
                write!(f, "status:{code}")?;
                retry_after.map_or(Ok(()), |seconds| write!(f, " retry-after:{seconds}"))
            }
            Self::StatusUntil { code, seconds } => write!(f, "status:{code} retry-at:{seconds}"),
            Self::Delay(time) => write!(f, "delay:{}ms", time.as_millis()),
            Self::Late(time) => write!(f, "late:{}ms", time.as_millis()),
            Self::Reset => f.write_str("reset"),
            Self::Lost => f.write_str("lost"),
            Self::Lost503 => f.write_str("lost-503"),
            Self::Truncate => f.write_str("truncate"),
            Self::Trickle(time) => write!(f, "trickle:{}ms", time.as_millis()),
            Self::Odd(odd) => f.write_str(odd.as_str()),
            Self::StateError => f.write_str("state-error"),
        }
    }
}

impl Serialize for InjectedFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
