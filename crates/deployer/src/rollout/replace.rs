//! Deploys a revision in place of the current one, and rolls back if it does not become ready.
//!
//! The deployment is never removed first: a revision always replaces the other one. Only a proxy with another name that
//! has its base path and is no longer in Git is undeployed first. A deployment that another deployer made in the meantime
//! is never replaced, neither by the new revision nor by a rollback.

use tokio::time::Instant;

use crate::api::client::{Client, DeployParameters};
use crate::api::deployment::{Deployment, DeploymentType};
use crate::api::revision::Revision;
use crate::api::work_time::WorkTime;
use crate::compare::absence::Absence;
use crate::error::Error;
use crate::event::Phase;
use crate::rollout::occupied::{self, Leaving, Way};
use crate::rollout::options::WaitFor;
use crate::rollout::ownership::Ownership;
use crate::rollout::plan::WayBack;
use crate::rollout::site::Site;
use crate::rollout::smoke_test;
use crate::rollout::wait::{Wait, WaitFailure};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::names::RevisionId;

/// The rollout of one revision to an environment.
pub(crate) struct Rollout<'a> {
    pub site: Site<'a>,
    /// For requests about the revision, which may be new.
    pub client: &'a Client,
    /// The right of the run to deploy it.
    pub ownership: &'a Ownership,
    pub id: RevisionId,
    /// The deployment at the time of the decision.
    pub seen: Option<Deployment>,
    /// Proxies that give way to it.
    pub leaving: Vec<Leaving>,
    pub way_back: WayBack,
}

/// The result of the request to deploy.
enum Accepted {
    /// This run's request was accepted.
    Here(Deployment),
    /// The revision is deployed, but not or not certainly by this run.
    Elsewhere(Deployment),
}

