//! When a request is retried, and after how long. Pure except for the jitter.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, SystemTime};

use crate::error::Error;

/// The effect of a request, which decides when it may be retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Reads, validates or reports.
    Read,
    /// Changes something, and is idempotent.
    Write,
    /// Creates something new each time: an import.
    Create,
}

impl Effect {
    /// True when something changes.
    pub fn is_write(self) -> bool {
        self != Self::Read
    }

    /// True if the request may be retried after `error`: 408, 429, 500, 502, 503, 504, a lock, a failed connection, and
    /// a token that is not available yet (GKE's metadata server needs seconds after a pod's start). A request that
    /// creates something is retried only if it certainly did not arrive.
    pub fn may_retry(self, error: &Error) -> bool {
        let passing = match error {
            Error::Network(_) | Error::Temporary(_) | Error::Unexpected(_) => true,
            Error::Api(error) => error.is_locked || matches!(error.http_status, 408 | 429 | 500 | 502..=504),
            _ => false,
        };
        passing && !(self == Self::Create && error.is_ambiguous())
    }
}

/// The number of attempts and the pauses between them.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The maximum number of requests, including the first one.
    pub attempts: u32,
    /// The pause before the second request; it doubles from there.
    pub first: Duration,
    /// The longest pause, unless the server asks for a longer one.
    pub longest: Duration,
    /// The longest pause that a server's `Retry-After` may ask for.
    pub longest_asked: Duration,
    /// The window of the organization's quota. Google's 429 usually says nothing about its end.
    pub quota_window: Duration,
    /// How long a client waits for the quota, all pauses together. They do not count as attempts, and not towards a deadline.
    pub quota_wait: Duration,
}

impl Default for Backoff {
    /// About half a minute in total.
    fn default() -> Self {
        Self {
            attempts: 7,
            first: Duration::from_millis(500),
            longest: Duration::from_secs(10),
            longest_asked: Duration::from_mins(1),
            quota_window: Duration::from_mins(1),
            quota_wait: Duration::from_mins(10),
        }
    }
}

/// The pause that a server asks for (RFC 9110, section 10.2.3): seconds or a date. `date` is the response's own `Date`,
/// so that different clocks do not matter. A number of seconds that is too large counts as the largest one; a time in
/// the past or an invalid value asks for nothing.
pub(crate) fn asked_pause(text: &str, date: Option<&str>) -> Option<Duration> {
    let text = text.trim();
    let pause = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let now = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or_else(SystemTime::now);
        httpdate::parse_http_date(text).ok()?.duration_since(now).ok()?
    };
    Some(pause).filter(|pause| !pause.is_zero())
}

impl Backoff {
    /// The pause after the given attempt (from 1), or `None` after the last one. `asked` is the pause that the server
    /// asks for.
    pub fn pause(&self, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
        if attempt >= self.attempts {
            return None;
        }
        if let Some(asked) = asked {
            return Some(asked.min(self.longest_asked));
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(attempt.saturating_sub(1)));
        Some(jittered(doubled.min(self.longest)))
    }
}

/// A random duration between half of `pause` and `pause`, so that many Jobs that failed together do not retry together.
pub fn jittered(pause: Duration) -> Duration {
    // Two new `RandomState`s never hash alike; this is random enough here, and needs no crate.
    let random = RandomState::new().build_hasher().finish();
    let permille = u32::try_from(500 + random % 501).unwrap_or(1000);
    pause.saturating_mul(permille) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::api_error::ApiError;
    use crate::error::network_error::NetworkError;

    fn api(status: u16) -> Error {
        Error::from(Box::new(ApiError::parse("POST x", status, b"{}", "")))
    }

    #[test]
    fn the_table() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(Effect::Read.may_retry(&api(status)) && Effect::Write.may_retry(&api(status)), "{status}");
        }
        for status in [400, 401, 403, 404, 409, 413, 501] {
            assert!(!Effect::Read.may_retry(&api(status)), "{status}");
        }
    }

    #[test]
    fn an_import_is_never_repeated_blindly() {
        let network = |sent| Error::from(NetworkError { call: String::new(), what: String::new(), sent });
        assert!(Effect::Create.may_retry(&api(429)), "refused before it was read");
        assert!(Effect::Create.may_retry(&network(false)), "never connected");
        for error in [api(408), api(500), api(502), api(503), api(504), network(true)] {
            assert!(!Effect::Create.may_retry(&error), "{error}");
        }
        assert!(Effect::Create.may_retry(&Error::Temporary("no token yet".into())), "nothing was sent");
        assert!(!Effect::Read.may_retry(&Error::Credentials("no token".into())));
    }

    #[test]
    fn a_server_asks_in_seconds_or_by_a_date() {
        let date = "Mon, 30 Nov 2026 12:00:00 GMT";
        let asked = |text| asked_pause(text, Some(date));
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("Mon, 30 Nov 2026 12:00:09 GMT"), Some(Duration::from_secs(9)));
        assert_eq!(asked("Monday, 30-Nov-26 12:00:09 GMT"), Some(Duration::from_secs(9)), "the form of RFC 850");
        for nothing in ["0", "", "soon", "-1", "Mon, 30 Nov 2026 11:00:00 GMT"] {
            assert_eq!(asked(nothing), None, "{nothing}");
        }
        for many in ["99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            let pause = Backoff::default().pause(1, asked(many));
            assert_eq!(pause, Some(Duration::from_mins(1)), "{many}");
        }
        let soon = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(30));
        let pause = asked_pause(&soon, None).unwrap();
        assert!(pause > Duration::from_secs(20) && pause <= Duration::from_secs(30), "{pause:?}");
    }

    #[test]
    fn pauses_double_to_a_bound_and_end() {
        let backoff = Backoff::default();
        for (attempt, longest) in [(1, 500), (2, 1000), (3, 2000), (6, 10_000)] {
            let pause = backoff.pause(attempt, None).unwrap();
            let longest = Duration::from_millis(longest);
            assert!(pause >= longest / 2 && pause <= longest, "{attempt}: {pause:?}");
        }
        assert_eq!(backoff.pause(7, None), None);
        assert_eq!(backoff.pause(1, Some(Duration::from_secs(7))), Some(Duration::from_secs(7)));
        assert_eq!(backoff.pause(1, Some(Duration::from_secs(700))), Some(Duration::from_mins(1)));
    }
}
