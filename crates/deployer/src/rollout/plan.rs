//! Decides what to do, from the desired state and the actual state in Apigee. Pure.

use crate::api::deployment::RuntimeState;
use crate::compare::absence::Absence;
use crate::compare::current::Current;
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::names::RevisionId;

/// The desired state of a bundle in the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DesiredRevision<'a> {
    /// The bundle.
    pub digest: Digest,
    /// The email of the service account that it runs as.
    pub service_account: Option<&'a str>,
}

/// The state of the environment before a run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Before {
    /// A deployment.
    Deployed(Current),
    /// Nothing is deployed, and this is proven.
    Nothing(Absence),
}

impl Before {
    /// The deployment.
    pub(crate) fn current(&self) -> Option<&Current> {
        match self {
            Self::Deployed(current) => Some(current),
            Self::Nothing(_) => None,
        }
    }
}

/// What to do if the revision does not become ready.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum WayBack {
    /// Roll back: deploy the previous revision.
    Former {
        /// The revision.
        revision: RevisionId,
        /// The email of its service account.
        service_account: Option<String>,
    },
    /// Undeploy it: nothing was deployed before.
    Nothing(Absence),
    /// Leave it deployed: it was already deployed in the same way, or by another run.
    Stays,
}

/// The rollback for revision `id` in `environment`. `young` means that the current deployment is so new that an earlier
/// run may have been interrupted before it saw the revision ready.
///
/// A revision that an earlier run deployed where nothing was deployed is not undeployed: it may have been ready since,
/// and its current status may be temporary.
pub(crate) fn way_back(
    before: Before,
    id: RevisionId,
    wanted_account: Option<&str>,
    environment: &str,
    young: bool,
) -> WayBack {
    let current = match before {
        Before::Deployed(current) => current,
        Before::Nothing(absence) => return WayBack::Nothing(absence),
    };
    if current.id() != id || !current.runs_as(wanted_account) {
        let service_account = current.deployment.service_account_email().map(str::to_owned);
        return WayBack::Former { revision: current.id(), service_account };
    }
    let replaced = current.record.as_ref().and_then(|record| record.replaces.as_ref());
    let replaced = replaced.filter(|replaced| young && replaced.environment == environment);
    match replaced.and_then(|replaced| Some((replaced, replaced.revision?))) {
        None => WayBack::Stays,
        Some((replaced, revision)) => WayBack::Former { revision, service_account: replaced.service_account.clone() },
    }
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Nothing: it is ready.
    Unchanged(RevisionId),
    /// Wait: an earlier run deployed it and did not see it ready.
    Await(RevisionId),
    /// Deploy an existing revision.
    Deploy(RevisionId, Reason),
    /// Import a new revision and deploy it.
    Import,
}

/// Why an existing revision is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It contains the desired bundle and is not deployed here: a rollback, a promotion, or an interrupted run.
    Known,
    /// It is deployed with another service account, which only a new deployment changes.
    ServiceAccount,
    /// It is deployed and its state is ERROR.
    InError,
}

