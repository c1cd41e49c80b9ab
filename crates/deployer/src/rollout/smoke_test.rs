//! A request to the gateway that must succeed before a deployment counts.

use std::time::Duration;

use crate::api::client::Client;
use crate::api::polling::Polling;
use crate::api::retry::jittered;
use crate::api::work_time::WorkTime;
use apigee_flux_model::bundle::SmokeTest;

/// How long a gateway may need to route requests to a loaded revision.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends requests until the status is as expected, for at most [`PATIENCE`]. The error contains the last result.
pub(crate) async fn run(client: &Client, test: &SmokeTest, polling: Polling, deadline: WorkTime) -> Result<(), String> {
    let deadline = deadline.min(client.now() + PATIENCE);
    let mut pause = polling.first;
    loop {
        let found = match client.probe(&test.url).await {
            Ok(status) if status == test.expect_status => return Ok(()),
            Ok(status) => format!("{status}"),
            Err(why) => why,
        };
        if client.now() + pause >= deadline || client.stop().is_requested() {
            return Err(format!(
                "the smoke test GET {} expects the status {} and got: {found}",
                test.url, test.expect_status
            ));
        }
        client.stop().sleep(pause).await;
        pause = jittered(pause.saturating_mul(2)).max(polling.first).min(polling.longest);
    }
}
