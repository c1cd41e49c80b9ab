//! Whether the inventory of an environment and the Jobs of its namespace are of the same state of Git. Pure.
//!
//! Two states are in a cluster at the same time while one is being applied, or while a Job of the new one does not exist yet. The reconciler acts
//! only where both say the same; the rest is left to its own Job.

use crate::in_cluster::{Jobs, UNKNOWN_JOB};
use apigee_flux_configuration::Id;
use apigee_flux_configuration::inventory::Index;
use apigee_flux_model::bundle::BatchEntry;

/// Why a resource is left to its own Job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disagreement {
    /// The inventory is newer: the Job is not applied yet.
    NoJob,
    /// The Job has another state.
    OtherState,
    /// Another Job may apply it too: one of a batch, or of a single bundle.
    OtherJob,
    /// The Job still exists, although the inventory lacks the resource.
    StillApplied,
    /// A Job of version 0.1.0 does not say what it applies.
    UnknownJob,
}

impl Disagreement {
    /// The reason, in one line.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::NoJob => {
                "left to its own Job: the namespace has no Job for it yet, since a newer state of Git is being applied"
            }
            Self::OtherState => {
                "left to its own Job: the Job has another state than the inventory, since a newer state of Git is being applied"
            }
            Self::OtherJob => {
                "left to its own Job: another Job of this environment may apply it too, since a newer state of Git is being applied"
            }
            Self::StillApplied => {
                "left to its own Job: it is not in the inventory, but its Job exists, since another state of Git is being applied"
            }
            Self::UnknownJob => {
                "left to its own Job: a Job of the namespace does not say what it applies, since an older version of apigee-flux rendered it: it \
                 is kept until that Job is replaced or deleted"
            }
        }
    }
}

/// The place of an organization or of an environment in it, as in annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobPlace(String);

impl JobPlace {
    pub(crate) fn new(organization: &str, environment: Option<&str>) -> Self {
        let organization = format!("organizations/{organization}");
        Self(match environment {
            Some(environment) => format!("{organization}/environments/{environment}"),
            None => organization,
        })
    }

    fn of_bundle(&self, kind: &str, name: &str) -> String {
        format!("{} {kind} {name}", self.0)
    }

    fn of_configuration(&self) -> String {
        format!("{} configuration", self.0)
    }

    /// What the Jobs of batches of this environment apply, among `all`.
    fn batches<'a>(&self, all: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
        let start = format!("{} batch-", self.0);
        all.filter(|applies| applies.starts_with(&start)).map(String::as_str).collect()
    }
}

/// Whether the Jobs have a bundle in the state of the inventory.
pub(crate) fn bundle(place: &JobPlace, index: &Index, jobs: &Jobs, entry: &BatchEntry) -> Result<(), Disagreement> {
    let own = jobs.get(&place.of_bundle(entry.kind.resource_kind(), &entry.name));
    let is_own = own.map(|desired| *desired == entry.desired().to_string());
    if place.batches(index.documents.keys()).is_empty() {
        match is_own {
            None => return Err(Disagreement::NoJob),
            Some(false) => return Err(Disagreement::OtherState),
            Some(true) => {}
        }
    } else if is_own == Some(false) {
        return Err(Disagreement::OtherJob);
    }
    batches(place, index, jobs)
}

/// Whether the Jobs of batches are exactly those of the index.
fn batches(place: &JobPlace, index: &Index, jobs: &Jobs) -> Result<(), Disagreement> {
    for applies in place.batches(index.documents.keys()) {
        document(index, jobs, applies)?;
    }
    if place.batches(jobs.keys()).iter().any(|applies| !index.documents.contains_key(*applies)) {
        return Err(Disagreement::OtherJob);
    }
    Ok(())
}

fn document(index: &Index, jobs: &Jobs, applies: &str) -> Result<(), Disagreement> {
    match (index.documents.get(applies), jobs.get(applies)) {
        (Some(wanted), Some(job)) if wanted.to_string() == *job => Ok(()),
        (_, Some(_)) => Err(Disagreement::OtherState),
        (_, None) => Err(Disagreement::NoJob),
    }
}

/// Whether the Job of a place's configuration has the state of the inventory.
pub(crate) fn configuration(place: &JobPlace, index: &Index, jobs: &Jobs) -> Result<(), Disagreement> {
    document(index, jobs, &place.of_configuration())
}

