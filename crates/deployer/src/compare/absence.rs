//! Proof that nothing of a proxy or shared flow is deployed in an environment.
//!
//! An empty list is not a proof: Apigee omits empty fields, so a list that could not be read completely looks like an
//! empty one. A deployment also has its own status, which is read by another call: nothing is deployed only if the list
//! is empty and Apigee has no status for any existing revision.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use crate::api::client::Client;
use crate::api::resource_name::ResourceName;
use crate::error::Error;
use apigee_flux_model::names::Name;
use apigee_flux_model::names::RevisionId;

/// Number of statuses that are read concurrently.
const READERS: usize = 8;

/// Proof that nothing was deployed before this run wrote anything. Only a holder of this proof may undeploy a revision:
/// the proof shows that the run deployed it where nothing was deployed. [`prove`] is the only way to get one, and it
/// cannot be copied.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Absence {
    /// The revisions that existed.
    revisions: BTreeSet<RevisionId>,
}

impl Absence {
    /// The proof, if it still holds for a revision that was imported since. If the first known revision has a number
    /// other than 1, there were revisions that the proof does not cover.
    pub(crate) fn with_imported(self, id: RevisionId, by_us: bool) -> Option<Self> {
        let is_explained = !self.revisions.is_empty() || id == RevisionId::FIRST;
        (by_us && is_explained).then_some(self)
    }

    /// For tests of decisions that need one.
    #[cfg(test)]
    pub(crate) fn of_test() -> Self {
        Self { revisions: BTreeSet::new() }
    }
}

/// Verifies that nothing is deployed when the list of deployments is empty. `revisions` are all existing revisions. The
/// error is a read error, or says that two responses contradict each other. `None`: something has been deployed in the
/// meantime, and the list now contains it.
pub(crate) async fn prove(
    client: &Client,
    resource: ResourceName<'_>,
    environment: &Name,
    revisions: &BTreeSet<RevisionId>,
) -> Result<Option<Absence>, Error> {
    let all: Vec<RevisionId> = revisions.iter().rev().copied().collect();
    for group in all.chunks(READERS) {
        let mut readers = JoinSet::new();
        for &id in group {
            let (client, kind, environment) = (client.clone(), resource.kind, environment.clone());
            let (organization, name) = (resource.organization.clone(), resource.name.clone());
            readers.spawn(async move {
                let resource = ResourceName { organization: &organization, kind, name: &name };
                match client.deployment(resource, &environment, id).await {
                    Ok(_) => Ok(Some(id)),
                    Err(error) if error.is_not_found() => Ok(None),
                    Err(error) => Err(error),
                }
            });
        }
        while let Some(read) = readers.join_next().await {
            let read = read.map_err(|error| {
                Error::Temporary(format!("reading the deployment statuses was interrupted: {error}"))
            })?;
            if let Some(id) = read? {
                if !client.deployments(resource, environment).await?.is_empty() {
                    return Ok(None);
                }
                return Err(Error::Temporary(format!(
                    "nothing was changed: the responses of Apigee contradict each other: the list of deployments of \
                     `{}` in environment `{environment}` is empty, but revision {id} has a deployment status there; \
                     the next run checks again",
                    resource.name
                )));
            }
        }
    }
    Ok(Some(Absence { revisions: revisions.clone() }))
}

/// The error of a run that cannot continue because another deployer changed the environment.
pub(crate) fn concurrent_change() -> Error {
    Error::ConcurrentChange(
        "nothing was changed: another deployer deployed a revision after this run read the state; the next run decides \
         again"
            .to_owned(),
    )
}