impl Rollout<'_> {
    /// The rollout of a revision that was imported by this run, or by another one at the same time.
    #[must_use]
    pub(crate) fn after_import(self, by_us: bool) -> Self {
        let way_back = match self.way_back {
            WayBack::Nothing(absence) => absence.with_imported(self.id, by_us).map_or(WayBack::Stays, WayBack::Nothing),
            other => other,
        };
        Self { way_back, ..self }
    }

    /// Deploys and waits. `revision` is the revision, if it is known.
    /// Returns when the deployment started, in milliseconds since 1970; 0 if that is not known.
    pub(crate) async fn run(mut self, revision: Option<&Revision>) -> Result<u64, Error> {
        self.check_class(revision.is_some_and(|revision| revision.has_extensible_policy))?;
        let base_paths = revision.map(|revision| revision.basepaths.as_slice()).unwrap_or_default();
        let sequenced_rollout = self.check_changes(base_paths).await?;
        let mut interrupted = None;
        let accepted = loop {
            // If the run has to wait for the quota after these checks, it checks again.
            let deciding = self.client.deciding();
            if let Some(deployment) = self.compare().await? {
                self.leaving.clear();
                break Accepted::Elsewhere(deployment);
            }
            self.ownership.verify(&self.site).await?;
            if self.leaving.is_empty() {
                match self.deploy(&deciding, sequenced_rollout).await {
                    Err(Error::Paused) => continue,
                    accepted => break accepted?,
                }
            }
            interrupted = Some(Instant::now());
            match self.make_room(&deciding).await {
                Err(Error::Paused) => continue,
                done => done?,
            }
            match self.deploy(self.client, sequenced_rollout).await {
                Ok(accepted) => break accepted,
                Err(error) => return Err(self.restore_others(error).await),
            }
        };
        let started = match accepted {
            Accepted::Here(deployment) => {
                self.site.say(Phase::Deploy, format!("Apigee accepted the deployment of revision {}", self.id));
                deployment.started()
            }
            Accepted::Elsewhere(deployment) => {
                if matches!(self.way_back, WayBack::Nothing(_)) {
                    self.way_back = WayBack::Stays;
                }
                deployment.started()
            }
        };
        let site = self.site;
        self.watch(started).await?;
        if let Some(since) = interrupted {
            let text = format!("the base paths of the former proxy are served again after {:.1?}", since.elapsed());
            site.say(Phase::Wait, text);
        }
        Ok(started)
    }

    /// Undeploys the proxies that give way.
    async fn make_room(&mut self, deciding: &Client) -> Result<(), Error> {
        for leaving in &self.leaving {
            leaving.verify(&self.site).await?;
        }
        for at in 0..self.leaving.len() {
            // What follows the first one must be done whatever the time between.
            let client = if at == 0 { deciding } else { self.client };
            if let Err(error) = self.leaving[at].undeploy(&Site { client, ..self.site }).await {
                if at == 0 && matches!(error, Error::Paused) {
                    return Err(error);
                }
                // The request may have succeeded.
                self.leaving.truncate(at + 1);
                return Err(self.restore_others(error).await);
            }
        }
        Ok(())
    }

    /// Deploys the proxies again that gave way to a revision that is not deployed. The final error.
    async fn restore_others(&self, error: Error) -> Error {
        if self.leaving.is_empty() {
            return error;
        }
        let (all, result) = occupied::restore(&self.site, &self.leaving).await;
        Error::NotReady { cause: Box::new(error), result, restored: all }
    }

    async fn deploy(&self, client: &Client, sequenced_rollout: bool) -> Result<Accepted, Error> {
        let account = self.site.options.settings.service_account.as_deref();
        let options = DeployParameters { service_account: account, sequenced_rollout };
        let accepted = if self.leaving.is_empty() {
            client.deploy(self.site.resource, self.site.environment, self.id, options).await
        } else {
            occupied::deploy_when_free(&Site { client, ..self.site }, self.id, options).await
        };
        let error = match accepted {
            Ok(accepted) => return Ok(Accepted::Here(accepted)),
            Err(error) if error.is_ambiguous() => error,
            Err(error) => return Err(error),
        };
        // The request may have succeeded. A new deployment of this revision is watched, so that a failure is rolled
        // back.
        let before = self.seen.as_ref().map(|seen| (seen.revision, seen.started()));
        match self.site.deployed().await {
            Ok(Some(now)) if now.revision == self.id && before != Some((now.revision, now.started())) => {
                self.site.warn(Phase::Deploy, format!("{error}; however, revision {} is deployed", self.id));
                Ok(Accepted::Elsewhere(now))
            }
            _ => Err(error),
        }
    }

    /// Waits for a deployment that was accepted at `started` (0: any counts), and rolls back if it fails.
    pub(crate) async fn watch(mut self, started: u64) -> Result<(), Error> {
        if self.site.options.wait == WaitFor::Accepted {
            return Ok(());
        }
        match self.until_good(started).await {
            Err(WaitFailure { error: error @ Error::ConcurrentChange(_), .. }) => Err(error),
            // The next run continues to wait; after a failure it rolls back according to the record.
            Err(WaitFailure { error: error @ Error::Stopped(_), .. }) => {
                Err(error.leaving(&format!("revision {} is deployed but was not READY yet", self.id)))
            }
            Err(why) => {
                let (site, leaving) = (self.site, std::mem::take(&mut self.leaving));
                let error = self.go_back(why, started).await;
                Err(with_others(&site, &leaving, error).await)
            }
            Ok(()) => Ok(()),
        }
    }

    async fn until_good(&self, started: u64) -> Result<(), WaitFailure> {
        self.wait(self.id, started, self.site.deadline()).await?;
        let Some(test) = &self.site.options.settings.smoke_test else { return Ok(()) };
        let polling = self.site.options.polling;
        let tested = smoke_test::run(self.site.client, test, polling, self.site.deadline());
        self.site.options.place.without_worker(tested).await.map_err(|why| {
            WaitFailure::seen(if self.site.client.stop().is_requested() {
                Error::Stopped(why)
            } else {
                Error::Refused(format!("revision {} is ready, but {why}", self.id))
            })
        })?;
        self.site
            .say(Phase::Wait, format!("the smoke test GET {} returned the status {}", test.url, test.expect_status));
        Ok(())
    }

    async fn wait(&self, id: RevisionId, started: u64, deadline: WorkTime) -> Result<(), WaitFailure> {
        Wait { site: self.site, id, started, deadline }.until_ready().await?;
        self.site.say(Phase::Wait, format!("revision {id} is ready"));
        Ok(())
    }

    /// A standard proxy does not become extensible, which may cost more and locks the proxy for a while, unless this is
    /// explicitly allowed.
    fn check_class(&self, is_extensible: bool) -> Result<(), Error> {
        let allowed = self.site.options.settings.allow_extensible;
        if !is_extensible || allowed == Some(true) {
            return Ok(());
        }
        let standard = |seen: &Deployment| seen.proxy_deployment_type == DeploymentType::Standard;
        let becomes = self.seen.as_ref().is_some_and(standard);
        if allowed == Some(false) || becomes {
            return Err(Error::Refused(format!(
                "revision {} is not deployed, and the actual state is unchanged: the revision has an extensible \
                 policy, and {}; an extensible deployment may cost more; remove the policy (`apigee-flux check` names \
                 it), or set `deploy.allowExtensible: true`",
                self.id,
                if becomes { "the deployed revision is a standard one" } else { "`deploy.allowExtensible` is false" },
            )));
        }
        Ok(())
    }

    /// Reads the changes that the deployment would cause, before traffic is routed to it. True if it should be
    /// sequenced.
    async fn check_changes(&mut self, base_paths: &[String]) -> Result<bool, Error> {
        match self.site.resource.kind {
            // The API has no report for shared flows.
            BundleKind::SharedFlow => Ok(false),
            BundleKind::Proxy => {
                let deadline = self.site.start + self.site.options.timeout / 2;
                let (mut pause, mut last) = (self.site.options.polling.first, String::new());
                loop {
                    let report =
                        self.client.deploy_change_report(self.site.resource, self.site.environment, self.id).await?;
                    let (conflicts, obstacles) = report.split_obstacles();
                    if !obstacles.is_empty() {
                        return Err(Error::Refused(format!(
                            "revision {} is not deployed, and the actual state is unchanged: {}",
                            self.id,
                            report.obstacles().join("; ")
                        )));
                    }
                    let why = match occupied::examine(&self.site, self.id, base_paths, &conflicts).await? {
                        Way::Leaving(leaving) => {
                            self.leaving = leaving;
                            return Ok(report.should_sequence_rollout());
                        }
                        Way::NotYet(why) => why,
                    };
                    if self.site.client.now() >= deadline {
                        return Err(Error::Temporary(format!(
                            "revision {} is not deployed, and the actual state is unchanged: a base path is not free \
                             after {:.0?}: {why}",
                            self.id,
                            self.site.options.timeout / 2
                        )));
                    }
                    if why != last {
                        self.site.say(Phase::Wait, format!("waiting: {why}"));
                        last = why;
                    }
                    self.site.pause(pause).await;
                    pause = self.site.options.polling.longer(pause);
                }
            }
        }
    }

    /// Reads the state again immediately before the write. If another deployer deployed this same revision, returns
    /// that deployment; if it deployed another one, returns an error.
    async fn compare(&self) -> Result<Option<Deployment>, Error> {
        let now = self.site.deployed().await?;
        let revision = |deployment: Option<&Deployment>| deployment.map(|deployment| deployment.revision);
        if revision(now.as_ref()) == revision(self.seen.as_ref()) {
            return Ok(None);
        }
        match now {
            Some(now) if now.revision == self.id => {
                self.site.say(Phase::Deploy, format!("another deployer deployed revision {} in the meantime", self.id));
                Ok(Some(now))
            }
            Some(now) => Err(Error::ConcurrentChange(format!(
                "another deployer deployed revision {} after this run read the state, so this run did not deploy \
                 revision {}; the next run decides again",
                now.revision, self.id
            ))),
            // It was undeployed; there is no other deployment to interfere with.
            None => Ok(None),
        }
    }

    /// Restores the previous state. Apigee does not: after a failed deployment with override the previous revision is
    /// gone (Apigee's page "Deploy API proxies using the UI", note). Returns the final error; it keeps the exit code of
    /// the first one.
    async fn go_back(mut self, why: WaitFailure, started: u64) -> Error {
        let WaitFailure { error, is_seen } = why;
        // The timeout of the deployment has passed; the rollback has half as much.
        let in_time = self.site.client.with_new_deadline(self.site.client.now() + self.site.options.timeout / 2);
        self.site.client = &in_time;
        let now = match (&self.way_back, self.site.deployed().await) {
            (WayBack::Stays, _) => {
                return explain(
                    error,
                    "the revision stays deployed: it was already deployed in the same way, or by another run",
                );
            }
            (_, Ok(Some(now))) if now.revision != self.id => {
                return explain(
                    error,
                    &format!(
                        "another deployer deployed revision {} in the meantime, which stays deployed",
                        now.revision
                    ),
                );
            }
            (_, now) => now,
        };
        match self.way_back {
            WayBack::Stays => error,
            WayBack::Nothing(_) if !is_seen => {
                explain(error, "the revision stays deployed because it may be ready; the next run checks again")
            }
            WayBack::Nothing(absence) => take_out(&self.site, self.id, absence, error, started, now).await,
            WayBack::Former { revision, ref service_account } => {
                self.site.warn(Phase::Rollback, format!("{error}; rolling back to revision {revision}"));
                match self.restore(revision, service_account.as_deref()).await {
                    Ok(()) => restored(error, &format!("rolled back to revision {revision}, which is ready")),
                    Err(second) => explain(error, &format!("the rollback to revision {revision} failed too: {second}")),
                }
            }
        }
    }

    async fn restore(&self, revision: RevisionId, service_account: Option<&str>) -> Result<(), Error> {
        let options = DeployParameters { service_account, sequenced_rollout: false };
        let client = self.site.sure();
        let accepted = client.deploy(self.site.resource, self.site.environment, revision, options).await?;
        let deadline = client.now() + self.site.options.timeout / 2;
        self.wait(revision, accepted.started(), deadline).await.map_err(|why| why.error)
    }
}

