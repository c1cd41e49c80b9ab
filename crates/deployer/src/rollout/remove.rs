//! Undeploys a proxy or shared flow from an environment and optionally deletes it, if it is managed by apigee-flux.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::api::client::Client;
use crate::api::resource_name::ResourceName;
use crate::api::target::Target;
use crate::compare::absence;
use crate::error::Error;
use crate::event::{EventListener, Phase};
use crate::rollout::deploy::stopped;
use crate::rollout::options::DeployOptions;
use crate::rollout::outcome::{BundleResult, DeployReport, Outcome};
use crate::rollout::ownership::Ownership;
use crate::rollout::site::Site;
use apigee_flux_configuration::Claim;
use apigee_flux_configuration::ownership::Refusal;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::bundle::{BundleKind, Removal};
use apigee_flux_model::duration::millis;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::lifecycle::{Adopt, WhenGone};
use apigee_flux_model::names::Name;
use apigee_flux_model::names::RevisionId;

/// Removes a proxy or shared flow. The report contains the result, also of a failure.
pub async fn remove(
    client: &Client,
    kind: BundleKind,
    name: &Name,
    target: &Target,
    removal: Removal,
    options: &DeployOptions,
    progress: EventListener<'_>,
) -> DeployReport {
    let start = Instant::now();
    let writes_before = client.writes();
    let in_time = client.until(client.now() + options.timeout);
    let site = Site {
        client: &in_time,
        resource: ResourceName { organization: &target.organization, kind, name },
        environment: &target.environment,
        options,
        progress,
        start: client.now(),
        edited: None,
    };
    let mut previous = None;
    let (result, reason, exit) = match run(&site, removal, &mut previous).await {
        Ok((ending, reason)) => (ending, reason, Exit::Ok),
        Err(error) => {
            let is_stopped = client.stop().is_requested();
            let error = if is_stopped { stopped(&error, client.writes() - writes_before, previous) } else { error };
            (BundleResult::Failed, error.to_string(), error.exit())
        }
    };
    DeployReport {
        outcome: Outcome {
            kind: Some(kind),
            name: Some(name.to_string()),
            previous_revision: previous,
            commit: options.provenance.commit.clone(),
            writes: client.writes() - writes_before,
            duration_ms: millis(start.elapsed()),
            ..Outcome::new(result, target, reason)
        },
        exit,
    }
}

async fn run(
    site: &Site<'_>,
    removal: Removal,
    previous: &mut Option<RevisionId>,
) -> Result<(BundleResult, String), Error> {
    let mut ownership = Ownership::claim(site, Adopt::Never).await?;
    refuse_needed(site, &ownership)?;
    let result = take_out(site, removal, &mut ownership, previous).await?;
    // If it appears in Git again, it is deployed as a new one is.
    ownership.forget(site).await?;
    Ok(result)
}

/// Refuses to remove what Git defines again: this is a late run for a former state of Git.
fn refuse_needed(site: &Site<'_>, ownership: &Ownership) -> Result<(), Error> {
    let in_git = site.options.names.as_ref();
    let Some(named) = in_git.and_then(|names| names.get(false, &site.id())) else { return Ok(()) };
    if let (Some(Claim::Moved { .. }), Some(record)) = (ownership.right(), ownership.record()) {
        return Err(Error::OtherOwner(Box::new(Refusal::MovedAway(Box::new(record.clone())))));
    }
    Err(Error::Temporary(format!(
        "nothing was removed: Git defines the {} `{}` again, in the namespace `{}`",
        site.resource.kind.noun(),
        site.resource.name,
        named.namespace
    )))
}