/// Whether no Job applies a resource that the inventory lacks.
pub(crate) fn gone(place: &JobPlace, index: &Index, jobs: &Jobs, id: &Id, is_bundle: bool) -> Result<(), Disagreement> {
    if jobs.contains_key(UNKNOWN_JOB) {
        return Err(Disagreement::UnknownJob);
    }
    if is_bundle {
        if jobs.contains_key(&place.of_bundle(&id.kind, &id.name)) {
            return Err(Disagreement::StillApplied);
        }
        return batches(place, index, jobs);
    }
    let applies = place.of_configuration();
    if index.documents.contains_key(&applies) {
        document(index, jobs, &applies)
    } else if jobs.contains_key(&applies) {
        Err(Disagreement::StillApplied)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use apigee_flux_model::bundle::{BundleKind, DeploySettings, Digest};

    const PLACE: &str = "organizations/o/environments/e";

    fn place() -> JobPlace {
        JobPlace::new("o", Some("e"))
    }

    fn entry(body: &str) -> BatchEntry {
        BatchEntry {
            kind: BundleKind::Proxy,
            name: "p".to_owned(),
            folder: "apis/p".to_owned(),
            digest: Digest::of_bytes(body.as_bytes()),
            settings: DeploySettings::default(),
        }
    }

    fn index(documents: &[&str]) -> Index {
        let documents = documents.iter().map(|name| (format!("{PLACE} {name}"), Digest::of_bytes(name.as_bytes())));
        Index { documents: documents.collect(), ..Index::default() }
    }

    /// The Jobs of documents in the state of [`index`].
    fn jobs(documents: &[&str]) -> Jobs {
        index(documents).documents.into_iter().map(|(applies, digest)| (applies, digest.to_string())).collect()
    }

    fn job_of(entry: &BatchEntry) -> Jobs {
        BTreeMap::from([(format!("{PLACE} ApigeeProxy p"), entry.desired().to_string())])
    }

    #[test]
    fn a_single_bundle_needs_its_own_job_in_the_same_state() {
        let check = |jobs: &Jobs| bundle(&place(), &index(&[]), jobs, &entry("A"));
        assert_eq!(check(&job_of(&entry("A"))), Ok(()));
        assert_eq!(check(&job_of(&entry("B"))), Err(Disagreement::OtherState));
        assert_eq!(check(&Jobs::new()), Err(Disagreement::NoJob));
        // The Job of a batch from before still exists.
        let both = job_of(&entry("A")).into_iter().chain(jobs(&["batch-1"])).collect();
        assert_eq!(check(&both), Err(Disagreement::OtherJob));
    }

    #[test]
    fn a_batch_needs_all_of_its_jobs_and_no_other() {
        let check = |jobs: &Jobs| bundle(&place(), &index(&["batch-1", "batch-2"]), jobs, &entry("A"));
        assert_eq!(check(&jobs(&["batch-1", "batch-2"])), Ok(()));
        assert_eq!(check(&jobs(&["batch-1"])), Err(Disagreement::NoJob));
        assert_eq!(check(&jobs(&["batch-1", "batch-2", "batch-3"])), Err(Disagreement::OtherJob));
        let mut other = jobs(&["batch-1", "batch-2"]);
        other.insert(format!("{PLACE} batch-2"), "sha256:other".to_owned());
        assert_eq!(check(&other), Err(Disagreement::OtherState));
        // A Job of the bundle alone from before, with another state.
        let both = job_of(&entry("B")).into_iter().chain(jobs(&["batch-1", "batch-2"])).collect();
        assert_eq!(check(&both), Err(Disagreement::OtherJob));
    }

    #[test]
    fn only_what_no_job_applies_is_gone() {
        let id = |kind: &str, name: &str| Id { kind: kind.to_owned(), parent: None, name: name.to_owned() };
        let proxy = |index: &Index, jobs: &Jobs| gone(&place(), index, jobs, &id("ApigeeProxy", "p"), true);
        assert_eq!(proxy(&index(&[]), &Jobs::new()), Ok(()));
        assert_eq!(proxy(&index(&[]), &job_of(&entry("any"))), Err(Disagreement::StillApplied));
        assert_eq!(proxy(&index(&["batch-1"]), &jobs(&["batch-1"])), Ok(()));
        assert_eq!(proxy(&index(&["batch-1"]), &Jobs::new()), Err(Disagreement::NoJob));
        assert_eq!(proxy(&index(&[]), &jobs(&["batch-1"])), Err(Disagreement::OtherJob));
        let server = |index: &Index, jobs: &Jobs| gone(&place(), index, jobs, &id("ApigeeTargetServer", "s"), false);
        assert_eq!(server(&index(&[]), &Jobs::new()), Ok(()));
        assert_eq!(server(&index(&[]), &jobs(&["configuration"])), Err(Disagreement::StillApplied));
        assert_eq!(server(&index(&["configuration"]), &jobs(&["configuration"])), Ok(()));
        assert_eq!(server(&index(&["configuration"]), &Jobs::new()), Err(Disagreement::NoJob));
        let unknown = Jobs::from([(UNKNOWN_JOB.to_owned(), String::new())]);
        assert_eq!(server(&index(&[]), &unknown), Err(Disagreement::UnknownJob));
    }
}
