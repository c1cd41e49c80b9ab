//! Proof that nothing of a proxy or shared flow is deployed in an environment.
//!
//! An empty list is no proof: Apigee leaves out what is empty, so that a list that could not be read whole looks like an empty one. What is
//! deployed has a status of its own, which is another call: nothing is deployed only if the list is empty and Apigee knows no status for
//! any revision that exists.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::client::{Client, ResourceName};
use super::{Error, Name, RevisionId};

/// Statuses that are asked for at the same time.
const READERS: usize = 8;

/// Nothing was deployed when this was made, before this run wrote anything. A deployment may only be taken out by whoever holds this: then
/// it was put there from nothing. There is no other way to get one than [`prove`], and it cannot be copied.
#[derive(Debug, PartialEq, Eq)]
pub struct Absence {
    /// The revisions that existed.
    revisions: BTreeSet<RevisionId>,
}

impl Absence {
    /// The proof, if it still holds for a revision that was imported since. A first revision with another number than 1 says that there were
    /// others, which the proof does not know.
    pub(super) fn with_imported(self, id: RevisionId, by_us: bool) -> Option<Self> {
        let is_explained = !self.revisions.is_empty() || id == RevisionId::FIRST;
        (by_us && is_explained).then_some(self)
    }

    /// For tests of what is decided with one.
    #[cfg(test)]
    pub(super) fn of_test() -> Self {
        Self { revisions: BTreeSet::new() }
    }
}

/// Makes sure that nothing is deployed, when the list of deployments says so. `revisions` are all that exist. The error is one of reading,
/// or says that two answers contradict each other. None: something is deployed by now, and the list says so too.
pub(super) async fn prove(
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

/// The error of a run that cannot go on because of what came meanwhile.
pub(super) fn overtaken() -> Error {
    Error::Overtaken(
        "nothing was changed: another deployer deployed a revision after this run read the state; the next run decides \
         again"
            .to_owned(),
    )
}
