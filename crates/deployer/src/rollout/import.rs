//! Imports a bundle as exactly one revision, even after a lost response and with concurrent deployers.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;

use crate::api::retry::jittered;
use crate::api::revision::Revision;
use crate::error::Error;
use crate::event::Phase;
use crate::mount::Bundle;
use crate::rollout::known::search;
use crate::rollout::site::Site;
use apigee_flux_model::bundle::Replaced;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::bundle::zip::{self, MAX_BUNDLE_BYTES};
use apigee_flux_model::names::RevisionId;

/// The maximum number of imports that get no response and create no revision.
const IMPORT_ATTEMPTS: u32 = 3;

/// How long a new revision may be invisible to parts of the API.
pub(crate) const VISIBLE_AFTER: Duration = Duration::from_mins(1);

/// The revision of a bundle after an import.
#[derive(Debug)]
pub(crate) struct Imported {
    pub id: RevisionId,
    pub revision: Revision,
    /// False if another deployer created it at the same time.
    pub by_us: bool,
    /// An import got no response, or a duplicate could not be deleted: there may be another revision with the same
    /// bundle, now or later.
    pub in_doubt: bool,
}

/// Imports the stamped copy of a bundle, which Apigee validates (`organizations.apis.create`: every import is). `read` are the revisions that are known to
/// contain other bundles, `existing` all that were listed.
pub(crate) async fn import(
    site: &Site<'_>,
    bundle: &Bundle,
    read: &BTreeSet<RevisionId>,
    existing: &BTreeSet<RevisionId>,
    replaces: Replaced,
) -> Result<Imported, Error> {
    let zip = pack(site, bundle, replaces)?;
    let (mut attempt, mut in_doubt) = (1, false);
    let (id, response) = loop {
        let error = match site.client.import(site.resource, &zip).await {
            Ok((id, revision)) => {
                site.say(Phase::Import, format!("revision {id} is imported"));
                break (id, Some(revision));
            }
            Err(error) if error.is_ambiguous() => error,
            Err(error) => return Err(error),
        };
        in_doubt = true;
        site.warn(Phase::Import, format!("{error}: checking whether the revision was created"));
        // An import whose response was lost needs time to become visible.
        site.client.stop().sleep(jittered(site.options.polling.first.saturating_mul(4 * attempt))).await;
        if let Some((id, _)) =
            find(site, bundle, read).await.map_err(|error| error.leaving("the import got no response"))?
        {
            site.say(Phase::Import, format!("revision {id} was created although the response was lost"));
            break (id, None);
        }
        if attempt == IMPORT_ATTEMPTS {
            return Err(error);
        }
        attempt += 1;
    };
    drop(zip);
    let imported = converge(site, bundle, read, existing, id, response)
        .await
        .map_err(|error| error.leaving(&format!("revision {id} is imported but not deployed")))?;
    Ok(Imported { in_doubt: in_doubt || imported.in_doubt, ..imported })
}

/// Deletes other revisions with the same bundle that appeared in the meantime: an import whose response was lost may
/// complete late, after the next one. None of them was ever deployed. A failure is reported and does not fail the
/// deployment.
pub(crate) async fn delete_duplicates(site: &Site<'_>, bundle: &Bundle, read: &BTreeSet<RevisionId>, kept: RevisionId) {
    if let Err(error) = try_delete_duplicates(site, bundle, read, kept).await {
        site.warn(Phase::Import, format!("a duplicate of revision {kept} may remain: {error}"));
    }
}

async fn try_delete_duplicates(
    site: &Site<'_>,
    bundle: &Bundle,
    read: &BTreeSet<RevisionId>,
    kept: RevisionId,
) -> Result<(), Error> {
    let others: BTreeSet<RevisionId> = unread(site, read).await?.into_iter().filter(|id| *id != kept).collect();
    for id in others {
        let found = search(site, bundle, std::iter::once(id)).await?.found;
        if found.is_some() && site.client.revision_deployments(site.resource, id).await?.is_empty() {
            site.client.delete_revision(site.resource, id).await?;
            site.say(
                Phase::Import,
                format!("revision {id} contains the same bundle, from a delayed import, and is deleted"),
            );
        }
    }
    Ok(())
}

