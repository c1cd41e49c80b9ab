//! One bundle's place in one environment: what every step of a run shares.

use std::time::Duration;

use tokio::time::Instant;

use super::client::{Client, ResourceName};
use super::deploy::{Event, Options, Phase, Progress};
use super::deployment::{Deployment, RuntimeState};
use super::plan::newest;
use super::wait::ERROR_LOOKS;
use super::{Error, Name};

/// Where a run works, and with what.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub client: &'a Client,
    pub resource: ResourceName<'a>,
    pub environment: &'a Name,
    pub options: &'a Options,
    pub progress: Progress<'a>,
    /// When the run began.
    pub start: Instant,
}

/// For so long a thing that is known to exist may be unknown to parts of the API.
const KNOWN_AFTER: Duration = Duration::from_secs(10);

impl Site<'_> {
    /// Tells about a step.
    pub(super) fn say(&self, phase: Phase, message: impl Into<String>) {
        (self.progress)(&Event::new(phase, message));
    }

    /// Tells about something that somebody should look at.
    pub(super) fn warn(&self, phase: Phase, message: impl Into<String>) {
        (self.progress)(&Event::warning(phase, message));
    }

    /// When the wish is given up. Going back has half the time again, so that a Job's deadline of one and a half times is never
    /// what ends it.
    pub(super) fn deadline(&self) -> Instant {
        self.start + self.options.timeout
    }

    /// The client for what is known to exist.
    pub(super) fn sure(&self) -> Client {
        self.client.patient_with_missing(KNOWN_AFTER.min(self.options.timeout))
    }

    /// The status of a deployment whose state is ERROR, once that is sure: the first other one, or the last of
    /// [`ERROR_LOOKS`](super::wait::ERROR_LOOKS).
    pub(super) async fn confirmed(&self, mut status: Deployment) -> Result<Deployment, Error> {
        for _ in 1..ERROR_LOOKS {
            if status.state != RuntimeState::Error || self.client.stop().is_requested() {
                break;
            }
            let text = format!("the state of revision {} is ERROR: checking again", status.revision);
            self.say(Phase::Read, text);
            self.client.stop().sleep(self.options.polling.between_errors()).await;
            status = self.client.deployment(self.resource, self.environment, status.revision).await?;
        }
        Ok(status)
    }

    /// What is deployed now, read afresh.
    pub(super) async fn deployed(&self) -> Result<Option<Deployment>, Error> {
        match self.client.deployments(self.resource, self.environment).await {
            Ok(list) => Ok(newest(list)),
            // A resource without any revision has no deployments either; one that has some does have a list.
            Err(error) if error.is_not_found() => match self.client.resource(self.resource).await? {
                None => Ok(None),
                Some(_) => Ok(newest(self.sure().deployments(self.resource, self.environment).await?)),
            },
            Err(error) => Err(error),
        }
    }
}
