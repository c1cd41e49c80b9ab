//! The actual state: what is deployed in an environment. Pure.

use crate::api::deployment::{Deployment, RuntimeState};
use crate::api::revision::Revision;
use crate::compare::vouched::is_seen;
use apigee_flux_configuration::Record;
use apigee_flux_model::bundle::{Digest, RevisionRecord};
use apigee_flux_model::names::RevisionId;
use apigee_flux_model::provenance::Provenance;

/// The actual state: what is deployed in the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Current {
    /// The deployment, with its runtime state.
    pub deployment: Deployment,
    /// Its revision.
    pub revision: Revision,
    /// The record in the revision's description; `None` if the revision is not managed by apigee-flux.
    pub record: Option<RevisionRecord>,
}

impl Current {
    /// Combines the responses about the deployment and its revision.
    pub(crate) fn new(deployment: Deployment, revision: Revision) -> Self {
        let record = RevisionRecord::parse(&revision.description);
        Self { deployment, revision, record }
    }

    /// The deployment, if a run has confirmed it and recorded what it contains: its revision cannot have changed since and is not read.
    pub(crate) fn recorded(deployment: &Deployment, record: &Record) -> Option<Self> {
        let recorded = record.revision.as_ref().filter(|recorded| is_seen(recorded, deployment))?;
        let digest = format!("sha256:{}", record.digest).parse().ok()?;
        let revision = Revision { revision: Some(recorded.id), ..Revision::default() };
        let deployment = Deployment { state: RuntimeState::Ready, ..deployment.clone() };
        Some(Self::new(deployment, revision).containing(digest))
    }

    /// The same, if the bundle was adopted as it was: then the record in the register says what the deployed revision
    /// contains, and its description does not.
    pub(crate) fn with_adopted(self, record: Option<&Record>, digest: Digest) -> Self {
        let says_so = |record: &Record| {
            record.digest == digest.hex() && record.revision.as_ref().is_some_and(|known| known.id == self.id())
        };
        if self.record.is_none() && record.is_some_and(says_so) { self.containing(digest) } else { self }
    }

    /// The same, of a revision that was compared: it contains this bundle.
    pub(crate) fn containing(self, digest: Digest) -> Self {
        Self { record: Some(RevisionRecord::new(digest, &Provenance::default())), ..self }
    }

    /// The deployed revision.
    pub(crate) fn id(&self) -> RevisionId {
        self.deployment.revision
    }

    /// True if the revision contains this bundle, whatever its state.
    pub(crate) fn is(&self, digest: Digest) -> bool {
        self.record.as_ref().is_some_and(|record| record.digest == digest)
    }

    /// False only if the response names another service account. The response may omit an account even if there is one.
    pub(crate) fn runs_as(&self, wanted: Option<&str>) -> bool {
        let account = self.deployment.service_account_email();
        account.is_none() || account == wanted
    }
}

/// True if the record does not vouch for the deployed revision: another one was recorded, or it was changed since. An
/// edit in Apigee's own editor keeps the description, and with it the digest of the bundle.
pub(crate) fn may_be_edited(record: &Record, current: &Current) -> bool {
    record.revision.as_ref().is_some_and(|known| {
        let is_later = known.modified.is_some_and(|then| current.revision.changed().is_some_and(|now| now > then));
        known.id != current.id() || is_later
    })
}

/// The relevant deployment of a list: the one that started last. While a revision replaces another, the list contains
/// both.
pub(crate) fn newest(deployments: Vec<Deployment>) -> Option<Deployment> {
    deployments.into_iter().max_by_key(|deployment| (deployment.started(), deployment.revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: &str) -> RevisionId {
        number.parse().unwrap()
    }

    #[test]
    fn the_deployment_that_started_last_counts() {
        let deployment = |revision: &str, time: &str| -> Deployment {
            serde_json::from_value(serde_json::json!({"revision": revision, "deployStartTime": time})).unwrap()
        };
        let list = vec![deployment("2", "1000"), deployment("10", "999"), deployment("9", "999")];
        assert_eq!(newest(list).unwrap().revision, id("2"));
        assert_eq!(newest(vec![deployment("9", ""), deployment("10", "")]).unwrap().revision, id("10"));
        assert_eq!(newest(Vec::new()), None);
    }
}