/// Undeploys a revision that this run deployed where nothing was deployed: `absence` is the proof, and the deployment
/// `now` must be the one that was accepted at `started`. Otherwise it stays deployed.
async fn take_out(
    site: &Site<'_>,
    id: RevisionId,
    absence: Absence,
    error: Error,
    started: u64,
    now: Result<Option<Deployment>, Error>,
) -> Error {
    match now {
        Ok(Some(now)) if started > 0 && now.started() == started => {}
        Ok(Some(_)) => {
            return explain(
                error,
                "another deployer deployed the revision again in the meantime, so it stays deployed",
            );
        }
        Ok(None) => return explain(error, "the revision is no longer deployed"),
        Err(second) => {
            return explain(
                error,
                &format!("the current deployment cannot be read, so nothing is undeployed: {second}"),
            );
        }
    }
    site.warn(Phase::Rollback, format!("{error}; undeploying the revision"));
    let undeployed = site.client.undeploy(site.resource, site.environment, id).await;
    drop(absence);
    match undeployed {
        Ok(()) => restored(error, "the revision was undeployed because nothing was deployed before"),
        Err(second) => {
            explain(error, &format!("nothing was deployed before, and undeploying the revision failed too: {second}"))
        }
    }
}

/// The error of a rolled-back deployment, after the proxies that gave way to it are deployed again. If it could not be
/// rolled back, they stay undeployed: it has their base paths.
async fn with_others(site: &Site<'_>, leaving: &[Leaving], error: Error) -> Error {
    match error {
        Error::NotReady { cause, result, restored: true } if !leaving.is_empty() => {
            let (all, others) = occupied::restore(site, leaving).await;
            Error::NotReady { cause, result: format!("{result}; {others}"), restored: all }
        }
        other => other,
    }
}

/// The error with the result of an incomplete rollback.
fn explain(cause: Error, result: &str) -> Error {
    Error::NotReady { cause: Box::new(cause), result: result.to_owned(), restored: false }
}

/// The error with the result of a complete rollback.
fn restored(cause: Error, result: &str) -> Error {
    Error::NotReady { cause: Box::new(cause), result: result.to_owned(), restored: true }
}
