//! How a command handles SIGTERM, which its pod gets when it is terminated.

use super::log::Log;
use apigee_flux_deployer::stop::RUN_PATIENCE;
use apigee_flux_deployer::{Client, Error};
use apigee_flux_model::diag::Severity;

/// Runs a future to its end. On SIGTERM no new request is started, and a pending write request is completed; the error means that the future
/// did not end in time after that.
pub(super) async fn until_terminated<T>(log: &Log, client: &Client, run: impl Future<Output = T>) -> Result<T, Error> {
    client.stop().run(terminated(log), run).await.ok_or_else(|| {
        Error::Stopped(format!(
            "stopped by SIGTERM: it did not end within {RUN_PATIENCE:?}; the next run continues from the actual state in Apigee"
        ))
    })
}

/// Waits for SIGTERM and logs it. Process 1 of a container receives the signal only if it has a handler for it.
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
