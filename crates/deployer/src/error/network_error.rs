//! The error of a request without a complete response.

/// The API could not be reached, the connection was interrupted, or the timeout passed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {what}")]
pub struct NetworkError {
    /// Method and path.
    pub call: String,
    /// The cause.
    pub what: String,
    /// The request may have reached the server.
    pub sent: bool,
}

/// The error with its causes, without the URL: the message already names the call.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut text = if error.is_timeout() { "no response in time".to_owned() } else { "no response".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
