//! Makes one environment equal to one bundle.
//!
//! Read the state, decide (`plan`), write, wait, and roll back if the revision does not become ready. The program
//! never undeploys a revision to deploy another: a revision always replaces the other one. If a run is killed at any
//! point, the next run converges, because every decision is based on the state in Apigee.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::api::client::Client;
use crate::api::deployment::{Deployment, RuntimeState};
use crate::api::resource_name::ResourceName;
use crate::api::target::Target;
use crate::compare::absence;
use crate::compare::current::{Current, newest};
use crate::error::Error;
use crate::event::{Event, EventListener, Phase};
use crate::mount::Bundle;
use crate::rollout::import::{Imported, VISIBLE_AFTER, delete_duplicates, import};
use crate::rollout::known::search;
use crate::rollout::options::{DeployOptions, WaitFor};
use crate::rollout::outcome::{BundleResult, DeployReport, Outcome};
use crate::rollout::plan::{self, Before, DesiredRevision, Plan, Reason, plan};
use crate::rollout::replace::Rollout;
use crate::rollout::site::Site;
use crate::rollout::{requirements, retention};
use apigee_flux_model::bundle::MAX_REVISIONS;
use apigee_flux_model::bundle::Replaced;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::duration::millis;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::names::RevisionId;

/// A deployment of this age was seen ready, or rolled back, by the run that created it. Longer than any run.
pub const SETTLED_AFTER: Duration = Duration::from_hours(2);

/// Deploys a bundle. The report contains the result, also of a failure; nothing is printed.
pub async fn deploy(
    client: &Client,
    bundle: &Bundle,
    target: &Target,
    options: &DeployOptions,
    progress: EventListener<'_>,
) -> DeployReport {
    let start = Instant::now();
    let writes_before = client.writes();
    // A rollback has its own time.
    let in_time = client.until(start + options.timeout);
    let site = Site {
        client: &in_time,
        resource: ResourceName { organization: &target.organization, kind: bundle.kind, name: &bundle.name },
        environment: &target.environment,
        options,
        progress,
        start,
    };
    let mut run = DeployRun { site, bundle, revision: None, previous: None, imported: false, is_second_look: false };
    let (result, reason, exit) = match run.run().await {
        Ok((ending, reason)) => (ending, reason, Exit::Ok),
        Err(error) => {
            let error = if client.stop().is_requested() {
                stopped(&error, client.writes() - writes_before, run.previous)
            } else {
                let places = error.places(bundle.kind, &bundle.files);
                let phase = if matches!(error, Error::Api(_)) { Phase::Import } else { Phase::Wait };
                for place in &places {
                    progress(&Event::refused(phase, place.clone()));
                }
                error.located(places)
            };
            (BundleResult::Failed, error.to_string(), error.exit())
        }
    };
    DeployReport {
        outcome: Outcome {
            kind: Some(bundle.kind),
            name: Some(bundle.name.to_string()),
            revision: run.revision,
            previous_revision: run.previous,
            digest: Some(bundle.digest),
            commit: RevisionRecord::new(bundle.digest, &options.provenance).commit,
            imported: run.imported,
            writes: client.writes() - writes_before,
            duration_ms: millis(start.elapsed()),
            ..Outcome::new(result, target, reason)
        },
        exit,
    }
}

/// The error of a stopped run, with the state that it leaves. It replaces any other error, which may not occur in
/// another run.
pub(crate) fn stopped(error: &Error, writes: u32, previous: Option<RevisionId>) -> Error {
    let before = match previous {
        _ if writes == 0 => "nothing was changed".to_owned(),
        Some(id) => format!("revision {id} was deployed before"),
        None => "nothing was deployed before".to_owned(),
    };
    Error::Stopped(format!("stopped by SIGTERM: {error}; {before}; the next run continues from the state in Apigee"))
}

/// A running deployment.
struct DeployRun<'a> {
    site: Site<'a>,
    bundle: &'a Bundle,
    revision: Option<RevisionId>,
    previous: Option<RevisionId>,
    imported: bool,
    /// The list of a batch is out of date.
    is_second_look: bool,
}