fn pack(site: &Site<'_>, bundle: &Bundle, replaces: Replaced) -> Result<Bytes, Error> {
    let mut record = RevisionRecord::new(bundle.digest, &site.options.provenance);
    record.replaces = Some(replaces);
    let stamped = record.stamp(bundle.kind, bundle.name.as_str(), &bundle.files).map_err(Error::Refused)?;
    let zip = zip::pack(bundle.kind, &stamped).map_err(Error::Refused)?;
    if zip.len() > MAX_BUNDLE_BYTES {
        return Err(Error::NoInput(format!(
            "the bundle of `{}` has {} bytes as a zip file, but Apigee allows {MAX_BUNDLE_BYTES}; remove files from it",
            bundle.name,
            zip.len()
        )));
    }
    site.say(Phase::Import, format!("{} files, {} bytes as a zip file", stamped.len(), zip.len()));
    Ok(Bytes::from(zip))
}

/// A revision of this bundle among those that have not been read.
async fn find(
    site: &Site<'_>,
    bundle: &Bundle,
    read: &BTreeSet<RevisionId>,
) -> Result<Option<(RevisionId, Revision)>, Error> {
    Ok(search(site, bundle, unread(site, read).await?.into_iter()).await?.found)
}

/// The existing revisions that have not been read.
async fn unread(site: &Site<'_>, read: &BTreeSet<RevisionId>) -> Result<BTreeSet<RevisionId>, Error> {
    let resource = site.client.resource(site.resource).await?;
    Ok(resource.into_iter().flat_map(|resource| resource.revision).filter(|id| !read.contains(id)).collect())
}

/// Selects one revision when several deployers imported the same bundle concurrently: each lists the revisions again
/// after its import, and all select the lowest number, since a later import sees the earlier one. The others, which
/// were never deployed, are deleted by the deployers that created them. `response` is the revision in the response to the import.
async fn converge(
    site: &Site<'_>,
    bundle: &Bundle,
    read: &BTreeSet<RevisionId>,
    existing: &BTreeSet<RevisionId>,
    id: RevisionId,
    response: Option<Revision>,
) -> Result<Imported, Error> {
    let is_ours = |revision: &Revision| {
        RevisionRecord::parse(&revision.description).is_some_and(|record| record.digest == bundle.digest)
    };
    let revision = match response.filter(is_ours) {
        Some(revision) => revision,
        None => site.client.patient_with_missing(VISIBLE_AFTER).revision(site.resource, id).await?,
    };
    if !is_ours(&revision) {
        site.warn(
            Phase::Import,
            format!(
                "the description of revision {id} did not keep the digest, so the next run will import the bundle again"
            ),
        );
        return Ok(Imported { id, revision, by_us: true, in_doubt: false });
    }
    // The number that follows the last known one: no other deployer imported a revision in between.
    if existing.last().is_some_and(|last| last.next() == id) && existing.iter().all(|other| read.contains(other)) {
        return Ok(Imported { id, revision, by_us: true, in_doubt: false });
    }
    let lower: Vec<RevisionId> = unread(site, read).await?.into_iter().filter(|other| *other < id).collect();
    let Some((first, first_revision)) = search(site, bundle, lower.into_iter()).await?.found else {
        return Ok(Imported { id, revision, by_us: true, in_doubt: false });
    };
    site.say(
        Phase::Import,
        format!(
            "revision {first} contains the same bundle, imported by another deployer at the same time: revision {id} \
             is deleted"
        ),
    );
    let deleted = site.client.delete_revision(site.resource, id).await;
    if let Err(error) = &deleted {
        site.warn(Phase::Import, format!("revision {id} was not deleted: {error}"));
    }
    Ok(Imported { id: first, revision: first_revision, by_us: false, in_doubt: deleted.is_err() })
}
