//! What to do, from what is wanted and what Apigee has. Pure.

use super::Revision;
use super::absence::Absence;
use super::deployment::{Deployment, RuntimeState};
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::bundle::RevisionRecord;
use apigee_flux_model::names::RevisionId;

/// What is wanted in the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Desired<'a> {
    /// The bundle.
    pub digest: Digest,
    /// The email of the service account that it runs as.
    pub service_account: Option<&'a str>,
}

/// What is deployed in the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// The deployment, with what the runtime reports.
    pub deployment: Deployment,
    /// Its revision.
    pub revision: Revision,
    /// What the revision's description says; none if this program did not make it.
    pub record: Option<RevisionRecord>,
}

impl Current {
    /// From the answers about the deployment and its revision.
    pub fn new(deployment: Deployment, revision: Revision) -> Self {
        let record = RevisionRecord::parse(&revision.description);
        Self { deployment, revision, record }
    }

    /// The deployed revision.
    pub fn id(&self) -> RevisionId {
        self.deployment.revision
    }

    /// True if it is this bundle, whatever its state.
    pub fn is(&self, digest: Digest) -> bool {
        self.record.as_ref().is_some_and(|record| record.digest == digest)
    }

    /// True unless the answers say that the service account is another one. The answer may lack an account although there is one.
    pub(super) fn runs_as(&self, wanted: Option<&str>) -> bool {
        let account = self.deployment.service_account_email();
        account.is_none() || account == wanted
    }
}

/// What is in the environment before a run.
#[derive(Debug, PartialEq, Eq)]
pub enum Before {
    /// A deployment.
    Deployed(Current),
    /// Nothing, and that is certain.
    Nothing(Absence),
}

impl Before {
    /// The deployment.
    pub fn current(&self) -> Option<&Current> {
        match self {
            Self::Deployed(current) => Some(current),
            Self::Nothing(_) => None,
        }
    }
}

/// What to do when the revision does not run.
#[derive(Debug, PartialEq, Eq)]
pub enum WayBack {
    /// Deploy what was deployed before.
    Former {
        /// The revision.
        revision: RevisionId,
        /// The email of its service account.
        service_account: Option<String>,
    },
    /// Take it out: this run puts it there from nothing.
    Nothing(Absence),
    /// Leave it: it was deployed before in the same way, or by another run.
    Stays,
}

/// What to go back to when revision `id` does not run in `environment`. `young` says that what is deployed is so new that an
/// earlier run may have been cut off before it saw it ready.
///
/// What an earlier run put there from nothing stays: it may have run since, and what its status says now may pass.
pub fn way_back(
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
pub enum Plan {
    /// Nothing: it runs.
    Unchanged(RevisionId),
    /// Nothing but wait: an earlier run deployed it and did not see it ready.
    Await(RevisionId),
    /// Deploy a revision that exists.
    Deploy(RevisionId, Reason),
    /// Import a new revision and deploy it.
    Import,
}

/// Why an existing revision is deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It holds the wanted bundle and is not deployed here: a rollback, a promotion, or a run that was cut off.
    Known,
    /// It is deployed with another service account, which only a deployment changes.
    ServiceAccount,
    /// It is deployed and its state is ERROR.
    InError,
}

/// Decides. `known` is an existing revision with the wanted digest; it need not be looked for when `current` has it.
pub fn plan(desired: Desired<'_>, current: Option<&Current>, known: Option<RevisionId>) -> Plan {
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

/// The deployment that counts when a list has several: the one that started last. While a revision replaces another, both stand
/// in the list.
pub fn newest(deployments: Vec<Deployment>) -> Option<Deployment> {
    deployments.into_iter().max_by_key(|deployment| (deployment.started(), deployment.revision))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use apigee_flux_model::bundle::Replaced;
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
        let desired = Desired { digest: digest("wanted"), service_account: Some("a@p") };
        assert_eq!(plan(desired, current, known.map(id)), expected);
    }

    #[test]
    fn what_runs_is_left_alone() {
        check(Some(&current("READY", Some("a@p"), "wanted")), None, Plan::Unchanged(id("3")));
        // The answer may lack the account.
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
        // No account is wanted, and one is set.
        let desired = Desired { digest: digest("wanted"), service_account: None };
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
            super::way_back(before, id(to), Some("a@p"), "prod", young)
        };
        assert_eq!(way_back(None, "4", false), WayBack::Nothing(Absence::of_test()));
        assert_eq!(way_back(Some(&foreign()), "4", false), former("3", None));
        let other_account = current("READY", Some("b@p"), "wanted");
        assert_eq!(way_back(Some(&other_account), "3", false), former("3", Some("b@p")));
        let same = current("ERROR", Some("a@p"), "wanted");
        assert_eq!(way_back(Some(&same), "3", true), WayBack::Stays);
        // A run was cut off after it had deployed: the revision says what was there.
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
        // Another run put it there from nothing: that is no right to take it out.
        assert_eq!(way_back(Some(&with("prod", None)), "3", true), WayBack::Stays);
        assert_eq!(way_back(Some(&with("dev", Some("2"))), "3", true), WayBack::Stays);
        // It ran for long; what it took the place of then is no state to return to.
        assert_eq!(way_back(Some(&with("prod", Some("2"))), "3", false), WayBack::Stays);
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
