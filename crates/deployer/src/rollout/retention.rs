//! Deletes old revisions: Apigee allows 250 of a proxy or shared flow and then rejects an import (Apigee limits page).

use std::collections::BTreeSet;

use crate::error::Error;
use crate::event::Phase;
use crate::rollout::site::Site;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::names::RevisionId;

/// The revisions to delete: all except the newest `keep` and the protected ones, oldest first.
pub(crate) fn too_old(
    existing: &BTreeSet<RevisionId>,
    keep: usize,
    protected: &BTreeSet<RevisionId>,
) -> Vec<RevisionId> {
    let many = existing.len().saturating_sub(keep);
    existing.iter().take(many).filter(|id| !protected.contains(id)).copied().collect()
}

/// Deletes old managed revisions, except `spared` and those that are deployed anywhere. A failure is reported and does
/// not fail the deployment.
pub(crate) async fn delete_old(site: &Site<'_>, spared: impl Iterator<Item = RevisionId>) {
    match try_delete_old(site, spared).await {
        Ok(0) => {}
        Ok(1) => site.say(Phase::Keep, "1 old revision is deleted"),
        Ok(many) => site.say(Phase::Keep, format!("{many} old revisions are deleted")),
        Err(error) => {
            site.warn(Phase::Keep, format!("old revisions are not deleted; the next run tries again: {error}"));
        }
    }
}

/// Whether old revisions may have to be deleted, as far as the run knows the existing ones. Others are found by the next run.
pub(crate) fn may_be_too_many(site: &Site<'_>, existing: &BTreeSet<RevisionId>) -> bool {
    existing.is_empty() || existing.len() > kept(site)
}

/// The number of revisions to keep.
fn kept(site: &Site<'_>) -> usize {
    let keep = site
        .options
        .settings
        .keep_revisions
        .unwrap_or(apigee_flux_model::bundle::settings::DEFAULT_KEPT_REVISIONS)
        .get();
    usize::try_from(keep).unwrap_or(usize::MAX)
}

async fn try_delete_old(site: &Site<'_>, spared: impl Iterator<Item = RevisionId>) -> Result<usize, Error> {
    let keep = kept(site);
    let Some(resource) = site.client.resource(site.resource).await? else { return Ok(0) };
    let existing: BTreeSet<RevisionId> = resource.revision.into_iter().collect();
    if existing.len() <= keep {
        return Ok(0);
    }
    let mut protected: BTreeSet<RevisionId> = spared.collect();
    // Revisions that other environments run are kept too.
    protected
        .extend(site.client.deployments_anywhere(site.resource).await?.iter().map(|deployment| deployment.revision));
    // An empty list is not a proof, so the deployments of each revision are read as well.
    let mut deleted = 0;
    for id in too_old(&existing, keep, &protected) {
        let revision = match site.client.revision(site.resource, id).await {
            Err(error) if error.is_not_found() => continue,
            other => other?,
        };
        if RevisionRecord::parse(&revision.description).is_none() {
            continue;
        }
        if !site.client.revision_deployments(site.resource, id).await?.is_empty() {
            continue;
        }
        site.client.delete_revision(site.resource, id).await?;
        deleted += 1;
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(existing: std::ops::RangeInclusive<u32>, keep: usize, protected: &[u32], expected: &[u32]) {
        let ids = |numbers: &mut dyn Iterator<Item = u32>| -> Vec<RevisionId> {
            numbers.map(|number| number.to_string().parse().unwrap()).collect()
        };
        let existing = ids(&mut existing.into_iter()).into_iter().collect();
        let protected = ids(&mut protected.iter().copied()).into_iter().collect();
        assert_eq!(too_old(&existing, keep, &protected), ids(&mut expected.iter().copied()));
    }

    #[test]
    fn the_newest_and_the_protected_stay() {
        check(1..=5, 2, &[], &[1, 2, 3]);
        check(1..=5, 2, &[2, 5], &[1, 3]);
        check(1..=5, 5, &[], &[]);
        check(1..=5, 9, &[], &[]);
        check(8..=9, 1, &[8], &[]);
    }
}
