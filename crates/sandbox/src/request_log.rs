//! The log of requests and their responses. It contains no secrets.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;

use crate::injected_fault::InjectedFault;

/// A received request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedRequest {
    /// The number of the request, from 1: the `requestId` in its error.
    pub number: u64,
    /// When it was received, in milliseconds since 1970.
    pub time: u64,
    /// For example `POST`.
    pub method: String,
    /// The path with the query, in which secrets are hidden.
    pub path: String,
    /// The `Content-Type` of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The HTTP status of the response, even if the client did not get it; 0 if the connection was closed before there was a response.
    pub status: u16,
    /// The time from the head of the request to the head of the response, in microseconds.
    pub micros: u64,
    /// The length of the response body, in bytes; `None` if it is unknown before the body is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_bytes: Option<u64>,
    /// Whether it is a write request; validations and reports are not.
    pub is_write: bool,
    /// The body, if it is JSON of at most 64 KiB, with its secrets hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The injected fault, in the form of a rule.
    #[serde(rename = "trouble", skip_serializing_if = "Option::is_none")]
    pub fault: Option<InjectedFault>,
}

/// The requests so far, the newest last.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    entries: VecDeque<LoggedRequest>,
    /// How many requests are kept; `None`: all.
    keep: Option<usize>,
}

impl RequestLog {
    /// An empty log that keeps this many requests; `None`: all.
    pub(crate) fn new(keep: Option<usize>) -> Self {
        Self { entries: VecDeque::new(), keep }
    }

    /// Adds a request.
    pub(crate) fn push(&mut self, entry: LoggedRequest) {
        self.entries.push_back(entry);
        while self.keep.is_some_and(|keep| self.entries.len() > keep) {
            self.entries.pop_front();
        }
    }

    /// The requests with a higher number, in the order of their responses.
    pub(crate) fn since(&self, number: u64) -> Vec<LoggedRequest> {
        self.entries.iter().filter(|entry| entry.number > number).cloned().collect()
    }
}
