//! Base paths that another proxy of the same environment still has.
//!
//! Apigee does not deploy two proxies with one base path in an environment, so a proxy that is renamed cannot be deployed
//! beside its former name. If the other proxy belongs to the same desired state and is no longer defined by it, it gives
//! way: everything else is prepared first, then it is undeployed and the new one is deployed at once, and it is deployed
//! again if the new one does not become ready. If it is still defined, its own Job moves it to another base path, and
//! the run waits for that.

use std::time::Duration;

use crate::api::client::DeployParameters;
use crate::api::deployment::Deployment;
use crate::api::resource_name::ResourceName;
use crate::compare::current::newest;
use crate::error::Error;
use crate::error::precondition::PreconditionViolation;
use crate::event::Phase;
use crate::records::register;
use crate::rollout::site::{Site, resource_id};
use crate::rollout::wait::Wait;
use apigee_flux_configuration::ownership::claim;
use apigee_flux_configuration::{Actor, Record};
use apigee_flux_model::lifecycle::Adopt;
use apigee_flux_model::names::{Name, RevisionId};

/// How long Apigee may still refuse a base path after the proxy that had it was undeployed.
const FREE_AFTER: Duration = Duration::from_secs(30);

/// A proxy that gives way.
#[derive(Debug)]
pub(crate) struct Leaving {
    name: Name,
    /// Its record: it must not change before it is undeployed.
    record: Record,
    deployment: Deployment,
    /// The base paths that it has in common with the new one.
    base_paths: Vec<String>,
}

/// What becomes of the proxies in the way.
pub(crate) enum Way {
    /// They give way.
    Leaving(Vec<Leaving>),
    /// One of them is still needed where it is, as far as this run knows. It may change soon.
    NotYet(String),
}

/// What becomes of the proxies that have base paths of revision `id`. An error if one of them stays.
pub(crate) async fn examine(
    site: &Site<'_>,
    id: RevisionId,
    base_paths: &[String],
    conflicts: &[&PreconditionViolation],
) -> Result<Way, Error> {
    let mut leaving = Vec::new();
    for conflict in conflicts {
        let stays = |why: String| {
            Error::Refused(format!(
                "revision {id} is not deployed, and the actual state is unchanged: {conflict}; {why}"
            ))
        };
        let text = conflict.conflicting_proxy().unwrap_or_default();
        let name: Name = text.parse().map_err(stays)?;
        let Some(claimant) = &site.options.claimant else {
            return Err(stays(format!("undeploy `{name}`, or choose another base path")));
        };
        let Some(record) =
            register::read_one(site.client, site.place(), &resource_id(site.resource.kind, &name)).await?
        else {
            return Err(stays(format!(
                "`{name}` has no record of apigee-flux, so it stays deployed: undeploy it manually, or choose another \
                 base path"
            )));
        };
        claim(Some(&record), claimant, Adopt::Never).map_err(|refusal| stays(format!("`{name}`: {refusal}")))?;
        let Some(names) = &site.options.names else {
            return Err(stays(format!(
                "`{name}` has the same owner, but this run does not know whether Git still defines it (--state)"
            )));
        };
        if names.get(false, &record.id).is_some() {
            return Ok(Way::NotYet(format!("{conflict}; `{name}` is still in Git: its own Job has not moved it yet")));
        }
        if claimant.actor == Actor::Reconciler {
            return Ok(Way::NotYet(format!("{conflict}; the Job of this proxy undeploys `{name}`")));
        }
        let other = ResourceName { name: &name, ..site.resource };
        let Some(deployment) = newest(site.client.deployments(other, site.environment).await?) else {
            return Ok(Way::NotYet(format!("{conflict}; `{name}` is undeployed already")));
        };
        let obstacles =
            site.client.undeploy_change_report(other, site.environment, deployment.revision).await?.obstacles();
        if !obstacles.is_empty() {
            return Err(stays(format!("`{name}` cannot be undeployed: {}", obstacles.join("; "))));
        }
        let mut common = site.client.revision(other, deployment.revision).await?.basepaths;
        common.retain(|path| base_paths.contains(path));
        leaving.push(Leaving { name, record, deployment, base_paths: common });
    }
    Ok(Way::Leaving(leaving))
}

