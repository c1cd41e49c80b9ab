//! Who owns what: the records of an environment or organization, compared with the owners of the specs.

use std::collections::BTreeMap;

use super::difference::{Difference, PlannedChange};
use apigee_flux_configuration::ownership::{Claimant, claim};
use apigee_flux_configuration::{Claim, Id, OwnedPlace, Record};
use apigee_flux_function::expand::DesiredOwner;
use apigee_flux_model::lifecycle::Adopt;

/// The records of one place, and who the input is there.
#[derive(Debug)]
pub(super) struct Recorded {
    pub place: OwnedPlace,
    pub owner: DesiredOwner,
    pub records: BTreeMap<Id, Record>,
}

/// Whose a record is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose<'r> {
    /// A namespace of the input; `None` if the input does not say its namespaces.
    Input(Option<&'r str>),
    /// The input's owner, but a namespace that is not in the input.
    OtherNamespace(&'r str),
    /// Perhaps the input: its owner depends on a namespace that the input does not say.
    Unclear,
    /// Another input.
    Other,
}

impl Recorded {
    /// Whose a record is.
    pub(super) fn whose<'r>(&'r self, record: &'r Record) -> Whose<'r> {
        let DesiredOwner { named, default, namespaces, .. } = &self.owner;
        let at = record.namespace.as_deref();
        if let Some(namespace) = namespaces.iter().find(|namespace| {
            self.owner.in_namespace(Some(namespace)).as_ref() == Some(&record.owner)
                && at.is_none_or(|at| at == *namespace)
        }) {
            return Whose::Input(Some(namespace));
        }
        match at {
            _ if named.as_ref() == Some(&record.owner) && namespaces.is_empty() => Whose::Input(None),
            Some(at) if named.as_ref() == Some(&record.owner) => Whose::OtherNamespace(at),
            _ if named.is_none() && namespaces.is_empty() && record.owner.ends_with(&format!("/{default}")) => {
                Whose::Unclear
            }
            _ => Whose::Other,
        }
    }

    /// The right of the Job in a namespace to change a resource; `None` if its owner is not known. The error says why it has none.
    fn claim(&self, id: &Id, namespace: Option<&str>, adopt: Adopt) -> Option<Result<Claim, String>> {
        let owner = self.owner.in_namespace(namespace)?;
        let siblings = self
            .owner
            .origins
            .iter()
            .filter_map(|namespace| Some((namespace.clone(), self.owner.in_namespace(Some(namespace))?)));
        let claimant =
            Claimant { namespace: namespace.map(str::to_owned), siblings: siblings.collect(), ..Claimant::new(&owner) };
        Some(claim(self.records.get(id), &claimant, adopt).map_err(|refusal| refusal.to_string()))
    }

    /// Adds to a difference what the record of the resource says. `is_equal`: nothing would be changed but the record.
    pub(super) fn settle(&self, difference: &mut Difference, id: &Id, namespace: Option<&str>, adopt: Adopt) {
        let is_equal = difference.change == PlannedChange::Unchanged;
        match self.claim(id, namespace, adopt) {
            None | Some(Ok(Claim::Unrecorded | Claim::Own | Claim::Replaced)) => {}
            Some(Err(why)) => {
                difference.change = PlannedChange::Refused;
                difference.reason = why;
            }
            Some(Ok(Claim::Moved { from })) if is_equal => {
                difference.change = PlannedChange::Move;
                difference.reason = format!("its spec moved here from the namespace `{from}`; nothing else changes");
            }
            Some(Ok(Claim::Moved { from })) => {
                difference.add_reason(&format!("its spec moved here from the namespace `{from}`"));
            }
            Some(Ok(Claim::Adopted { from })) if is_equal => {
                difference.change = PlannedChange::Move;
                difference.reason = format!("it is adopted from the owner `{from}`; nothing else changes");
            }
            Some(Ok(Claim::Adopted { from })) if adopt == Adopt::Match => {
                difference.change = PlannedChange::Refused;
                difference.reason = format!(
                    "its owner is `{from}`, and it differs ({}): make the spec equal to it, or set `adopt: override`",
                    difference.reason
                );
            }
            Some(Ok(Claim::Adopted { from })) => {
                difference.add_reason(&format!("it is adopted from the owner `{from}`"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use apigee_flux_model::lifecycle::WhenGone;

    fn id() -> Id {
        Id { kind: "ApigeeProxy".into(), parent: None, name: "orders".into() }
    }

    fn record(owner: &str, namespace: Option<&str>) -> Record {
        Record { namespace: namespace.map(str::to_owned), ..Record::new(id(), owner, "d", WhenGone::Delete) }
    }

    fn recorded(named: Option<&str>, namespaces: &[&str], record: Record) -> Recorded {
        let namespaces: BTreeSet<String> = namespaces.iter().map(|&namespace| namespace.to_owned()).collect();
        Recorded {
            place: OwnedPlace { organization: "acme".into(), environment: Some("prod".into()) },
            owner: DesiredOwner {
                named: named.map(str::to_owned),
                default: "prod".into(),
                origins: namespaces.clone(),
                namespaces,
            },
            records: BTreeMap::from([(id(), record)]),
        }
    }

    #[test]
    fn a_record_belongs_to_the_namespace_that_wrote_it() {
        let check = |named, namespaces: &[&str], owner, at, expected| {
            let record = record(owner, at);
            assert_eq!(recorded(named, namespaces, record.clone()).whose(&record), expected);
        };
        check(None, &["a", "b"], "b/prod", None, Whose::Input(Some("b")));
        check(None, &["a", "b"], "b/prod", Some("b"), Whose::Input(Some("b")));
        check(None, &["a"], "b/prod", Some("b"), Whose::Other);
        check(None, &[], "b/prod", Some("b"), Whose::Unclear);
        check(None, &[], "b/test", Some("b"), Whose::Other);
        check(Some("team"), &["a"], "team", Some("b"), Whose::OtherNamespace("b"));
        check(Some("team"), &["a"], "team", None, Whose::Input(Some("a")));
        check(Some("team"), &[], "team", Some("b"), Whose::Input(None));
        check(Some("team"), &["a"], "a/prod", Some("a"), Whose::Other);
    }

    #[test]
    fn a_claim_decides_what_is_reported() {
        use PlannedChange::{Move, Refused, Unchanged, Update};
        let check = |before: Record, change, adopt, expected, part: &str| {
            let mut difference = Difference {
                organization: "acme".into(),
                environment: Some("prod".into()),
                kind: id().kind,
                name: id().name,
                change,
                reason: "so".into(),
                details: Vec::new(),
            };
            recorded(None, &["a", "b"], before).settle(&mut difference, &id(), Some("a"), adopt);
            assert_eq!(difference.change, expected, "{}", difference.reason);
            assert!(difference.reason.contains(part), "{}", difference.reason);
        };
        check(record("a/prod", None), Unchanged, Adopt::Never, Unchanged, "so");
        check(record("b/prod", Some("b")), Unchanged, Adopt::Never, Move, "moved here from the namespace `b`");
        check(
            record("b/prod", Some("b")),
            Update,
            Adopt::Never,
            Update,
            "so; its spec moved here from the namespace `b`",
        );
        check(record("c/prod", Some("c")), Unchanged, Adopt::Never, Refused, "its owner is `c/prod`");
        check(record("c/prod", Some("c")), Unchanged, Adopt::Match, Move, "adopted from the owner `c/prod`");
        check(record("c/prod", Some("c")), Update, Adopt::Match, Refused, "it differs (so)");
        check(
            record("c/prod", Some("c")),
            Update,
            Adopt::Override,
            Update,
            "so; it is adopted from the owner `c/prod`",
        );
    }
}
