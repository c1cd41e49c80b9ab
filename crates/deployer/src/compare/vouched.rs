//! What the record of a bundle vouches for, so that it need not be read again. Pure.
//!
//! A revision that was ever deployed cannot be changed (Apigee, `organizations.apis.revisions.updateApiProxyRevision`), so a deployment that a run has
//! confirmed contains what was confirmed as long as it is the same deployment: the same revision that started at the same time. The list of
//! deployments shows both for all bundles of an environment. The daily comparison of files does not rely on this.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::api::deployment::Deployment;
use apigee_flux_configuration::{Record, RecordedRevision};
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::names::RevisionId;

/// A deployment of this age was seen ready, or rolled back, by the run that created it. Longer than any run.
pub const SETTLED_AFTER: Duration = Duration::from_hours(2);

/// True for a deployment that is older than any run that could still be waiting for it.
pub(crate) fn is_settled(deployment: &Deployment) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    deployment.started() > 0 && now.saturating_sub(Duration::from_millis(deployment.started())) > SETTLED_AFTER
}

/// The revision that the record of a bundle vouches for: it is deployed as desired, in the deployment that a run has confirmed. `listed` are the
/// bundle's entries of the environment's list of deployments.
pub(crate) fn vouched(
    record: Option<&Record>,
    listed: &[Deployment],
    digest: Digest,
    service_account: Option<&str>,
) -> Option<RevisionId> {
    // While a revision replaces another one, there are two.
    let [deployment] = listed else { return None };
    let record = record.filter(|record| record.digest == digest.hex())?;
    let account = deployment.service_account_email();
    (is_seen(record.revision.as_ref()?, deployment) && (account.is_none() || account == service_account))
        .then_some(deployment.revision)
}

/// Whether a run has confirmed the revision in this very deployment.
pub(crate) fn is_seen(recorded: &RecordedRevision, deployment: &Deployment) -> bool {
    let is_same = recorded.id == deployment.revision && recorded.seen == Some(deployment.started());
    is_same && deployment.started() > 0
}

#[cfg(test)]
mod tests {
    use apigee_flux_configuration::Id;
    use apigee_flux_model::lifecycle::WhenGone;
    use serde_json::json;

    use super::*;

    fn deployment(revision: &str, started: &str, account: &str) -> Deployment {
        let account = format!("projects/-/serviceAccounts/{account}");
        serde_json::from_value(json!({"revision": revision, "deployStartTime": started, "serviceAccount": account}))
            .unwrap()
    }

    #[test]
    fn only_the_confirmed_deployment_is_trusted() {
        let digest = Digest::of_bytes(b"a");
        let id = Id { kind: "ApigeeProxy".to_owned(), parent: None, name: "a".to_owned() };
        let revision = RecordedRevision { id: "3".parse().unwrap(), modified: None, seen: Some(7) };
        let record = Record { revision: Some(revision), ..Record::new(id, "o", &digest.hex(), WhenGone::Orphan) };
        let check = |listed: &[Deployment], digest| vouched(Some(&record), listed, digest, Some("a@p")).is_some();
        assert!(check(&[deployment("3", "7", "a@p")], digest));
        assert!(!check(&[deployment("3", "7", "b@p")], digest));
        assert!(!check(&[deployment("3", "8", "a@p")], digest), "it was deployed again");
        assert!(!check(&[deployment("4", "7", "a@p")], digest));
        assert!(!check(&[deployment("3", "7", "a@p")], Digest::of_bytes(b"b")));
        assert!(!check(&[deployment("3", "7", "a@p"), deployment("4", "9", "a@p")], digest));
        assert!(!check(&[], digest));
        assert_eq!(vouched(None, &[deployment("3", "7", "a@p")], digest, Some("a@p")), None);
    }
}