impl Leaving {
    fn resource<'a>(&'a self, site: &Site<'a>) -> ResourceName<'a> {
        ResourceName { name: &self.name, ..site.resource }
    }

    fn paths(&self) -> String {
        let paths: Vec<String> = self.base_paths.iter().map(|path| format!("`{path}`")).collect();
        if paths.is_empty() { "unknown".to_owned() } else { paths.join(", ") }
    }

    /// Reads the record again: a newer state of Git may need the proxy.
    pub(crate) async fn verify(&self, site: &Site<'_>) -> Result<(), Error> {
        match register::read_one(site.client, site.place(), &self.record.id).await? {
            Some(now) if (&now.job, &now.digest) == (&self.record.job, &self.record.digest) => Ok(()),
            // A run for its removal, which may be in the middle of it.
            None => Ok(()),
            Some(_) => Err(Error::Temporary(format!(
                "nothing was undeployed: another run changed the record of the proxy `{}`, which has the base path {}, \
                 after this run read it; the next run decides again",
                self.name,
                self.paths()
            ))),
        }
    }

    /// Undeploys it. A stop of the run does not reach this request, since the deployment must follow it.
    pub(crate) async fn undeploy(&self, site: &Site<'_>) -> Result<(), Error> {
        let revision = self.deployment.revision;
        site.warn(
            Phase::Deploy,
            format!(
                "the base path {} moves from the proxy `{name}`, which is no longer in Git, to `{}`: requests to it fail \
                 from now until the new revision is READY; to rename a proxy without this interruption, set \
                 `spec.name: {name}` to keep the name in Apigee",
                self.paths(),
                site.resource.name,
                name = self.name,
            ),
        );
        site.client.unstoppable().undeploy(self.resource(site), site.environment, revision).await
    }

    /// Deploys it again, and waits until it is ready.
    async fn restore(&self, site: &Site<'_>) -> Result<(), Error> {
        let patience = site.options.timeout / 2;
        let client = site.client.unstoppable().with_new_deadline(site.client.now() + patience);
        let site = Site { client: &client, resource: self.resource(site), ..*site };
        if register::read_one(&client, site.place(), &self.record.id).await?.is_none() {
            return Err(Error::Temporary("its record was removed in the meantime, and with it the proxy".to_owned()));
        }
        let id = self.deployment.revision;
        let options =
            DeployParameters { service_account: self.deployment.service_account_email(), sequenced_rollout: false };
        let accepted = deploy_when_free(&site, id, options).await?;
        let wait = Wait { site, id, started: accepted.started(), deadline: client.now() + patience };
        wait.until_ready().await.map_err(|why| why.error)
    }
}

/// Deploys proxies again that gave way. The result, for the error of the run.
pub(crate) async fn restore(site: &Site<'_>, left: &[Leaving]) -> (bool, String) {
    let (mut all, mut texts) = (true, Vec::new());
    for leaving in left {
        let (name, revision) = (&leaving.name, leaving.deployment.revision);
        site.warn(Phase::Rollback, format!("deploying revision {revision} of the proxy `{name}` again"));
        texts.push(match leaving.restore(site).await {
            Ok(()) => format!("revision {revision} of the proxy `{name}`, which had the base path, is deployed again and ready"),
            Err(error) => {
                all = false;
                format!(
                    "revision {revision} of the proxy `{name}`, which had the base path, was undeployed and could not be \
                     deployed again: {error}"
                )
            }
        });
    }
    (all, texts.join("; "))
}

/// Deploys a revision of which a base path was freed by an undeployment just now. A stop of the run does not reach this
/// request.
pub(crate) async fn deploy_when_free(
    site: &Site<'_>,
    id: RevisionId,
    options: DeployParameters<'_>,
) -> Result<Deployment, Error> {
    let client = site.client.unstoppable();
    let deadline = client.now() + FREE_AFTER.min(site.options.timeout / 2);
    loop {
        match client.deploy(site.resource, site.environment, id, options).await {
            Err(error) if error.is_precondition() && client.now() < deadline => {
                tokio::time::sleep(site.options.polling.first).await;
            }
            other => return other,
        }
    }
}
