//! Deploys a revision in place of the current one, and rolls back if it does not become ready.
//!
//! The deployment is never removed first: a revision always replaces the other one. A deployment that another deployer
//! made in the meantime is never replaced, neither by the new revision nor by a rollback.

use tokio::time::Instant;

use crate::api::client::{Client, DeployParameters};
use crate::api::deployment::{Deployment, DeploymentType};
use crate::compare::absence::Absence;
use crate::error::Error;
use crate::event::Phase;
use crate::rollout::options::WaitFor;
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
    pub id: RevisionId,
    /// The deployment at the time of the decision.
    pub seen: Option<Deployment>,
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

    /// Deploys and waits. `is_extensible` means that the revision has an extensible policy.
    pub(crate) async fn run(mut self, is_extensible: bool) -> Result<(), Error> {
        self.check_class(is_extensible)?;
        let sequenced_rollout = self.check_changes().await?;
        let accepted = match self.compare().await? {
            Some(deployment) => Accepted::Elsewhere(deployment),
            None => self.deploy(sequenced_rollout).await?,
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
        self.watch(started).await
    }

    async fn deploy(&self, sequenced_rollout: bool) -> Result<Accepted, Error> {
        let account = self.site.options.settings.service_account.as_deref();
        let options = DeployParameters { service_account: account, sequenced_rollout };
        let error = match self.client.deploy(self.site.resource, self.site.environment, self.id, options).await {
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
    pub(crate) async fn watch(self, started: u64) -> Result<(), Error> {
        if self.site.options.wait == WaitFor::Accepted {
            return Ok(());
        }
        match self.until_good(started).await {
            Err(WaitFailure { error: error @ Error::ConcurrentChange(_), .. }) => Err(error),
            // The next run continues to wait; after a failure it rolls back according to the record.
            Err(WaitFailure { error: error @ Error::Stopped(_), .. }) => {
                Err(error.leaving(&format!("revision {} is deployed but was not READY yet", self.id)))
            }
            Err(why) => Err(self.go_back(why, started).await),
            Ok(()) => Ok(()),
        }
    }

    async fn until_good(&self, started: u64) -> Result<(), WaitFailure> {
        self.wait(self.id, started, self.site.deadline()).await?;
        let Some(test) = &self.site.options.settings.smoke_test else { return Ok(()) };
        let polling = self.site.options.polling;
        smoke_test::run(self.site.client, test, polling, self.site.deadline()).await.map_err(|why| {
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

    async fn wait(&self, id: RevisionId, started: u64, deadline: Instant) -> Result<(), WaitFailure> {
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
    async fn check_changes(&self) -> Result<bool, Error> {
        match self.site.resource.kind {
            // The API has no report for shared flows.
            BundleKind::SharedFlow => Ok(false),
            BundleKind::Proxy => {
                let report =
                    self.client.deploy_change_report(self.site.resource, self.site.environment, self.id).await?;
                let obstacles = report.obstacles();
                if !obstacles.is_empty() {
                    return Err(Error::Refused(format!(
                        "revision {} is not deployed, and the actual state is unchanged: {}",
                        self.id,
                        obstacles.join("; ")
                    )));
                }
                Ok(report.should_sequence_rollout())
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
        let in_time = self.site.client.with_new_deadline(Instant::now() + self.site.options.timeout / 2);
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
                    Ok(()) => explain(error, &format!("rolled back to revision {revision}, which is ready")),
                    Err(second) => explain(error, &format!("the rollback to revision {revision} failed too: {second}")),
                }
            }
        }
    }

    async fn restore(&self, revision: RevisionId, service_account: Option<&str>) -> Result<(), Error> {
        let options = DeployParameters { service_account, sequenced_rollout: false };
        let client = self.site.sure();
        let accepted = client.deploy(self.site.resource, self.site.environment, revision, options).await?;
        let deadline = Instant::now() + self.site.options.timeout / 2;
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
        Ok(()) => explain(error, "the revision was undeployed because nothing was deployed before"),
        Err(second) => {
            explain(error, &format!("nothing was deployed before, and undeploying the revision failed too: {second}"))
        }
    }
}

/// The error with the result of the rollback.
fn explain(cause: Error, result: &str) -> Error {
    Error::NotReady { cause: Box::new(cause), result: result.to_owned() }
}