/// Decides. `known` is an existing revision with the desired digest; it is not required if `current` has this digest.
pub(crate) fn plan(desired: DesiredRevision<'_>, current: Option<&Current>, known: Option<RevisionId>) -> Plan {
    match current {
        Some(current) if current.is(desired.digest) => {
            if !current.runs_as(desired.service_account) {
                return Plan::Deploy(current.id(), Reason::ServiceAccount);
            }
            match current.deployment.state {
                RuntimeState::Error => Plan::Deploy(current.id(), Reason::InError),
                RuntimeState::Ready if current.deployment.route_conflicts.is_empty() => Plan::Unchanged(current.id()),
                RuntimeState::Ready | RuntimeState::Progressing | RuntimeState::Unknown => Plan::Await(current.id()),
            }
        }
        _ => known.map_or(Plan::Import, |revision| Plan::Deploy(revision, Reason::Known)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use apigee_flux_model::bundle::{Replaced, RevisionRecord};
    use apigee_flux_model::provenance::Provenance;

    fn id(number: &str) -> RevisionId {
        number.parse().unwrap()
    }

    fn digest(text: &str) -> Digest {
        Digest::of_bytes(text.as_bytes())
    }

    fn current(state: &str, account: Option<&str>, text: &str) -> Current {
        let mut deployment = json!({"revision": "3", "state": state, "deployStartTime": "1"});
        if let Some(account) = account {
            deployment["serviceAccount"] = json!(format!("projects/-/serviceAccounts/{account}"));
        }
        let record = RevisionRecord::new(digest(text), &Provenance::default()).append_to("");
        let revision = serde_json::from_value(json!({"revision": "3", "description": record})).unwrap();
        Current::new(serde_json::from_value(deployment).unwrap(), revision)
    }

    fn foreign() -> Current {
        let current = current("READY", None, "wanted");
        Current { record: None, ..current }
    }

    #[track_caller]
    fn check(current: Option<&Current>, known: Option<&str>, expected: Plan) {
        let desired = DesiredRevision { digest: digest("wanted"), service_account: Some("a@p") };
        assert_eq!(plan(desired, current, known.map(id)), expected);
    }

    #[test]
    fn what_runs_is_left_alone() {
        check(Some(&current("READY", Some("a@p"), "wanted")), None, Plan::Unchanged(id("3")));
        // The response may omit the account.
        check(Some(&current("READY", None, "wanted")), None, Plan::Unchanged(id("3")));
    }

    #[test]
    fn what_was_cut_off_is_awaited() {
        for state in ["PROGRESSING", "A_NEW_ONE"] {
            check(Some(&current(state, None, "wanted")), None, Plan::Await(id("3")));
        }
        let mut conflicting = current("READY", None, "wanted");
        conflicting.deployment.route_conflicts = vec![serde_json::from_value(json!({})).unwrap()];
        check(Some(&conflicting), None, Plan::Await(id("3")));
    }

    #[test]
    fn what_differs_is_deployed_again() {
        check(Some(&current("READY", Some("b@p"), "wanted")), None, Plan::Deploy(id("3"), Reason::ServiceAccount));
        check(Some(&current("ERROR", None, "wanted")), None, Plan::Deploy(id("3"), Reason::InError));
        // The desired state has no account, but the deployment has one.
        let desired = DesiredRevision { digest: digest("wanted"), service_account: None };
        let runs = current("READY", Some("a@p"), "wanted");
        assert_eq!(plan(desired, Some(&runs), None), Plan::Deploy(id("3"), Reason::ServiceAccount));
    }

    #[test]
    fn a_known_digest_is_never_imported_again() {
        let other = current("READY", None, "other");
        check(Some(&other), Some("2"), Plan::Deploy(id("2"), Reason::Known));
        check(None, Some("2"), Plan::Deploy(id("2"), Reason::Known));
        check(Some(&other), None, Plan::Import);
        check(Some(&foreign()), None, Plan::Import);
        check(None, None, Plan::Import);
    }

    fn former(revision: &str, account: Option<&str>) -> WayBack {
        WayBack::Former { revision: id(revision), service_account: account.map(str::to_owned) }
    }

    #[test]
    fn the_way_back_leads_to_what_was() {
        let way_back = |current: Option<&Current>, to: &str, young| {
            let before = current
                .map_or_else(|| Before::Nothing(Absence::of_test()), |current| Before::Deployed(current.clone()));
            crate::rollout::plan::way_back(before, id(to), Some("a@p"), "prod", young)
        };
        assert_eq!(way_back(None, "4", false), WayBack::Nothing(Absence::of_test()));
        assert_eq!(way_back(Some(&foreign()), "4", false), former("3", None));
        let other_account = current("READY", Some("b@p"), "wanted");
        assert_eq!(way_back(Some(&other_account), "3", false), former("3", Some("b@p")));
        let same = current("ERROR", Some("a@p"), "wanted");
        assert_eq!(way_back(Some(&same), "3", true), WayBack::Stays);
        // A run was interrupted after the deployment: the record names the previous revision.
        let with = |environment: &str, revision: Option<&str>| {
            let mut cut_off = same.clone();
            let replaces = Replaced {
                environment: environment.into(),
                revision: revision.map(id),
                service_account: Some("c@p".into()),
            };
            cut_off.record = cut_off.record.map(|record| RevisionRecord { replaces: Some(replaces), ..record });
            cut_off
        };
        assert_eq!(way_back(Some(&with("prod", Some("2"))), "3", true), former("2", Some("c@p")));
        // Another run deployed it where nothing was deployed: this run may not undeploy it.
        assert_eq!(way_back(Some(&with("prod", None)), "3", true), WayBack::Stays);
        assert_eq!(way_back(Some(&with("dev", Some("2"))), "3", true), WayBack::Stays);
        // It has been deployed for long; the revision that it replaced is not a state to return to.
        assert_eq!(way_back(Some(&with("prod", Some("2"))), "3", false), WayBack::Stays);
    }
}