impl DeployRun<'_> {
    async fn run(&mut self) -> Result<(BundleResult, String), Error> {
        let site = self.site;
        let current = self.current().await?;
        self.previous = current.as_ref().map(Current::id);
        site.say(
            Phase::Read,
            match &current {
                Some(current) => format!("revision {} is deployed: {}", current.id(), current.deployment.state),
                None => "nothing is deployed".to_owned(),
            },
        );
        let account = site.options.settings.service_account.as_deref();
        let desired = DesiredRevision { digest: self.bundle.digest, service_account: account };
        let is_deployed = current.as_ref().is_some_and(|current| current.is(desired.digest));
        let existing = if is_deployed { BTreeSet::new() } else { self.existing(current.is_some()).await? };
        let search = search(&site, self.bundle, existing.iter().copied()).await?;
        let decided = plan(desired, current.as_ref(), search.found.as_ref().map(|(id, _)| *id));
        let account_now =
            current.as_ref().and_then(|current| current.deployment.service_account_email().map(str::to_owned));
        let deployed_revision = current.as_ref().map(|current| current.revision.clone());
        let before = match current {
            Some(current) => Before::Deployed(current),
            None => match absence::prove(site.client, site.resource, site.environment, &existing).await? {
                Some(absence) => Before::Nothing(absence),
                // Another deployer was faster, perhaps with this same bundle: decide again, once.
                None if self.is_second_look => return Err(absence::concurrent_change()),
                None => {
                    self.is_second_look = true;
                    return Box::pin(self.run()).await;
                }
            },
        };
        match decided {
            Plan::Unchanged(id) => {
                self.revision = Some(id);
                site.say(Phase::Plan, format!("revision {id} contains this bundle and is running: nothing to do"));
                Ok((BundleResult::Unchanged, format!("revision {id} contains this bundle and is running")))
            }
            Plan::Await(id) => {
                self.revision = Some(id);
                let text = format!("revision {id} contains this bundle and was deployed by an earlier run");
                site.say(Phase::Plan, text.clone());
                self.rollout(site.client, id, before).watch(0).await?;
                Ok((BundleResult::Unchanged, text))
            }
            Plan::Deploy(id, reason) => {
                self.revision = Some(id);
                let reason = match reason {
                    Reason::Known => format!("revision {id} contains this bundle"),
                    Reason::ServiceAccount => format!("revision {id} is deployed with another service account"),
                    Reason::InError => format!("revision {id} is deployed and its state is ERROR"),
                };
                site.say(Phase::Plan, format!("{reason}: it is deployed without an import"));
                requirements::wait_for(&site, &self.bundle.requires).await?;
                let found = search.found.as_ref().map(|(_, revision)| revision);
                let revision = found.or(deployed_revision.as_ref());
                let is_extensible = revision.is_some_and(|revision| revision.has_extensible_policy);
                self.rollout(&site.sure(), id, before).run(is_extensible).await?;
                self.clean_up(id).await;
                Ok((BundleResult::Redeployed, reason))
            }
            Plan::Import => {
                site.say(Phase::Plan, "no revision contains this bundle: it is imported");
                requirements::wait_for(&site, &self.bundle.requires).await?;
                if existing.len() >= MAX_REVISIONS {
                    retention::delete_old(&site, self.previous.into_iter()).await;
                }
                let replaces = Replaced {
                    environment: site.environment.to_string(),
                    revision: self.previous,
                    service_account: account_now,
                };
                let Imported { id, revision, by_us, in_doubt } =
                    import(&site, self.bundle, &search.read, replaces).await?;
                self.imported = by_us;
                self.revision = Some(id);
                let client = site.client.patient_with_missing(VISIBLE_AFTER);
                let rollout = self.rollout(&client, id, before).after_import(by_us);
                let rolled_out = rollout.run(revision.has_extensible_policy).await;
                if in_doubt {
                    delete_duplicates(&site, self.bundle, &search.read, id).await;
                }
                rolled_out?;
                self.clean_up(id).await;
                Ok((BundleResult::Deployed, format!("the new revision {id} is deployed")))
            }
        }
    }

    fn rollout<'b>(&'b self, client: &'b Client, id: RevisionId, before: Before) -> Rollout<'b> {
        let account = self.site.options.settings.service_account.as_deref();
        let seen = before.current().map(|current| current.deployment.clone());
        let young = seen.as_ref().is_some_and(|deployment| !is_settled(deployment));
        Rollout {
            site: self.site,
            client,
            id,
            seen,
            way_back: plan::way_back(before, id, account, self.site.environment.as_str(), young),
        }
    }

    /// Deletes old revisions, once the new one is ready.
    async fn clean_up(&self, id: RevisionId) {
        if self.site.options.wait == WaitFor::Ready {
            retention::delete_old(&self.site, self.previous.into_iter().chain([id])).await;
        }
    }

    /// The current deployment in the environment.
    async fn current(&self) -> Result<Option<Current>, Error> {
        let site = self.site;
        let listed = match &site.options.listed {
            Some(listed) if !self.is_second_look => newest(listed.clone()),
            _ => site.deployed().await?,
        };
        let Some(listed) = listed else {
            return Ok(None);
        };
        let revision = site.sure().revision(site.resource, listed.revision).await?;
        if site.options.listed.is_some() && is_settled(&listed) {
            let ready = Deployment { state: RuntimeState::Ready, ..listed };
            return Ok(Some(self.believed(Current::new(ready, revision))));
        }
        // The list does not contain the state.
        let deployment = match site.client.deployment(site.resource, site.environment, listed.revision).await {
            Err(error) if error.is_not_found() => listed,
            other => site.confirmed(other?).await?,
        };
        Ok(Some(self.believed(Current::new(deployment, revision))))
    }

    /// The record of an edited revision is ignored.
    fn believed(&self, current: Current) -> Current {
        if self.site.options.edited == Some(current.id()) { Current { record: None, ..current } } else { current }
    }

    /// The numbers of all revisions. `sure` means that the resource is known to exist.
    async fn existing(&self, sure: bool) -> Result<BTreeSet<RevisionId>, Error> {
        let site = self.site;
        let client = if sure { site.sure() } else { site.client.clone() };
        let Some(resource) = client.resource(site.resource).await? else {
            return Ok(BTreeSet::new());
        };
        if resource.read_only {
            return Err(Error::Refused(format!(
                "`{}` was created by an archive deployment and accepts no new revision; delete it or choose another \
                 name",
                site.resource.name
            )));
        }
        Ok(resource.revision.into_iter().collect())
    }
}

/// True for a deployment that is older than any run that could still be waiting for it.
fn is_settled(deployment: &Deployment) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    deployment.started() > 0 && now.saturating_sub(Duration::from_millis(deployment.started())) > SETTLED_AFTER
}
