//! Lets a test follow and hold each request.

use std::pin::Pin;
use std::sync::Arc;

/// A point in the processing of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The request was received, and nothing was done.
    Arrived,
    /// The request was executed or refused, and no response was sent.
    Acted,
}

/// A request at one [`Moment`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestAt {
    /// The number of the request, from 1, in the order of arrival.
    pub number: u64,
    /// For example `POST`.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The current point.
    pub moment: Moment,
}

/// Called for each request at each [`Moment`]. The request continues when the future ends.
pub type Watcher = Arc<dyn Fn(RequestAt) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;
