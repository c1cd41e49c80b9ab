//! What a command does when its pod is told to end.

use super::log::Log;
use crate::apigee::stop::RUN_PATIENCE;
use crate::apigee::{Client, Error};
use crate::diag::Severity;

/// Runs to its end. On SIGTERM it starts nothing more, and hears a request that changes something to its end; the error is that it did
/// not end soon after.
pub(super) async fn until_terminated<T>(log: &Log, client: &Client, run: impl Future<Output = T>) -> Result<T, Error> {
    client.stop().run(terminated(log), run).await.ok_or_else(|| {
        Error::Stopped(format!(
            "stopped by SIGTERM: it did not end within {RUN_PATIENCE:?}; the next run continues from the actual state in Apigee"
        ))
    })
}

/// Waits for SIGTERM, which process 1 of a container would not hear without asking, and says so.
pub(super) async fn terminated(log: &Log) {
    match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
    let message = "SIGTERM: no new request is started; a pending write request is completed";
    log.write(Severity::Warning, "stop", message);
}
