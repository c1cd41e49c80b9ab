//! Finds an existing revision with the bundle, so that a rollback or promotion needs no import, and a bundle is
//! imported only once.

use std::collections::BTreeMap;

use tokio::task::JoinSet;

use crate::api::resource_name::ResourceName;
use crate::api::revision::Revision;
use crate::compare::drift::revision_files;
use crate::compare::file_difference::compare;
use crate::error::Error;
use crate::mount::Bundle;
use crate::rollout::site::Site;
use apigee_flux_model::bundle::{Digest, RevisionRecord};
use apigee_flux_model::names::RevisionId;

/// Number of revisions whose descriptions are read concurrently.
const READERS: usize = 8;

/// The result of a search.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The lowest number among the newest group that contains the bundle: concurrent runs select the same revision.
    pub found: Option<(RevisionId, Revision)>,
    /// The revisions that were read, without those that the API did not show, and the digests in their descriptions.
    pub read: BTreeMap<RevisionId, Option<Digest>>,
}

/// Reads revisions, newest first, until one contains the bundle.
pub(crate) async fn search(
    site: &Site<'_>,
    bundle: &Bundle,
    revisions: impl DoubleEndedIterator<Item = RevisionId>,
) -> Result<Search, Error> {
    let newest_first: Vec<RevisionId> = revisions.rev().collect();
    let mut search = Search::default();
    for group in newest_first.chunks(READERS) {
        let mut readers = JoinSet::new();
        for &id in group {
            let (client, kind) = (site.client.clone(), site.resource.kind);
            let (organization, name) = (site.resource.organization.clone(), site.resource.name.clone());
            readers.spawn(async move {
                let resource = ResourceName { organization: &organization, kind, name: &name };
                match client.revision(resource, id).await {
                    Ok(revision) => Ok(Some((id, revision))),
                    // Deleted in the meantime.
                    Err(error) if error.is_not_found() => Ok(None),
                    Err(error) => Err(error),
                }
            });
        }
        while let Some(read) = readers.join_next().await {
            let read =
                read.map_err(|error| Error::Temporary(format!("reading the revisions was interrupted: {error}")))?;
            let Some((id, revision)) = read? else { continue };
            let digest = RevisionRecord::parse(&revision.description).map(|record| record.digest);
            search.read.insert(id, digest);
            let says_so = digest == Some(bundle.digest);
            let is_lower = search.found.as_ref().is_none_or(|(lowest, _)| id < *lowest);
            if says_so && is_lower && is_proven(site, bundle, id).await? {
                search.found = Some((id, revision));
            }
        }
        if search.found.is_some() {
            break;
        }
    }
    Ok(search)
}

/// If one revision was edited, others may be too: then descriptions are not trusted, and files are compared.
async fn is_proven(site: &Site<'_>, bundle: &Bundle, id: RevisionId) -> Result<bool, Error> {
    match site.edited {
        None => return Ok(true),
        Some(edited) if edited == id => return Ok(false),
        Some(_) => {}
    }
    match revision_files(site.client, site.resource, id).await {
        Ok(files) => Ok(compare(bundle.kind, &files, &bundle.files).is_empty()),
        // A revision that cannot be read is not the imported one.
        Err(Error::Refused(_)) => Ok(false),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
