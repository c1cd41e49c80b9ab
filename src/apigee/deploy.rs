//! Makes one environment equal to one bundle.
//!
//! Read, decide ([`plan()`]), write, wait, and go back if it does not run. No moment is chosen by this program with
//! nothing deployed: a revision is always put in place of the other. Killed at any point, the next run converges, because every
//! decision is taken from what Apigee has.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::client::{Client, DeployOptions, ResourceName};
use super::deployment::{Deployment, RuntimeState};
use super::outcome::{Ending, Outcome, Report};
use super::plan::{self, Current, Desired, Plan, Reason, plan};
use super::retry::jittered;
use super::shared_flows::SharedFlows;
use super::wait::{Polling, Wait};
use super::{Bundle, Error, Name, Provenance, RevisionId, RevisionRecord};
use crate::bundle::zip::{self, MAX_BUNDLE_BYTES};
use crate::bundle::{BundleKind, DeploySettings, Digest};

/// Revisions whose descriptions are read at the same time.
const READERS: usize = 8;

/// Imports in all, when each fails without an answer and leaves no revision.
const IMPORT_ATTEMPTS: u32 = 3;

/// For so long a revision just imported may be unknown to parts of the API.
const VISIBLE_AFTER: Duration = Duration::from_mins(1);

/// A deployment of this age was seen ready, or taken back, by the run that made it. Longer than any run.
pub const SETTLED_AFTER: Duration = Duration::from_hours(2);

/// Where to deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The organization.
    pub organization: Name,
    /// The environment.
    pub environment: Name,
}

/// When the run is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WaitFor {
    /// The runtime has loaded the revision and every base path leads to it.
    #[default]
    Ready,
    /// Apigee has accepted the deployment. There is no way back then.
    Accepted,
}

/// How to deploy.
#[derive(Debug, Clone)]
pub struct Options {
    /// Of this bundle.
    pub settings: DeploySettings,
    /// What a batch read once for all its bundles: this bundle's entries of the environment's list of deployments. None: it is asked
    /// for. With it, a deployment that is older than [`SETTLED_AFTER`] is not asked for its state.
    pub listed: Option<Vec<Deployment>>,
    /// For the runtime to become ready.
    pub timeout: Duration,
    /// When the run is over.
    pub wait: WaitFor,
    /// Where the bundle comes from, for the revision's description.
    pub provenance: Provenance,
    /// How often the status is asked for.
    pub polling: Polling,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings: DeploySettings::default(),
            listed: None,
            timeout: Duration::from_mins(10),
            wait: WaitFor::Ready,
            provenance: Provenance::default(),
            polling: Polling::default(),
        }
    }
}

/// One step of a deployment, for people and logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What it belongs to.
    pub phase: Phase,
    /// In one line.
    pub message: String,
}

/// The parts of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Reads what Apigee has.
    Read,
    /// Decides.
    Plan,
    /// Validates and imports.
    Import,
    /// Deploys.
    Deploy,
    /// Waits for the runtime.
    Wait,
    /// Goes back.
    Rollback,
}

/// Hears each step.
pub type Progress<'a> = &'a (dyn Fn(&Event) + Sync);

/// Deploys a bundle. What happened, failures included, is the report; nothing is printed.
pub async fn deploy(
    client: &Client,
    bundle: &Bundle,
    target: &Target,
    options: &Options,
    progress: Progress<'_>,
) -> Report {
    let start = Instant::now();
    let writes_before = client.writes();
    let mut run = Run {
        client,
        resource: ResourceName { organization: &target.organization, kind: bundle.kind, name: &bundle.name },
        bundle,
        environment: &target.environment,
        options,
        progress,
        revision: None,
        previous: None,
        imported: false,
    };
    let (result, reason, exit_code) = match run.run().await {
        Ok((ending, reason)) => (ending, reason, 0),
        Err(error) => (Ending::Failed, error.to_string(), error.exit_code()),
    };
    Report {
        outcome: Outcome {
            result,
            kind: Some(bundle.kind),
            name: Some(bundle.name.to_string()),
            organization: target.organization.to_string(),
            environment: target.environment.to_string(),
            revision: run.revision,
            previous_revision: run.previous,
            digest: Some(bundle.digest),
            commit: RevisionRecord::new(bundle.digest, &options.provenance).commit,
            imported: run.imported,
            writes: client.writes() - writes_before,
            duration_ms: u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            reason,
        },
        exit_code,
    }
}

