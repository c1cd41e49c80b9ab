//! Makes one environment equal to one bundle.
//!
//! Read the state, decide (`plan`), write, wait, and roll back if the revision does not become ready. The program
//! never undeploys a revision to deploy another: a revision always replaces the other one. If a run is killed at any
//! point, the next run converges, because every decision is based on the state in Apigee.

use std::collections::BTreeSet;
use tokio::time::Instant;

use crate::api::client::Client;
use crate::api::deployment::{Deployment, RuntimeState};
use crate::api::resource_name::ResourceName;
use crate::api::revision::Revision;
use crate::api::target::Target;
use crate::compare::absence;
use crate::compare::current::{Current, may_be_edited, newest};
use crate::compare::drift::{Drift, revision_files};
use crate::compare::file_difference::{FileDifference, compare};
use crate::compare::vouched::{is_settled, vouched};
use crate::error::Error;
use crate::event::{Event, EventListener, Phase};
use crate::mount::Bundle;
use crate::rollout::import::{Imported, VISIBLE_AFTER, delete_duplicates, import};
use crate::rollout::known::search;
use crate::rollout::options::{DeployOptions, WaitFor};
use crate::rollout::outcome::{BundleResult, DeployReport, Outcome};
use crate::rollout::ownership::Ownership;
use crate::rollout::plan::{self, Before, DesiredRevision, Plan, Reason, plan};
use crate::rollout::replace::Rollout;
use crate::rollout::site::Site;
use crate::rollout::{requirements, retention};
use apigee_flux_configuration::{Claim, Record, RecordedRevision};
use apigee_flux_model::bundle::MAX_REVISIONS;
use apigee_flux_model::bundle::Replaced;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::duration::millis;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::lifecycle::Adopt;
use apigee_flux_model::names::RevisionId;

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
    let in_time = client.until(client.now() + options.timeout);
    let site = Site {
        client: &in_time,
        resource: ResourceName { organization: &target.organization, kind: bundle.kind, name: &bundle.name },
        environment: &target.environment,
        options,
        progress,
        start: client.now(),
        edited: options.edited,
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
            (BundleResult::of_error(&error), error.to_string(), error.exit())
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

/// The state in Apigee, as far as the plan needs it.
struct Found {
    before: Before,
    /// The deployed revision.
    deployed_revision: Option<Revision>,
    /// The email of its service account.
    account_now: Option<String>,
    /// All revisions, if the bundle is not deployed.
    existing: BTreeSet<RevisionId>,
    /// The revision that contains the bundle.
    known: Option<(RevisionId, Revision)>,
    /// The revisions that are known to contain other bundles.
    accounted: BTreeSet<RevisionId>,
}

impl DeployRun<'_> {
    async fn run(&mut self) -> Result<(BundleResult, String), Error> {
        let digest = self.bundle.digest;
        let mut ownership = Ownership::claim(&self.site, self.site.options.settings.adopt).await?;
        ownership.refuse_repetition(&self.site, digest)?;
        let result = self.converge(&mut ownership).await;
        if let Err(error) = &result
            && !self.site.client.stop().is_requested()
        {
            ownership.note_failure(&self.site, digest, error).await;
        }
        result
    }

    async fn converge(&mut self, ownership: &mut Ownership) -> Result<(BundleResult, String), Error> {
        if let Some((id, recorded)) = self.vouched(ownership) {
            (self.previous, self.revision) = (Some(id), Some(id));
            let reason = format!("revision {id} contains this bundle and is running");
            self.site.say(Phase::Plan, format!("{reason}, as its record says: nothing to do"));
            ownership.confirm(&self.site, self.bundle.digest, recorded).await?;
            return Ok((BundleResult::Unchanged, reason));
        }
        let current = self.current(ownership.record()).await?;
        self.previous = current.as_ref().map(Current::id);
        self.site.say(
            Phase::Read,
            match &current {
                Some(current) => format!("revision {} is deployed: {}", current.id(), current.deployment.state),
                None => "nothing is deployed".to_owned(),
            },
        );
        let current = match current {
            Some(current) => Some(self.examine(current, ownership).await?),
            None => None,
        };
        let site = self.site;
        let digest = self.bundle.digest;
        let account = site.options.settings.service_account.as_deref();
        let desired = DesiredRevision { digest, service_account: account };
        let is_deployed = current.as_ref().is_some_and(|current| current.is(digest));
        let existing = if is_deployed { BTreeSet::new() } else { self.existing(current.is_some()).await? };
        let adopt = site.options.settings.adopt;
        if current.is_none()
            && existing.is_empty()
            && !adopt.is_never()
            && ownership.right() == Some(&Claim::Unrecorded)
        {
            return Err(Error::Refused(format!(
                "nothing was changed: `adopt` is set, but there is no {} `{}` in Apigee: nothing to adopt: check the \
                 name, or remove `adopt`",
                site.resource.kind.noun(),
                site.resource.name
            )));
        }
        let others = ownership.others(&existing, digest);
        let unknown = existing.iter().copied().filter(|id| !others.contains(id));
        let search = search(&site, self.bundle, unknown).await?;
        if !existing.is_empty() {
            ownership.learn(&existing, &search.read);
        }
        let accounted = others.into_iter().chain(search.read.keys().copied()).collect();
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
                    return Box::pin(self.converge(ownership)).await;
                }
            },
        };
        let found = Found { before, deployed_revision, account_now, existing, known: search.found, accounted };
        self.carry_out(decided, found, ownership).await
    }

    /// Carries out what is decided.
    async fn carry_out(
        &mut self,
        decided: Plan,
        found: Found,
        ownership: &mut Ownership,
    ) -> Result<(BundleResult, String), Error> {
        let (site, digest) = (self.site, self.bundle.digest);
        let adopt = site.options.settings.adopt;
        let Found { before, deployed_revision, account_now, existing, known, accounted } = found;
        // What is confirmed is the deployment that this run has read.
        let recorded = |id| RecordedRevision {
            id,
            modified: deployed_revision.as_ref().and_then(Revision::changed),
            seen: before.current().map(|current| current.deployment.started()).filter(|started| *started > 0),
        };
        match decided {
            Plan::Unchanged(id) => {
                self.revision = Some(id);
                site.say(Phase::Plan, format!("revision {id} contains this bundle and is running: nothing to do"));
                ownership.confirm(&site, digest, recorded(id)).await?;
                // Another run announced another bundle: its deployment may have been on the way.
                if ownership.record().is_some_and(|record| record.digest != digest.hex())
                    && site.deployed().await?.is_none_or(|now| now.revision != id)
                {
                    return Err(absence::concurrent_change());
                }
                let how = match ownership.right() {
                    Some(Claim::Unrecorded | Claim::Adopted { .. }) if !adopt.is_never() => "; it is adopted",
                    _ => "",
                };
                Ok((BundleResult::Unchanged, format!("revision {id} contains this bundle and is running{how}")))
            }
            Plan::Await(id) => {
                self.revision = Some(id);
                let text = format!("revision {id} contains this bundle and was deployed by an earlier run");
                site.say(Phase::Plan, text.clone());
                let recorded = recorded(id);
                self.rollout(site.client, id, before, ownership).watch(0).await?;
                ownership.confirm(&site, digest, recorded).await?;
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
                site.ask_guard().await?;
                ownership.announce(&site, digest).await?;
                let revision = known.map(|(_, revision)| revision).or(deployed_revision);
                let started = self.rollout(&site.sure(), id, before, ownership).run(revision.as_ref()).await?;
                let modified = revision.as_ref().and_then(Revision::changed);
                self.settle((id, modified), started, &existing, ownership).await?;
                Ok((BundleResult::Redeployed, reason))
            }
            Plan::Import => {
                site.say(Phase::Plan, "no revision contains this bundle: it is imported");
                requirements::wait_for(&site, &self.bundle.requires).await?;
                site.ask_guard().await?;
                ownership.announce(&site, digest).await?;
                if existing.len() >= MAX_REVISIONS {
                    retention::delete_old(&site, self.previous.into_iter()).await;
                }
                let replaces = Replaced {
                    environment: site.environment.to_string(),
                    revision: self.previous,
                    service_account: account_now,
                };
                let Imported { id, revision, by_us, in_doubt } =
                    import(&site, self.bundle, &accounted, &existing, replaces).await?;
                self.imported = by_us;
                self.revision = Some(id);
                site.ask_guard().await?;
                let client = site.client.patient_with_missing(VISIBLE_AFTER);
                let rollout = self.rollout(&client, id, before, ownership).after_import(by_us);
                let rolled_out = rollout.run(Some(&revision)).await;
                if in_doubt {
                    delete_duplicates(&site, self.bundle, &accounted, id).await;
                }
                let started = rolled_out?;
                let existing = existing.into_iter().chain([id]).collect();
                self.settle((id, revision.changed()), started, &existing, ownership).await?;
                Ok((BundleResult::Deployed, format!("the new revision {id} is deployed")))
            }
        }
    }

    /// What is deployed, after a check of whether the run may replace it, and of whether it was edited.
    async fn examine(&mut self, current: Current, ownership: &Ownership) -> Result<Current, Error> {
        let digest = self.bundle.digest;
        let must_adopt = match ownership.right() {
            None => false,
            // Version 0.1.0 kept no record: its revisions are recognized by their descriptions.
            Some(Claim::Unrecorded) => current.record.is_none(),
            Some(Claim::Adopted { .. }) => true,
            Some(Claim::Own | Claim::Moved { .. } | Claim::Replaced) => {
                let current = current.with_adopted(ownership.record(), digest);
                self.find_edit(&current, ownership.record()).await?;
                return Ok(self.believed(current));
            }
        };
        if !must_adopt {
            return Ok(self.believed(current));
        }
        let what = format!("revision {} is deployed here and not managed by this owner", current.id());
        match self.site.options.settings.adopt {
            Adopt::Override => Ok(self.believed(current)),
            Adopt::Never => Err(Error::Refused(format!(
                "nothing was changed: revision {} is deployed here and is not managed by apigee-flux: set \
                 `adopt: match` to adopt it as it is, or `adopt: override` to replace it",
                current.id()
            ))),
            Adopt::Match => {
                let differences = self.differences(current.id()).await?;
                if !differences.is_empty() {
                    return Err(Error::Refused(format!(
                        "nothing was changed: {what}, and it differs ({}): make the bundle equal to it, or set \
                         `adopt: override`",
                        paths(&differences)
                    )));
                }
                let wanted = self.site.options.settings.service_account.as_deref();
                if !current.runs_as(wanted) {
                    return Err(Error::Refused(format!(
                        "nothing was changed: {what}, and it runs as {}: set `deploy.serviceAccount` to it, or set \
                         `adopt: override`",
                        current.deployment.service_account_email().unwrap_or_default()
                    )));
                }
                Ok(current.containing(digest))
            }
        }
    }

    /// Compares the files of a revision that may be edited although its description has the digest of this bundle.
    async fn find_edit(&mut self, current: &Current, record: Option<&Record>) -> Result<(), Error> {
        let may_be_edited = record.is_some_and(|record| may_be_edited(record, current));
        if !may_be_edited || !current.is(self.bundle.digest) || self.site.edited.is_some() {
            return Ok(());
        }
        let files = self.differences(current.id()).await?;
        if !files.is_empty() {
            self.site.warn(Phase::Read, Drift::Edited { revision: current.id(), files }.to_string());
            self.site.edited = Some(current.id());
        }
        Ok(())
    }

    /// How the files of a revision differ from the bundle.
    async fn differences(&self, id: RevisionId) -> Result<Vec<FileDifference>, Error> {
        let files = revision_files(self.site.client, self.site.resource, id).await?;
        Ok(compare(self.bundle.kind, &files, &self.bundle.files))
    }

    /// Records the new deployment and deletes old revisions. `modified` is when the revision was last changed, and `started` when the deployment started.
    async fn settle(
        &self,
        (id, modified): (RevisionId, Option<u64>),
        started: u64,
        existing: &BTreeSet<RevisionId>,
        ownership: &mut Ownership,
    ) -> Result<(), Error> {
        if self.site.options.claimant.is_some() {
            let seen = Some(started).filter(|started| *started > 0 && self.site.options.wait == WaitFor::Ready);
            let recorded = RecordedRevision { id, modified, seen };
            ownership.confirm(&self.site, self.bundle.digest, recorded).await?;
        }
        self.clean_up(id, existing).await;
        Ok(())
    }

    /// The deployed revision with its entry in the record, if the record vouches for it: then nothing else is read. The deployments and the record are
    /// those of a batch, which reads them once for all its bundles.
    fn vouched(&self, ownership: &Ownership) -> Option<(RevisionId, RecordedRevision)> {
        let options = self.site.options;
        let is_own = matches!(ownership.right(), Some(Claim::Own | Claim::Moved { .. } | Claim::Replaced));
        if !is_own || self.is_second_look || self.site.edited.is_some() {
            return None;
        }
        let account = options.settings.service_account.as_deref();
        let id = vouched(ownership.record(), options.listed.as_deref()?, self.bundle.digest, account)?;
        Some((id, ownership.record()?.revision.clone()?))
    }

    fn rollout<'b>(
        &'b self,
        client: &'b Client,
        id: RevisionId,
        before: Before,
        ownership: &'b Ownership,
    ) -> Rollout<'b> {
        let account = self.site.options.settings.service_account.as_deref();
        let seen = before.current().map(|current| current.deployment.clone());
        let young = seen.as_ref().is_some_and(|deployment| !is_settled(deployment));
        Rollout {
            site: self.site,
            client,
            ownership,
            id,
            seen,
            leaving: Vec::new(),
            way_back: plan::way_back(before, id, account, self.site.environment.as_str(), young),
        }
    }

    /// Deletes old revisions, once the new one is ready. `existing` are the revisions that the run knows.
    async fn clean_up(&self, id: RevisionId, existing: &BTreeSet<RevisionId>) {
        if self.site.options.wait == WaitFor::Ready && retention::may_be_too_many(&self.site, existing) {
            retention::delete_old(&self.site, self.previous.into_iter().chain([id])).await;
        }
    }

    /// The current deployment in the environment. `record` is the record of the bundle.
    async fn current(&self, record: Option<&Record>) -> Result<Option<Current>, Error> {
        let site = self.site;
        let listed = match &site.options.listed {
            Some(listed) if !self.is_second_look => newest(listed.clone()),
            _ => site.deployed().await?,
        };
        let Some(listed) = listed else {
            return Ok(None);
        };
        // A bundle that stays is examined: the Job of a single one runs because something about it is new.
        let replaced = record.filter(|record| record.digest != self.bundle.digest.hex());
        if let Some(current) = replaced.and_then(|record| Current::recorded(&listed, record)) {
            return Ok(Some(current));
        }
        let revision = site.sure().revision(site.resource, listed.revision).await?;
        if site.options.listed.is_some() && is_settled(&listed) {
            let ready = Deployment { state: RuntimeState::Ready, ..listed };
            return Ok(Some(Current::new(ready, revision)));
        }
        // The list does not contain the state.
        let deployment = match site.client.deployment(site.resource, site.environment, listed.revision).await {
            Err(error) if error.is_not_found() => listed,
            other => site.confirmed(other?).await?,
        };
        Ok(Some(Current::new(deployment, revision)))
    }

    /// The record of an edited revision is ignored.
    fn believed(&self, current: Current) -> Current {
        if self.site.edited == Some(current.id()) { Current { record: None, ..current } } else { current }
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

/// The files that differ, in one line.
fn paths(differences: &[FileDifference]) -> String {
    let paths: Vec<&str> = differences.iter().map(|difference| difference.path.as_str()).collect();
    paths.join(", ")
}
