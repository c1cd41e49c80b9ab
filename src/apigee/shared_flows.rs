//! Waits for the shared flows that a bundle calls, so that the Jobs of an environment need no order: Apigee refuses what calls a
//! shared flow that is not deployed.

use std::time::Duration;

use tokio::time::Instant;

use super::client::{Client, ResourceName};
use super::deployment::RuntimeState;
use super::plan::newest;
use super::retry::jittered;
use super::wait::Polling;
use super::{Error, Name};
use crate::bundle::BundleKind;

/// How to wait in one environment.
#[derive(Clone, Copy)]
pub struct SharedFlows<'a> {
    /// Asks.
    pub client: &'a Client,
    /// The organization.
    pub organization: &'a Name,
    /// The environment.
    pub environment: &'a Name,
    /// Whether the runtime must have loaded them, or only Apigee accepted them.
    pub ready: bool,
    /// Gives up after it.
    pub timeout: Duration,
    /// How often.
    pub polling: Polling,
}

impl SharedFlows<'_> {
    /// Waits until all are deployed, or time is up; `seen` hears each change.
    pub async fn until_deployed(&self, names: &[String], seen: &(dyn Fn(String) + Sync)) -> Result<(), Error> {
        let deadline = Instant::now() + self.timeout;
        let mut pause = self.polling.first;
        let mut last = String::new();
        loop {
            let mut missing = Vec::new();
            for name in names {
                missing.extend(self.obstacle(name).await?.map(|why| format!("`{name}` {why}")));
            }
            if missing.is_empty() {
                return Ok(());
            }
            let state = missing.join(", ");
            if state != last {
                seen(format!("waits for shared flows: {state}"));
                last = state;
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(Error::Temporary(format!(
                    "nothing was changed: shared flows that are called are not there after {:?}: {last}; deploy them to this \
                     environment, as ApigeeSharedFlows or otherwise",
                    self.timeout
                )));
            }
            tokio::time::sleep(pause.min(deadline.saturating_duration_since(now))).await;
            pause = jittered(pause.saturating_mul(3) / 2).max(self.polling.first).min(self.polling.longest);
        }
    }

    /// Why a shared flow cannot be called yet.
    async fn obstacle(&self, name: &str) -> Result<Option<String>, Error> {
        let name: Name = name.parse().map_err(|why| Error::Usage(format!("the manifest requires `{name}`: {why}")))?;
        let flow = ResourceName { organization: self.organization, kind: BundleKind::SharedFlow, name: &name };
        match self.ask(flow).await {
            Err(error) if error.is_not_found() => Ok(Some("is not deployed".to_owned())),
            Err(error) if error.is_temporary() => Ok(Some(error.to_string())),
            other => other,
        }
    }

    async fn ask(&self, flow: ResourceName<'_>) -> Result<Option<String>, Error> {
        let Some(listed) = newest(self.client.deployments(flow, self.environment).await?) else {
            return Ok(Some("is not deployed".to_owned()));
        };
        if !self.ready {
            return Ok(None);
        }
        // The list lacks the state.
        let status = self.client.deployment(flow, self.environment, listed.revision).await?;
        let ready = status.state == RuntimeState::Ready;
        Ok((!ready).then(|| format!("is deployed, its state is {}", status.state)))
    }
}
