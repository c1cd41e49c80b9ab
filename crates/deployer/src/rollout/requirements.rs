//! Waits for the requirements of a bundle in its environment, so that the Jobs of an environment need no order: Apigee
//! rejects a call of a shared flow that is not deployed, and a proxy without its target server responds with errors.

use crate::api::deployment::RuntimeState;
use crate::api::resource_name::ResourceName;
use crate::compare::current::newest;
use crate::error::Error;
use crate::event::Phase;
use crate::rollout::options::WaitFor;
use crate::rollout::site::Site;
use apigee_flux_configuration::Id;
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::bundle::manifest::Requirements;
use apigee_flux_model::names::Name;

/// An object that must exist in the environment.
#[derive(Debug, Clone, Copy)]
enum Requirement<'a> {
    SharedFlow(&'a str),
    TargetServer(&'a str),
    KeyValueMap(&'a str),
}

impl Requirement<'_> {
    fn id(self) -> Id {
        let (kind, name) = match self {
            Self::SharedFlow(name) => (BundleKind::SharedFlow.resource_kind(), name),
            Self::TargetServer(name) => ("ApigeeTargetServer", name),
            Self::KeyValueMap(name) => ("ApigeeKeyValueMap", name),
        };
        Id { kind: kind.to_owned(), parent: None, name: name.to_owned() }
    }
}

impl std::fmt::Display for Requirement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::SharedFlow(name) => write!(f, "the shared flow `{name}`"),
            Self::TargetServer(name) => write!(f, "the target server `{name}`"),
            Self::KeyValueMap(name) => write!(f, "the key value map `{name}`"),
        }
    }
}

/// Waits until all requirements are met, for at most half of the run's timeout: the rest is for the deployment. Nothing is
/// waited for that has failed for good in the same run.
pub(crate) async fn wait_for(site: &Site<'_>, requires: &Requirements) -> Result<(), Error> {
    let half = site.options.timeout / 2;
    let deadline = site.start + half;
    let mut pause = site.options.polling.first;
    let mut last = String::new();
    let mut left: Vec<Requirement<'_>> = requires
        .shared_flows
        .iter()
        .map(|name| Requirement::SharedFlow(name))
        .chain(requires.target_servers.iter().map(|name| Requirement::TargetServer(name)))
        .chain(requires.key_value_maps.iter().map(|name| Requirement::KeyValueMap(name)))
        .collect();
    loop {
        let mut missing = Vec::new();
        let mut still_left = Vec::new();
        for requirement in left {
            if let Some(why) = obstacle(site, requirement).await? {
                let lacks = format!("{requirement} {why}");
                let id = requirement.id();
                if let Some(exit) = site.options.failed.get(&id) {
                    let lacks = format!("nothing was changed: {lacks}");
                    return Err(Error::FailedPrerequisite { lacks, id: Box::new(id), exit });
                }
                missing.push(lacks);
                still_left.push(requirement);
            }
        }
        left = still_left;
        if left.is_empty() {
            return Ok(());
        }
        let state = missing.join(", ");
        if state != last {
            site.say(Phase::Wait, format!("waiting: {state}"));
            last = state;
        }
        let now = site.client.now();
        if now >= deadline {
            return Err(Error::Temporary(format!(
                "nothing was changed: the bundle's requirements are not met after {half:?}: {last}; create what is \
                 missing in this environment, with a spec or with another tool"
            )));
        }
        site.pause(pause.min(deadline.since(now))).await;
        pause = site.options.polling.longer(pause);
    }
}

/// Why a requirement is not met yet.
async fn obstacle(site: &Site<'_>, requirement: Requirement<'_>) -> Result<Option<String>, Error> {
    let asked = match requirement {
        Requirement::SharedFlow(name) => shared_flow(site, name).await,
        Requirement::TargetServer(name) => exists(site, "targetservers", name, "apigee.targetservers.get").await,
        Requirement::KeyValueMap(name) => exists(site, "keyvaluemaps", name, "apigee.keyvaluemaps.get").await,
    };
    match asked {
        Err(error) if error.is_not_found() => Ok(Some("does not exist".to_owned())),
        Err(error) if error.is_temporary() => Ok(Some(error.to_string())),
        // A deployer may lack access to the environment's configuration; then Apigee itself reports what is missing.
        Err(error) if error.is_forbidden() && !matches!(requirement, Requirement::SharedFlow(_)) => {
            site.warn(Phase::Wait, format!("cannot check whether {requirement} exists; continuing: {error}"));
            Ok(None)
        }
        other => other,
    }
}

async fn exists(
    site: &Site<'_>,
    collection: &'static str,
    name: &str,
    needs: &'static str,
) -> Result<Option<String>, Error> {
    let found =
        site.client.environment_has(site.resource.organization, site.environment, collection, name, needs).await?;
    Ok((!found).then(|| "does not exist".to_owned()))
}

async fn shared_flow(site: &Site<'_>, name: &str) -> Result<Option<String>, Error> {
    let name: Name = name.parse().map_err(|why| Error::Usage(format!("the manifest requires `{name}`: {why}")))?;
    let flow = ResourceName { organization: site.resource.organization, kind: BundleKind::SharedFlow, name: &name };
    let listed = match site.client.deployments(flow, site.environment).await {
        Err(error) if error.is_not_found() => None,
        other => newest(other?),
    };
    let Some(listed) = listed else { return Ok(Some("is not deployed".to_owned())) };
    if site.options.wait == WaitFor::Accepted {
        return Ok(None);
    }
    // The list does not contain the state.
    let status = site.client.deployment(flow, site.environment, listed.revision).await?;
    let ready = status.state == RuntimeState::Ready;
    Ok((!ready).then(|| format!("is deployed, but its state is {}", status.state)))
}
