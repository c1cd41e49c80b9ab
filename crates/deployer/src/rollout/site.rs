//! What all steps of a run share: one bundle in one environment.

use std::time::Duration;

use crate::api::client::Client;
use crate::api::deployment::{Deployment, RuntimeState};
use crate::api::resource_name::ResourceName;
use crate::api::work_time::WorkTime;
use crate::compare::current::newest;
use crate::compare::verdict::ERROR_LOOKS;
use crate::error::Error;
use crate::event::{Event, EventListener, Phase};
use crate::rollout::options::DeployOptions;
use apigee_flux_configuration::{Id, Place};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::{Name, RevisionId};

/// The bundle, the environment and the tools of a run.
#[derive(Clone, Copy)]
pub(crate) struct Site<'a> {
    pub client: &'a Client,
    pub resource: ResourceName<'a>,
    pub environment: &'a Name,
    pub options: &'a DeployOptions,
    pub progress: EventListener<'a>,
    /// When the run began.
    pub start: WorkTime,
    /// A revision whose files differ from the bundle that its description names.
    pub edited: Option<RevisionId>,
}

/// How long an existing object may be invisible to parts of the API.
const KNOWN_AFTER: Duration = Duration::from_secs(10);

impl Site<'_> {
    /// Reports a step.
    pub(crate) fn say(&self, phase: Phase, message: impl Into<String>) {
        (self.progress)(&Event::new(phase, message));
    }

    /// Reports a problem that does not stop the run.
    pub(crate) fn warn(&self, phase: Phase, message: impl Into<String>) {
        (self.progress)(&Event::warning(phase, message));
    }

    /// Asks whether the bundle may be written now.
    pub(crate) async fn ask_guard(&self) -> Result<(), Error> {
        let Some(guard) = &self.options.guard else { return Ok(()) };
        guard.ask(&self.id()).await
    }

    /// Pauses before the next look at a state that others change. The worker of a batch does something else meanwhile.
    pub(crate) async fn pause(&self, pause: Duration) {
        self.options.place.without_worker(self.client.stop().sleep(pause)).await;
    }

    /// When the run gives up. A rollback has half of the timeout in addition, so that a Job's deadline of one and a
    /// half times the timeout never interrupts it.
    pub(crate) fn deadline(&self) -> WorkTime {
        self.start + self.options.timeout
    }

    /// The place of the environment's records.
    pub(crate) fn place(&self) -> Place<'_> {
        Place { organization: self.resource.organization.as_str(), environment: Some(self.environment.as_str()) }
    }

    /// The resource in the records.
    pub(crate) fn id(&self) -> Id {
        resource_id(self.resource.kind, self.resource.name)
    }

    /// The client for what must be done at the end of a run, although its deadline has passed.
    pub(crate) fn late(&self) -> Client {
        self.client.with_new_deadline(self.client.now() + KNOWN_AFTER)
    }

    /// The client for requests about objects that are known to exist.
    pub(crate) fn sure(&self) -> Client {
        self.client.patient_with_missing(KNOWN_AFTER.min(self.options.timeout))
    }

    /// Confirms the state ERROR: returns the first status with another state, or the last of
    /// [`ERROR_LOOKS`](crate::compare::verdict::ERROR_LOOKS) reads.
    pub(crate) async fn confirmed(&self, mut status: Deployment) -> Result<Deployment, Error> {
        for _ in 1..ERROR_LOOKS {
            if status.state != RuntimeState::Error || self.client.stop().is_requested() {
                break;
            }
            let text = format!("the state of revision {} is ERROR: checking again", status.revision);
            self.say(Phase::Read, text);
            self.pause(self.options.polling.between_errors()).await;
            status = self.client.deployment(self.resource, self.environment, status.revision).await?;
        }
        Ok(status)
    }

    /// The current deployment, read again.
    pub(crate) async fn deployed(&self) -> Result<Option<Deployment>, Error> {
        match self.client.deployments(self.resource, self.environment).await {
            Ok(list) => Ok(newest(list)),
            // A resource without revisions has no deployments; a resource with revisions has a list.
            Err(error) if error.is_not_found() => match self.client.resource(self.resource).await? {
                None => Ok(None),
                Some(_) => Ok(newest(self.sure().deployments(self.resource, self.environment).await?)),
            },
            Err(error) => Err(error),
        }
    }
}

/// A proxy or shared flow in the records.
pub(crate) fn resource_id(kind: BundleKind, name: &Name) -> Id {
    Id { kind: kind.resource_kind().to_owned(), parent: None, name: name.to_string() }
}
