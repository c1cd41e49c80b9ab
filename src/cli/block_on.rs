//! Runs the asynchronous part of a command.

use apigee_flux_deployer::Error;

/// Runs a future to its end. Remaining background work, such as a DNS lookup that hangs, is not waited for.
pub(super) fn block_on<T>(run: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::Temporary(format!("the runtime cannot start: {error}")))?;
    let done = runtime.block_on(run);
    runtime.shutdown_background();
    Ok(done)
}
