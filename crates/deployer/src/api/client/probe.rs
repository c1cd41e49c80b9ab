//! The request of a smoke test, which goes to a gateway and not to the management API.

use std::time::Duration;

use crate::api::client::Client;
use crate::error::network_error::causes;

/// Timeout for one request of a smoke test.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

impl Client {
    /// Sends a GET request without a token to a URL outside the management API, for a smoke test. Returns the status.
    pub async fn probe(&self, url: &str) -> Result<u16, String> {
        tokio::select! {
            answer = self.shared.http.get(url).timeout(PROBE_TIMEOUT).send() => match answer {
                Ok(response) => Ok(response.status().as_u16()),
                Err(error) => Err(causes(&error)),
            },
            () = self.stop.requested() => Err("the run was stopped before the response".to_owned()),
        }
    }
}