async fn take_out(
    site: &Site<'_>,
    removal: Removal,
    ownership: &mut Ownership,
    previous: &mut Option<RevisionId>,
) -> Result<(BundleResult, String), Error> {
    let noun = site.resource.kind.noun();
    let when_gone = match removal {
        Removal::Undeploy => WhenGone::Undeploy,
        Removal::Delete => WhenGone::Delete,
    };
    let undeployed = match site.deployed().await? {
        None => {
            // A deployment that is only missing from the list must not be forgotten.
            let resource = site.client.resource(site.resource).await?;
            let revisions: BTreeSet<RevisionId> = resource.into_iter().flat_map(|resource| resource.revision).collect();
            absence::prove(site.client, site.resource, site.environment, &revisions)
                .await?
                .ok_or_else(absence::concurrent_change)?;
            None
        }
        Some(deployed) => {
            *previous = Some(deployed.revision);
            check_undeployment(site, deployed.revision, ownership).await?;
            ownership.announce_removal(site, when_gone).await?;
            loop {
                let deciding = site.client.deciding();
                ownership.verify(site).await?;
                match deciding.undeploy(site.resource, site.environment, deployed.revision).await {
                    Err(Error::Paused) => {}
                    done => break done?,
                }
            }
            until_undeployed(site, deployed.revision).await?;
            Some(format!("revision {} is undeployed", deployed.revision))
        }
    };
    if removal == Removal::Undeploy {
        return Ok(match undeployed {
            Some(done) => (BundleResult::Removed, done),
            None => (BundleResult::Unchanged, format!("the {noun} is not deployed here")),
        });
    }
    let Some(resource) = site.client.resource(site.resource).await? else {
        return Ok((BundleResult::Unchanged, format!("the {noun} does not exist")));
    };
    let elsewhere = site.client.deployments_anywhere(site.resource).await?;
    if let Some(other) = elsewhere.iter().find(|other| other.environment != site.environment.as_str()) {
        let ending = if undeployed.is_some() { BundleResult::Removed } else { BundleResult::Unchanged };
        return Ok((
            ending,
            format!(
                "{}; the {noun} is not deleted because environment `{}` runs revision {}",
                undeployed.unwrap_or_else(|| "nothing is deployed here".to_owned()),
                other.environment,
                other.revision
            ),
        ));
    }
    for &id in &resource.revision {
        refuse_foreign(site, id, ownership, "deletes nothing").await?;
        refuse_deployed(site, id).await?;
    }
    ownership.announce_removal(site, when_gone).await?;
    loop {
        let deciding = site.client.deciding();
        ownership.verify(site).await?;
        match deciding.delete_resource(site.resource).await {
            Err(Error::Paused) => {}
            done => break done?,
        }
        for &id in &resource.revision {
            refuse_deployed(site, id).await?;
        }
    }
    site.say(Phase::Deploy, format!("the {noun} is deleted with {} revisions", resource.revision.len()));
    Ok((BundleResult::Removed, format!("the {noun} is deleted with {} revisions", resource.revision.len())))
}

/// Refuses to undeploy an unmanaged revision, or one that something else needs.
async fn check_undeployment(site: &Site<'_>, id: RevisionId, ownership: &Ownership) -> Result<(), Error> {
    refuse_foreign(site, id, ownership, "leaves it deployed").await?;
    if site.resource.kind == BundleKind::Proxy {
        let report = site.client.undeploy_change_report(site.resource, site.environment, id).await?;
        let obstacles = report.obstacles();
        if !obstacles.is_empty() {
            return Err(Error::Refused(format!("revision {id} stays deployed: {}", obstacles.join("; "))));
        }
    }
    Ok(())
}

/// Waits until a revision is undeployed.
async fn until_undeployed(site: &Site<'_>, id: RevisionId) -> Result<(), Error> {
    site.say(Phase::Deploy, format!("Apigee accepted the undeployment of revision {id}"));
    let polling = site.options.polling;
    let mut pause = polling.first;
    loop {
        let is_listed = site.deployed().await?.is_some_and(|now| now.revision == id);
        // An empty list alone is not a proof.
        if !is_listed {
            match site.client.deployment(site.resource, site.environment, id).await {
                Err(error) if error.is_not_found() => return Ok(()),
                other => other.map(drop)?,
            }
        }
        if site.client.now() >= site.deadline() {
            return Err(Error::Temporary(format!(
                "revision {id} is still deployed after {:?}; the next run checks again",
                site.options.timeout
            )));
        }
        site.client.stop().sleep(pause).await;
        pause = polling.longer(pause);
    }
}

/// Refuses to delete a revision that is deployed anywhere. According to the resource's own list none is; each
/// revision's list is a separate call.
async fn refuse_deployed(site: &Site<'_>, id: RevisionId) -> Result<(), Error> {
    match site.client.revision_deployments(site.resource, id).await?.first() {
        None => Ok(()),
        Some(other) => Err(Error::Temporary(format!(
            "nothing is deleted: revision {id} of the {} `{}` is deployed in environment `{}`, but another list does \
             not contain this deployment; the next run checks again",
            site.resource.kind.noun(),
            site.resource.name,
            other.environment
        ))),
    }
}

/// Refuses to remove an unmanaged revision. All revisions of a bundle with a record are managed.
async fn refuse_foreign(site: &Site<'_>, id: RevisionId, ownership: &Ownership, instead: &str) -> Result<(), Error> {
    if ownership.record().is_some() {
        return Ok(());
    }
    let revision = site.sure().revision(site.resource, id).await?;
    if RevisionRecord::parse(&revision.description).is_some() {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "revision {id} of the {} `{}` has no record of apigee-flux and is not managed by it, so this run {instead}; \
         remove it manually",
        site.resource.kind.noun(),
        site.resource.name
    )))
}