/// A deployment under way.
struct Run<'a> {
    client: &'a Client,
    resource: ResourceName<'a>,
    bundle: &'a Bundle,
    environment: &'a Name,
    options: &'a Options,
    progress: Progress<'a>,
    revision: Option<RevisionId>,
    previous: Option<RevisionId>,
    imported: bool,
}

impl Run<'_> {
    fn say(&self, phase: Phase, message: impl Into<String>) {
        (self.progress)(&Event { phase, message: message.into() });
    }

    async fn run(&mut self) -> Result<(Ending, String), Error> {
        let current = self.current().await?;
        self.previous = current.as_ref().map(|current| current.revision);
        self.say(
            Phase::Read,
            match &current {
                Some(current) => format!("revision {} is deployed: {}", current.revision, current.state),
                None => "nothing is deployed".to_owned(),
            },
        );
        let desired =
            Desired { digest: self.bundle.digest, service_account: self.options.settings.service_account.as_deref() };
        let is_deployed = current.as_ref().is_some_and(|current| current.digest == Some(desired.digest));
        let existing = if is_deployed { BTreeSet::new() } else { self.existing().await? };
        let known = self.find_digest(&existing).await?;
        match plan(desired, current.as_ref(), known) {
            Plan::Unchanged(id) => {
                self.revision = Some(id);
                self.say(Phase::Plan, format!("revision {id} has this bundle and runs: nothing to do"));
                Ok((Ending::Unchanged, format!("revision {id} has this bundle and runs")))
            }
            Plan::Await(id) => {
                self.revision = Some(id);
                self.say(Phase::Plan, format!("revision {id} has this bundle and was deployed by an earlier run"));
                if self.options.wait == WaitFor::Ready {
                    self.wait_for(id, 0).await?;
                }
                Ok((Ending::Unchanged, format!("revision {id} has this bundle and was deployed by an earlier run")))
            }
            Plan::Deploy(id, reason) => {
                self.revision = Some(id);
                let reason = match reason {
                    Reason::Known => format!("revision {id} has this bundle"),
                    Reason::ServiceAccount => format!("revision {id} is deployed with another service account"),
                    Reason::InError => format!("revision {id} is deployed and its state is ERROR"),
                };
                self.say(Phase::Plan, format!("{reason}: it is deployed without an import"));
                self.await_shared_flows().await?;
                self.put(self.client, id, current.as_ref()).await?;
                Ok((Ending::Redeployed, reason))
            }
            Plan::Import => {
                self.say(Phase::Plan, "no revision has this bundle: it is imported");
                self.await_shared_flows().await?;
                let id = self.import(&existing).await?;
                self.revision = Some(id);
                let client = self.client.patient_with_missing(VISIBLE_AFTER);
                self.check_record(&client, id).await?;
                self.put(&client, id, current.as_ref()).await?;
                Ok((Ending::Deployed, format!("revision {id} is new")))
            }
        }
    }

    /// What is deployed here.
    async fn current(&self) -> Result<Option<Current>, Error> {
        let deployments = match &self.options.listed {
            Some(listed) => listed.clone(),
            None => match self.client.deployments(self.resource, self.environment).await {
                // A resource without any revision has no deployments either.
                Err(error) if error.is_not_found() && self.client.resource(self.resource).await?.is_none() => {
                    Vec::new()
                }
                other => other?,
            },
        };
        let Some(listed) = plan::newest(deployments) else {
            return Ok(None);
        };
        let revision = self.client.revision(self.resource, listed.revision).await?;
        if self.options.listed.is_some() && is_settled(&listed) {
            return Ok(Some(Current::new(&Deployment { state: RuntimeState::Ready, ..listed }, &revision.description)));
        }
        // The list lacks the state.
        let deployment = match self.client.deployment(self.resource, self.environment, listed.revision).await {
            Err(error) if error.is_not_found() => listed,
            other => other?,
        };
        Ok(Some(Current::new(&deployment, &revision.description)))
    }

    /// The numbers of all revisions.
    async fn existing(&self) -> Result<BTreeSet<RevisionId>, Error> {
        let Some(resource) = self.client.resource(self.resource).await? else {
            return Ok(BTreeSet::new());
        };
        if resource.read_only {
            return Err(Error::Refused(format!(
                "`{}` was made by an archive deployment and takes no new revision; delete it or choose another name",
                self.resource.name
            )));
        }
        Ok(resource.revision.into_iter().collect())
    }

    /// The newest of `revisions` whose description has the bundle's digest.
    async fn find_digest(&self, revisions: &BTreeSet<RevisionId>) -> Result<Option<RevisionId>, Error> {
        let newest_first: Vec<RevisionId> = revisions.iter().rev().copied().collect();
        for group in newest_first.chunks(READERS) {
            let mut readers = JoinSet::new();
            for &id in group {
                let (client, kind) = (self.client.clone(), self.resource.kind);
                let (organization, name) = (self.resource.organization.clone(), self.resource.name.clone());
                readers.spawn(async move {
                    let resource = ResourceName { organization: &organization, kind, name: &name };
                    recorded_digest(&client, resource, id).await.map(|digest| (id, digest))
                });
            }
            let mut found = None;
            while let Some(read) = readers.join_next().await {
                let (id, digest) =
                    read.map_err(|error| Error::Temporary(format!("reading the revisions broke off: {error}")))??;
                if digest == Some(self.bundle.digest) {
                    found = found.max(Some(id));
                }
            }
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Validates and imports the stamped copy. `existing` are the revisions before.
    async fn import(&mut self, existing: &BTreeSet<RevisionId>) -> Result<RevisionId, Error> {
        let record = RevisionRecord::new(self.bundle.digest, &self.options.provenance);
        let stamped =
            record.stamp(self.bundle.kind, self.bundle.name.as_str(), &self.bundle.files).map_err(Error::Refused)?;
        let zip = zip::pack(self.bundle.kind, &stamped).map_err(Error::Refused)?;
        if zip.len() > MAX_BUNDLE_BYTES {
            return Err(Error::Missing(format!(
                "the bundle of `{}` has {} bytes as a zip file and Apigee takes {MAX_BUNDLE_BYTES}; leave something out",
                self.bundle.name,
                zip.len()
            )));
        }
        self.say(Phase::Import, format!("{} files, {} bytes as a zip file", stamped.len(), zip.len()));
        self.client.validate(self.resource, &zip).await?;
        let mut attempt = 1;
        loop {
            let error = match self.client.import(self.resource, &zip).await {
                Ok(id) => {
                    self.imported = true;
                    self.say(Phase::Import, format!("revision {id} is imported"));
                    return Ok(id);
                }
                Err(error) if error.is_ambiguous() => error,
                Err(error) => return Err(error),
            };
            self.say(Phase::Import, format!("{error}: looking whether the revision was made"));
            // Time for an import whose answer was lost to become visible.
            tokio::time::sleep(jittered(self.options.polling.first.saturating_mul(4 * attempt))).await;
            let made: BTreeSet<RevisionId> = self.existing().await?.difference(existing).copied().collect();
            if let Some(id) = self.find_digest(&made).await? {
                self.imported = true;
                self.say(Phase::Import, format!("revision {id} was made although the answer was lost"));
                return Ok(id);
            }
            if attempt == IMPORT_ATTEMPTS {
                return Err(error);
            }
            attempt += 1;
        }
    }

    /// Waits until the new revision can be read, and says so when its description did not keep the record.
    async fn check_record(&self, client: &Client, id: RevisionId) -> Result<(), Error> {
        if recorded_digest(client, self.resource, id).await? != Some(self.bundle.digest) {
            self.say(
                Phase::Import,
                format!("warning: the description of revision {id} did not keep the digest, so the next run will import again"),
            );
        }
        Ok(())
    }

    /// Puts a revision in the place of the deployed one, and goes back if it does not run.
    async fn put(&self, client: &Client, id: RevisionId, before: Option<&Current>) -> Result<(), Error> {
        let sequenced_rollout = self.check_changes(client, id).await?;
        let options =
            DeployOptions { service_account: self.options.settings.service_account.as_deref(), sequenced_rollout };
        let accepted = client.deploy(self.resource, self.environment, id, options).await?;
        self.say(Phase::Deploy, format!("the deployment of revision {id} is accepted"));
        if self.options.wait == WaitFor::Accepted {
            return Ok(());
        }
        let started = accepted.deploy_start_time.parse().unwrap_or_default();
        match self.wait_for(id, started).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.go_back(id, before, error).await),
        }
    }

    /// Asks what the deployment would change, before traffic moves. True when it should be sequenced.
    async fn check_changes(&self, client: &Client, id: RevisionId) -> Result<bool, Error> {
        match self.bundle.kind {
            // The API has no report for shared flows.
            BundleKind::SharedFlow => Ok(false),
            BundleKind::Proxy => {
                let report = client.deploy_change_report(self.resource, self.environment, id).await?;
                let mut obstacles: Vec<String> =
                    report.validation_errors.violations.iter().map(ToString::to_string).collect();
                obstacles.extend(report.routing_conflicts.iter().map(ToString::to_string));
                if !obstacles.is_empty() {
                    return Err(Error::Refused(format!(
                        "revision {id} is not deployed, and what runs is as before: {}",
                        obstacles.join("; ")
                    )));
                }
                Ok(report.should_sequence_rollout())
            }
        }
    }

    /// Waits for what the bundle calls. It takes no more than what a Job's deadline has beyond the time for the deployment itself.
    async fn await_shared_flows(&self) -> Result<(), Error> {
        let flows = SharedFlows {
            client: self.client,
            organization: self.resource.organization,
            environment: self.environment,
            ready: self.options.wait == WaitFor::Ready,
            timeout: self.options.timeout / 2,
            polling: self.options.polling,
        };
        flows.until_deployed(&self.bundle.requires.shared_flows, &|message| self.say(Phase::Wait, message)).await
    }

    async fn wait_for(&self, id: RevisionId, started: u64) -> Result<(), Error> {
        let seen = |message| self.say(Phase::Wait, message);
        let wait = Wait {
            client: self.client,
            resource: self.resource,
            environment: self.environment,
            timeout: self.options.timeout,
            polling: self.options.polling,
        };
        wait.until_ready(id, started, &seen).await?;
        self.say(Phase::Wait, format!("revision {id} is ready"));
        Ok(())
    }

    /// Deploys what was deployed before. Apigee does not: after a failed deployment with override the former revision is gone
    /// (Apigee's page "Deploy API proxies using the UI", note). Returns the error to end with; it keeps the exit code of the first.
    async fn go_back(&self, id: RevisionId, before: Option<&Current>, error: Error) -> Error {
        let wanted = self.options.settings.service_account.as_deref();
        let Some(before) = before else {
            return explain(&error, "nothing was deployed before, so it stays as it is");
        };
        if before.revision == id && before.service_account.as_deref().is_none_or(|account| Some(account) == wanted) {
            return explain(&error, "it was deployed before in the same way, so there is nothing to go back to");
        }
        let former = before.revision;
        self.say(Phase::Rollback, format!("{error}; going back to revision {former}"));
        let options = DeployOptions { service_account: before.service_account.as_deref(), sequenced_rollout: false };
        let back = async {
            let accepted = self.client.deploy(self.resource, self.environment, former, options).await?;
            self.wait_for(former, accepted.deploy_start_time.parse().unwrap_or_default()).await
        };
        match back.await {
            Ok(()) => explain(&error, &format!("went back to revision {former}, which is ready")),
            Err(second) => explain(&error, &format!("going back to revision {former} failed too: {second}")),
        }
    }
}

/// Whether the deployment is older than [`SETTLED_AFTER`]. One whose start is not told is not.
fn is_settled(deployment: &Deployment) -> bool {
    let Ok(started) = deployment.deploy_start_time.parse().map(Duration::from_millis) else { return false };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(started) > SETTLED_AFTER
}

/// The digest in a revision's description; none also for a revision that was deleted meanwhile.
async fn recorded_digest(client: &Client, resource: ResourceName<'_>, id: RevisionId) -> Result<Option<Digest>, Error> {
    match client.revision(resource, id).await {
        Ok(revision) => Ok(RevisionRecord::parse(&revision.description).map(|record| record.digest)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The error with what was done about it, under the same exit code.
fn explain(error: &Error, done: &str) -> Error {
    let text = format!("{error}; {done}");
    match error.exit_code() {
        65 => Error::Refused(text),
        77 => Error::Credentials(text),
        _ => Error::Temporary(text),
    }
}
