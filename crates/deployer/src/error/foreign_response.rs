//! The error of a response that does not come from the management API.

use std::fmt;

/// A response that the management API never sends: a redirect, or a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignResponse {
    /// Method and path.
    pub call: String,
    /// The HTTP status.
    pub http_status: u16,
    /// The host of a redirect.
    pub location_host: Option<String>,
    /// The media type; empty if the response has none.
    pub content_type: String,
}

impl fmt::Display for ForeignResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, http_status, location_host, content_type } = self;
        write!(
            f,
            "{call}: the response comes from an intermediary, not from the management API: status {http_status}"
        )?;
        if let Some(host) = location_host {
            write!(f, ", redirect to the host `{host}`")?;
        }
        match content_type.as_str() {
            "" => f.write_str(", no content type")?,
            content_type => write!(f, ", content type `{content_type}`")?,
        }
        f.write_str(
            "; a proxy, a firewall or a captive portal intercepts the request: allow HTTPS to the host of --endpoint, \
             or correct HTTPS_PROXY, NO_PROXY or --endpoint",
        )
    }
}

impl std::error::Error for ForeignResponse {}
