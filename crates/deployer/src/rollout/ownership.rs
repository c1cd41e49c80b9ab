//! The record of the bundle during a run: read before anything else, and written before the first change and after the
//! last one.
//!
//! Runs for two states of Git may overlap: the pod of a former Job still runs while that of the new one starts. The
//! record of intent contains the uid of the Job, and each run reads it again immediately before the write that decides
//! what is deployed: if another Job has written its own intent since, the run stops. Only the living Job gets new pods,
//! so it wins. The reconciler keeps the uid of the Job, and stops for the same reason.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::event::Phase;
use crate::records::register;
use crate::rollout::options::KnownRecord;
use crate::rollout::site::Site;
use apigee_flux_configuration::ownership::{Refusal, claim};
use apigee_flux_configuration::record::CONTENT_DIGITS;
use apigee_flux_configuration::{Claim, Claimant, Record, RecordedFailure, RecordedRevision};
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::lifecycle::{Adopt, WhenGone};
use apigee_flux_model::names::RevisionId;

/// The right of a run to change the bundle, and its record.
#[derive(Debug)]
pub(crate) struct Ownership {
    /// The record before this run.
    before: Option<Record>,
    /// The record in Apigee, as this run last read or wrote it.
    stored: Option<Record>,
    /// `None`: the run has no owner and keeps no record.
    claim: Option<Claim>,
    /// What the existing revisions contain, as in [`Record::contents`].
    contents: BTreeMap<RevisionId, String>,
    /// This run has written or confirmed the record of its intent.
    announced: bool,
}

impl Ownership {
    /// Reads the record and claims the bundle. Nothing is written.
    pub(crate) async fn claim(site: &Site<'_>, adopt: Adopt) -> Result<Self, Error> {
        let stored = match &site.options.record {
            KnownRecord::Read(record) => record.as_deref().cloned(),
            KnownRecord::Unread => register::read_one(site.client, site.place(), &site.id()).await?,
        };
        let claim = match (&site.options.claimant, &stored) {
            (Some(claimant), _) => {
                let refused = |refusal| Error::of_refusal(refusal, claimant.actor);
                Some(claim(stored.as_ref(), claimant, adopt).map_err(refused)?)
            }
            (None, Some(record)) => {
                return Err(Error::OtherOwner(Box::new(Refusal::Unnamed(Box::new(record.clone())))));
            }
            (None, None) => None,
        };
        let contents = stored.as_ref().map(|record| record.contents.clone()).unwrap_or_default();
        Ok(Self { before: stored.clone(), stored, claim, contents, announced: false })
    }

    /// The revisions of `existing` that contain other bundles, as far as the record says.
    pub(crate) fn others(&self, existing: &BTreeSet<RevisionId>, digest: Digest) -> BTreeSet<RevisionId> {
        let short = digest.short(CONTENT_DIGITS);
        let is_other = |id: &RevisionId| self.contents.get(id).is_some_and(|content| *content != short);
        existing.iter().copied().filter(is_other).collect()
    }

    /// Notes what was read of the existing revisions; `None` is the content of another tool.
    pub(crate) fn learn(&mut self, existing: &BTreeSet<RevisionId>, read: &BTreeMap<RevisionId, Option<Digest>>) {
        self.contents.retain(|id, _| existing.contains(id));
        let text = |digest: &Option<Digest>| digest.map(|digest| digest.short(CONTENT_DIGITS)).unwrap_or_default();
        self.contents.extend(read.iter().map(|(id, digest)| (*id, text(digest))));
    }

    /// The claim of a run with an owner.
    pub(crate) fn right(&self) -> Option<&Claim> {
        self.claim.as_ref()
    }

    /// The record that the run found.
    pub(crate) fn record(&self) -> Option<&Record> {
        self.before.as_ref()
    }

    /// Reports the failure of an earlier attempt of this Job with the same bundle.
    pub(crate) fn refuse_repetition(&self, site: &Site<'_>, digest: Digest) -> Result<(), Error> {
        let job = site.options.claimant.as_ref().and_then(|claimant| claimant.job.as_ref());
        let failure = self.record().and_then(|record| record.failure.as_ref());
        match failure.filter(|failure| job.is_some() && failure.job.as_ref() == job && failure.digest == digest) {
            None => Ok(()),
            Some(failure) => Err(Error::Refused(format!(
                "an earlier attempt of this Job with the same bundle failed, so it is not repeated; a new Job tries it \
                 again: {}",
                failure.reason
            ))),
        }
    }

    /// The record that this run writes.
    fn wanted(&self, claimant: &Claimant, site: &Site<'_>, digest: &str, when_gone: WhenGone) -> Option<Record> {
        let before = self.before.as_ref();
        // The value was made by the state of Git that first had this digest; the revision contains only this one.
        let same = before.filter(|record| record.digest == digest);
        let record = Record {
            provenance: same.map_or_else(|| site.options.provenance.clone(), |record| record.provenance.clone()),
            revision: same.and_then(|record| record.revision.clone()),
            contents: self.contents.clone(),
            ..Record::new(site.id(), "", digest, when_gone)
        };
        Some(claimant.sign(record, before, self.claim.as_ref()?))
    }

