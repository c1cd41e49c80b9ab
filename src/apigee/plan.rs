//! What to do, from what is wanted and what Apigee has. Pure.

use super::RevisionId;
use super::deployment::{Deployment, RuntimeState};
use super::revision_record::RevisionRecord;
use crate::bundle::Digest;

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
    /// The deployed revision.
    pub revision: RevisionId,
    /// The digest in its description; none if this program did not make it.
    pub digest: Option<Digest>,
    /// The email of its service account; none if the answer names none, which does not say that there is none.
    pub service_account: Option<String>,
    /// What the runtime reports.
    pub state: RuntimeState,
    /// Some of its base paths are not routed.
    pub has_route_conflicts: bool,
}

impl Current {
    /// From the answers about the deployment and its revision.
    pub fn new(deployment: &Deployment, description: &str) -> Self {
        Self {
            revision: deployment.revision,
            digest: RevisionRecord::parse(description).map(|record| record.digest),
            service_account: deployment.service_account_email().map(str::to_owned),
            state: deployment.state,
            has_route_conflicts: !deployment.route_conflicts.is_empty(),
        }
    }

    /// True unless the answers say that the service account is another one.
    fn runs_as(&self, wanted: Option<&str>) -> bool {
        self.service_account.is_none() || self.service_account.as_deref() == wanted
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
        Some(current) if current.digest == Some(desired.digest) => {
            if !current.runs_as(desired.service_account) {
                return Plan::Deploy(current.revision, Reason::ServiceAccount);
            }
            match current.state {
                RuntimeState::Error => Plan::Deploy(current.revision, Reason::InError),
                RuntimeState::Ready if !current.has_route_conflicts => Plan::Unchanged(current.revision),
                RuntimeState::Ready | RuntimeState::Progressing | RuntimeState::Unknown => {
                    Plan::Await(current.revision)
                }
            }
        }
        _ => known.map_or(Plan::Import, |revision| Plan::Deploy(revision, Reason::Known)),
    }
}

/// The deployment that counts when a list has several: the one that started last. While a revision replaces another, both stand
/// in the list.
pub fn newest(deployments: Vec<Deployment>) -> Option<Deployment> {
    deployments
        .into_iter()
        .max_by_key(|deployment| (deployment.deploy_start_time.parse::<u64>().unwrap_or_default(), deployment.revision))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: &str) -> RevisionId {
        number.parse().unwrap()
    }

    fn digest(text: &str) -> Digest {
        Digest::of_bytes(text.as_bytes())
    }

    fn current() -> Current {
        Current {
            revision: id("3"),
            digest: Some(digest("wanted")),
            service_account: Some("a@p".into()),
            state: RuntimeState::Ready,
            has_route_conflicts: false,
        }
    }

    #[track_caller]
    fn check(current: Option<&Current>, known: Option<&str>, expected: Plan) {
        let desired = Desired { digest: digest("wanted"), service_account: Some("a@p") };
        assert_eq!(plan(desired, current, known.map(id)), expected);
    }

    #[test]
    fn what_runs_is_left_alone() {
        check(Some(&current()), None, Plan::Unchanged(id("3")));
        // The answer may lack the account.
        check(Some(&Current { service_account: None, ..current() }), None, Plan::Unchanged(id("3")));
    }

    #[test]
    fn what_was_cut_off_is_awaited() {
        for state in [RuntimeState::Progressing, RuntimeState::Unknown] {
            check(Some(&Current { state, ..current() }), None, Plan::Await(id("3")));
        }
        check(Some(&Current { has_route_conflicts: true, ..current() }), None, Plan::Await(id("3")));
    }

    #[test]
    fn what_differs_is_deployed_again() {
        let other = Current { service_account: Some("b@p".into()), ..current() };
        check(Some(&other), None, Plan::Deploy(id("3"), Reason::ServiceAccount));
        let broken = Current { state: RuntimeState::Error, ..current() };
        check(Some(&broken), None, Plan::Deploy(id("3"), Reason::InError));
        // No account is wanted, and one is set.
        let desired = Desired { digest: digest("wanted"), service_account: None };
        assert_eq!(plan(desired, Some(&current()), None), Plan::Deploy(id("3"), Reason::ServiceAccount));
    }

    #[test]
    fn a_known_digest_is_never_imported_again() {
        let other = Current { digest: Some(digest("other")), ..current() };
        check(Some(&other), Some("2"), Plan::Deploy(id("2"), Reason::Known));
        check(None, Some("2"), Plan::Deploy(id("2"), Reason::Known));
        check(Some(&other), None, Plan::Import);
        check(Some(&Current { digest: None, ..current() }), None, Plan::Import);
        check(None, None, Plan::Import);
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
