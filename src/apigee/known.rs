//! Finds the revision that holds a bundle already: what makes a rollback or a promotion free, and an import happen once.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::client::ResourceName;
use super::drift::revision_files;
use super::file_difference::compare;
use super::site::Site;
use super::{Bundle, Error, Revision, RevisionId, RevisionRecord};

/// Revisions whose descriptions are read at the same time.
const READERS: usize = 8;

/// What a search saw.
#[derive(Debug, Default)]
pub(super) struct Search {
    /// The lowest number among the newest that hold the bundle: every run that searches at the same time takes the same one.
    pub found: Option<(RevisionId, Revision)>,
    /// The revisions that were read. One that the API did not show is not among them.
    pub read: BTreeSet<RevisionId>,
}

/// Reads revisions, the newest first, until one holds the bundle.
pub(super) async fn search(
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
                    // Deleted meanwhile.
                    Err(error) if error.is_not_found() => Ok(None),
                    Err(error) => Err(error),
                }
            });
        }
        while let Some(read) = readers.join_next().await {
            let read =
                read.map_err(|error| Error::Temporary(format!("reading the revisions was interrupted: {error}")))?;
            let Some((id, revision)) = read? else { continue };
            search.read.insert(id);
            let says_so =
                RevisionRecord::parse(&revision.description).is_some_and(|record| record.digest == bundle.digest);
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

/// Where one revision was edited, another one may be as well: then descriptions are not believed, and files are compared.
async fn is_proven(site: &Site<'_>, bundle: &Bundle, id: RevisionId) -> Result<bool, Error> {
    match site.options.edited {
        None => return Ok(true),
        Some(edited) if edited == id => return Ok(false),
        Some(_) => {}
    }
    match revision_files(site.client, site.resource, id).await {
        Ok(files) => Ok(compare(bundle.kind, &files, &bundle.files).is_empty()),
        // What cannot be read is not what was imported.
        Err(Error::Refused(_)) => Ok(false),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}