    /// Writes the record of intent. It must precede every change of the bundle.
    pub(crate) async fn announce(&mut self, site: &Site<'_>, digest: Digest) -> Result<(), Error> {
        self.announce_as(site, &digest.hex(), site.options.settings.when_gone).await
    }

    /// The same for the removal of the bundle in its recorded state.
    pub(crate) async fn announce_removal(&mut self, site: &Site<'_>, when_gone: WhenGone) -> Result<(), Error> {
        let Some(record) = &self.stored else { return Ok(()) };
        let digest = record.digest.clone();
        self.announce_as(site, &digest, when_gone).await
    }

    async fn announce_as(&mut self, site: &Site<'_>, digest: &str, when_gone: WhenGone) -> Result<(), Error> {
        let Some(claimant) = &site.options.claimant else { return Ok(()) };
        let Some(record) = self.wanted(claimant, site, digest, when_gone) else { return Ok(()) };
        if self.stored.as_ref() != Some(&record) {
            self.write(site, record).await?;
        }
        self.announced = true;
        Ok(())
    }

    /// Reads the record again, immediately before the write that decides what is deployed.
    pub(crate) async fn verify(&self, site: &Site<'_>) -> Result<(), Error> {
        let Some(stored) = self.stored.as_ref().filter(|_| self.announced) else { return Ok(()) };
        let why = match register::read_one(site.client, site.place(), &site.id()).await? {
            Some(now) if now.job != stored.job => "another Job took over",
            Some(now) if (&now.owner, &now.namespace) != (&stored.owner, &stored.namespace) => {
                "another owner or namespace took over"
            }
            Some(_) => return Ok(()),
            None => "another run removed its record",
        };
        Err(Error::Temporary(format!(
            "{why} the {} `{}` after this run began, so this run changes nothing more; the next run decides again",
            site.resource.kind.noun(),
            site.resource.name
        )))
    }

    /// Records that a revision runs the bundle as desired, if the record does not say so yet.
    pub(crate) async fn confirm(
        &mut self,
        site: &Site<'_>,
        digest: Digest,
        revision: RecordedRevision,
    ) -> Result<(), Error> {
        self.contents.insert(revision.id, digest.short(CONTENT_DIGITS));
        let Some(claimant) = &site.options.claimant else { return Ok(()) };
        let when_gone = site.options.settings.when_gone;
        let Some(record) = self.wanted(claimant, site, &digest.hex(), when_gone) else { return Ok(()) };
        let record = Record { revision: Some(revision), ..record };
        let is_current = |stored: &Record| {
            let parts = |record: &Record| {
                (record.digest.clone(), record.when_gone, record.revision.clone(), record.failure.clone())
            };
            parts(stored) == parts(&record) && claimant.has_signed(stored)
        };
        if self.stored.as_ref().is_some_and(is_current) {
            return Ok(());
        }
        if !self.announced {
            site.ask_guard().await?;
            return self.write(site, record).await;
        }
        self.write(site, record).await?;
        // A request that a former Job had sent before it was stopped may arrive late and name its bundle: the next pod corrects the record.
        self.verify(site).await
    }

    /// Records the failure of an attempt, so that the next pod of the same Job does not repeat it. Without the record it
    /// would only be repeated.
    pub(crate) async fn note_failure(&mut self, site: &Site<'_>, digest: Digest, error: &Error) {
        let Some(claimant) = &site.options.claimant else { return };
        let may_write = self.announced || self.claim == Some(Claim::Own);
        if claimant.job.is_none() || !may_write || !error.is_rejected_bundle() {
            return;
        }
        let when_gone = site.options.settings.when_gone;
        let Some(record) = self.wanted(claimant, site, &digest.hex(), when_gone) else { return };
        let (job, code) = (claimant.job.clone(), error.exit().code());
        let failure = RecordedFailure { digest, job, code, reason: shortened(&error.to_string()) };
        if let Err(error) = self.write(site, Record { failure: Some(failure), ..record }).await {
            site.warn(Phase::Keep, format!("the failure is not recorded, so the next attempt repeats it: {error}"));
        }
    }

    /// Deletes the record: nothing of the bundle is deployed here.
    pub(crate) async fn forget(&self, site: &Site<'_>) -> Result<(), Error> {
        match self.stored {
            Some(_) => register::forget(&site.late(), site.place(), &site.id(), &BTreeSet::new()).await,
            None => Ok(()),
        }
    }

    async fn write(&mut self, site: &Site<'_>, record: Record) -> Result<(), Error> {
        register::write_first(&site.late(), site.place(), &record, self.stored.is_some()).await?;
        self.stored = Some(record);
        Ok(())
    }
}

/// The longest reason in a record, in characters.
const MAX_REASON: usize = 1000;

fn shortened(reason: &str) -> String {
    if reason.chars().count() <= MAX_REASON {
        return reason.to_owned();
    }
    reason.chars().take(MAX_REASON).chain(['…']).collect()
}
