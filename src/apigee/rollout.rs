//! Puts a revision in the place of what is deployed, and goes back if it does not run.
//!
//! No moment is chosen here with nothing deployed: a revision always takes the other's place. What another deployer put there
//! meanwhile is never replaced, neither by the new revision nor by the one to go back to.

use tokio::time::Instant;

use super::client::{Client, DeployOptions};
use super::deploy::{Phase, WaitFor};
use super::deployment::{Deployment, DeploymentType};
use super::plan::WayBack;
use super::site::Site;
use super::wait::Wait;
use super::{Error, RevisionId, smoke_test};
use crate::bundle::BundleKind;

/// One revision on its way into an environment.
pub(super) struct Rollout<'a> {
    pub site: Site<'a>,
    /// For requests about the revision, which may be young.
    pub client: &'a Client,
    pub id: RevisionId,
    /// What was deployed when this was decided.
    pub seen: Option<&'a Deployment>,
    pub way_back: WayBack,
}

impl Rollout<'_> {
    /// Deploys and waits. `is_extensible` says that the revision has an extensible policy.
    pub(super) async fn run(&self, is_extensible: bool) -> Result<(), Error> {
        self.check_class(is_extensible)?;
        let sequenced_rollout = self.check_changes().await?;
        let started = if let Some(started) = self.compare().await? {
            started
        } else {
            let account = self.site.options.settings.service_account.as_deref();
            let options = DeployOptions { service_account: account, sequenced_rollout };
            let accepted = self.client.deploy(self.site.resource, self.site.environment, self.id, options).await?;
            self.site.say(Phase::Deploy, format!("the deployment of revision {} is accepted", self.id));
            accepted.started()
        };
        self.watch(started).await
    }

    /// Waits for a deployment that was accepted at `started` (0: any counts), and goes back if it fails.
    pub(super) async fn watch(&self, started: u64) -> Result<(), Error> {
        if self.site.options.wait == WaitFor::Accepted {
            return Ok(());
        }
        match self.until_good(started).await {
            Err(error @ Error::Overtaken(_)) => Err(error),
            // The next run watches on; what fails then is taken back as its record says.
            Err(error @ Error::Stopped(_)) => {
                Err(error.leaving(&format!("revision {} is put in place and was not seen READY", self.id)))
            }
            Err(error) => Err(self.go_back(error).await),
            Ok(()) => Ok(()),
        }
    }

    async fn until_good(&self, started: u64) -> Result<(), Error> {
        self.wait(self.id, started, self.site.deadline()).await?;
        let Some(test) = &self.site.options.settings.smoke_test else { return Ok(()) };
        let polling = self.site.options.polling;
        smoke_test::run(self.site.client, test, polling, self.site.deadline()).await.map_err(|why| {
            if self.site.client.stop().is_requested() {
                Error::Stopped(why)
            } else {
                Error::Refused(format!("revision {} is ready, but {why}", self.id))
            }
        })?;
        self.site.say(Phase::Wait, format!("the smoke test GET {} has the status {}", test.url, test.expect_status));
        Ok(())
    }

    async fn wait(&self, id: RevisionId, started: u64, deadline: Instant) -> Result<(), Error> {
        Wait { site: self.site, id, started, deadline }.until_ready().await?;
        self.site.say(Phase::Wait, format!("revision {id} is ready"));
        Ok(())
    }

    /// A standard proxy does not become extensible, which may cost more and locks the proxy for a while, unless that is allowed
    /// in so many words.
    fn check_class(&self, is_extensible: bool) -> Result<(), Error> {
        let allowed = self.site.options.settings.allow_extensible;
        if !is_extensible || allowed == Some(true) {
            return Ok(());
        }
        let becomes = self.seen.is_some_and(|seen| seen.proxy_deployment_type == DeploymentType::Standard);
        if allowed == Some(false) || becomes {
            return Err(Error::Refused(format!(
                "revision {} is not deployed, and what runs is as before: it has an extensible policy and {}; an extensible \
                 deployment may cost more; remove the policy (`apigee-flux check` names it), or set `deploy.allowExtensible: true`",
                self.id,
                if becomes { "the deployed revision is a standard one" } else { "`deploy.allowExtensible` is false" },
            )));
        }
        Ok(())
    }

    /// Asks what the deployment would change, before traffic moves. True when it should be sequenced.
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
                        "revision {} is not deployed, and what runs is as before: {}",
                        self.id,
                        obstacles.join("; ")
                    )));
                }
                Ok(report.should_sequence_rollout())
            }
        }
    }

    /// Looks again right before the write. When another deployer put this very revision there meanwhile, the answer is when that
    /// was; when it put another one there, this run has lost.
    async fn compare(&self) -> Result<Option<u64>, Error> {
        let now = self.site.deployed().await?;
        let revision = |deployment: Option<&Deployment>| deployment.map(|deployment| deployment.revision);
        if revision(now.as_ref()) == revision(self.seen) {
            return Ok(None);
        }
        match now {
            Some(now) if now.revision == self.id => {
                self.site.say(Phase::Deploy, format!("another deployer put revision {} there meanwhile", self.id));
                Ok(Some(now.started()))
            }
            Some(now) => Err(Error::Overtaken(format!(
                "another deployer put revision {} there since this run looked, so this run did not deploy revision {}; the next \
                 run decides anew",
                now.revision, self.id
            ))),
            // Somebody took it out; there is nobody to get in the way of.
            None => Ok(None),
        }
    }

    /// Restores what was. Apigee does not: after a failed deployment with override the former revision is gone
    /// (Apigee's page "Deploy API proxies using the UI", note). Returns the error to end with; it keeps the exit code of the first.
    async fn go_back(&self, error: Error) -> Error {
        if self.way_back == WayBack::Same {
            return explain(&error, "it was deployed before in the same way, so there is nothing to go back to");
        }
        // When even this cannot be read, what was deployed by this run is the best guess.
        if let Ok(Some(now)) = self.site.deployed().await
            && now.revision != self.id
        {
            return explain(
                &error,
                &format!("another deployer put revision {} there meanwhile, which stays", now.revision),
            );
        }
        match &self.way_back {
            WayBack::Same => error,
            WayBack::Nothing => {
                self.site.warn(Phase::Rollback, format!("{error}; taking it out again"));
                match self.site.client.undeploy(self.site.resource, self.site.environment, self.id).await {
                    Ok(()) => explain(&error, "it was taken out again, since nothing was deployed before"),
                    Err(second) => explain(
                        &error,
                        &format!("nothing was deployed before, and taking it out again failed too: {second}"),
                    ),
                }
            }
            WayBack::Former { revision, service_account } => {
                self.site.warn(Phase::Rollback, format!("{error}; going back to revision {revision}"));
                match self.restore(*revision, service_account.as_deref()).await {
                    Ok(()) => explain(&error, &format!("went back to revision {revision}, which is ready")),
                    Err(second) => explain(&error, &format!("going back to revision {revision} failed too: {second}")),
                }
            }
        }
    }

    async fn restore(&self, revision: RevisionId, service_account: Option<&str>) -> Result<(), Error> {
        let options = DeployOptions { service_account, sequenced_rollout: false };
        let client = self.site.sure();
        let accepted = client.deploy(self.site.resource, self.site.environment, revision, options).await?;
        let deadline = Instant::now() + self.site.options.timeout / 2;
        self.wait(revision, accepted.started(), deadline).await
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
