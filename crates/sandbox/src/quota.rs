//! The quota of management calls: a number of requests in each window, as Google's per-minute quotas have it.
//!
//! Apigee grants an organization 6,000 calls a minute (<https://cloud.google.com/apigee/docs/api-platform/reference/limits>). A window begins
//! and ends at a fixed time, whoever sends requests, and a refused request is not counted. The response is that of Google's Service
//! Infrastructure: 429 without `Retry-After`.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

/// How many requests are answered in each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The requests of one window.
    pub requests: u32,
    /// The length of a window in milliseconds.
    pub window: u64,
}

/// `6000/min` or `100/s`.
impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is not a quota; write a number of requests and `/min` or `/s`, for example `6000/min`")
        };
        let (requests, unit) = text.split_once('/').ok_or_else(wrong)?;
        let requests = requests.parse().ok().filter(|requests| *requests > 0).ok_or_else(wrong)?;
        let window = match unit {
            "min" => 60_000,
            "s" => 1_000,
            _ => return Err(wrong()),
        };
        Ok(Self { requests, window })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.window {
            60_000 => write!(f, "{}/min", self.requests),
            1_000 => write!(f, "{}/s", self.requests),
            window => write!(f, "{} in {window} ms", self.requests),
        }
    }
}

/// The requests of the current window.
#[derive(Debug)]
pub(crate) struct QuotaMeter {
    quota: Quota,
    /// The number of the current window since 1970.
    window: u64,
    used: u32,
    /// The answered and the refused requests of all windows.
    answered: u64,
    refused: u64,
}

impl QuotaMeter {
    pub(crate) fn new(quota: Quota) -> Self {
        Self { quota, window: 0, used: 0, answered: 0, refused: 0 }
    }

    /// Counts a request at a time in milliseconds since 1970; false if the window has no request left.
    pub(crate) fn admits(&mut self, now: u64) -> bool {
        self.turn_to(now);
        if self.used >= self.quota.requests {
            self.refused += 1;
            return false;
        }
        self.used += 1;
        self.answered += 1;
        true
    }

    /// What the page shows.
    pub(crate) fn summary(&mut self, now: u64) -> Value {
        self.turn_to(now);
        json!({"limit": self.quota.to_string(), "usedInWindow": self.used, "answered": self.answered, "refused": self.refused})
    }

    fn turn_to(&mut self, now: u64) {
        let window = now / self.quota.window.max(1);
        if window != self.window {
            (self.window, self.used) = (window, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_read_as_it_is_written() {
        for text in ["6000/min", "100/s", "1/min"] {
            assert_eq!(text.parse::<Quota>().unwrap().to_string(), text);
        }
        for wrong in ["", "6000", "0/min", "-1/s", "6000/h", "6000/", "/min", "6,000/min", "99999999999/min"] {
            assert!(wrong.parse::<Quota>().unwrap_err().contains("for example `6000/min`"), "{wrong}");
        }
    }

    #[test]
    fn each_window_has_its_own_requests() {
        let mut meter = QuotaMeter::new("2/s".parse().unwrap());
        let answers: Vec<bool> = [1000, 1500, 1999, 1999, 2000, 2001, 2002, 9000].map(|now| meter.admits(now)).into();
        assert_eq!(answers, [true, true, false, false, true, true, false, true]);
        assert_eq!(
            meter.summary(9000),
            json!({"limit": "2/s", "usedInWindow": 1, "answered": 5, "refused": 3}),
            "a refused request is not counted"
        );
        assert_eq!(meter.summary(10_000)["usedInWindow"], 0);
    }
}
