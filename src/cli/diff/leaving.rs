//! Resources that are recorded for the owners of the input and are not in it any more.

use std::collections::{BTreeMap, BTreeSet};

use super::claims::{Recorded, Whose};
use super::difference::{Difference, PlannedChange};
use apigee_flux_configuration::{Id, Record};
use apigee_flux_function::expand::Removals;
use apigee_flux_model::diag::human::plural;
use apigee_flux_model::lifecycle::WhenGone;

/// The resources of the input in one place.
pub(super) type Present = BTreeSet<Id>;

/// A recorded resource that is not in the input.
struct Leaving<'r> {
    recorded: &'r Recorded,
    record: &'r Record,
}

/// What happens to the resources that left the input, in an environment and the organization that its reconcilers look after. The second
/// value are notes.
pub(super) fn leaving(places: &[(Recorded, Present)], removals: Removals) -> (Vec<Difference>, Vec<String>) {
    let mut gone: BTreeMap<Option<&str>, Vec<Leaving<'_>>> = BTreeMap::new();
    let mut notes = Notes::default();
    for (recorded, present) in places {
        for record in recorded.records.values().filter(|record| !present.contains(&record.id)) {
            match recorded.whose(record) {
                Whose::Input(namespace) => gone.entry(namespace).or_default().push(Leaving { recorded, record }),
                Whose::OtherNamespace(namespace) => notes.elsewhere(recorded, record, namespace),
                Whose::Unclear => notes.unclear(recorded),
                Whose::Other => {}
            }
        }
    }
    let mut differences = Vec::new();
    for gone in gone.into_values() {
        let removed = gone.iter().filter(|leaving| leaving.record.when_gone != WhenGone::Orphan).count();
        let obstacle = obstacle(removals, removed);
        for Leaving { recorded, record } in gone {
            let (change, reason) = fate(record.when_gone, removals, obstacle.as_deref());
            if let (PlannedChange::Kept, Removals::Never(setting)) = (change, removals)
                && record.when_gone != WhenGone::Orphan
            {
                notes.kept(recorded, setting);
            }
            differences.push(Difference {
                organization: recorded.place.organization.clone(),
                environment: recorded.place.environment.clone(),
                kind: record.id.kind.clone(),
                name: record.id.path(),
                change,
                reason,
                details: Vec::new(),
            });
        }
    }
    (differences, notes.lines())
}

/// Why the reconciler of a namespace would remove nothing.
fn obstacle(removals: Removals, removed: usize) -> Option<String> {
    let Removals::UpTo(most) = removals else { return None };
    (removed > most).then(|| {
        format!(
            "{} left the specs, but at most {most} are removed in one run, so none is: increase `reconcile.maxDeletes` of the \
             ApigeeEnvironment if this is intended",
            plural(removed, "resource")
        )
    })
}

fn fate(when_gone: WhenGone, removals: Removals, obstacle: Option<&str>) -> (PlannedChange, String) {
    let (policy, what) = match when_gone {
        WhenGone::Orphan => {
            let reason = "it is not in the specs: it is kept and no longer managed (`deletionPolicy: Orphan`)";
            return (PlannedChange::Kept, reason.to_owned());
        }
        WhenGone::Undeploy => ("`deletionPolicy: Undeploy`", "undeploys"),
        WhenGone::Delete => ("`deletionPolicy: Delete`", "deletes"),
    };
    match (removals, obstacle) {
        (Removals::Never(setting), _) => {
            (PlannedChange::Kept, format!("it is not in the specs ({policy}), but is kept: `{setting}`"))
        }
        (Removals::UpTo(_), Some(why)) => {
            (PlannedChange::Refused, format!("it is not in the specs ({policy}), but {why}"))
        }
        (Removals::UpTo(_), None) => {
            (PlannedChange::Delete, format!("it is not in the specs: the reconciler {what} it ({policy})"))
        }
    }
}

/// What is said about several resources in one line.
#[derive(Default)]
struct Notes {
    /// By place and setting.
    kept: BTreeMap<(String, &'static str), usize>,
    /// By place, owner and namespace.
    elsewhere: BTreeMap<(String, String, String), usize>,
    /// By place and default owner.
    unclear: BTreeMap<(String, String), usize>,
}

fn shown(recorded: &Recorded) -> String {
    recorded.place.as_place().to_string()
}

impl Notes {
    fn kept(&mut self, recorded: &Recorded, setting: &'static str) {
        *self.kept.entry((shown(recorded), setting)).or_default() += 1;
    }

    fn elsewhere(&mut self, recorded: &Recorded, record: &Record, namespace: &str) {
        let key = (shown(recorded), record.owner.clone(), namespace.to_owned());
        *self.elsewhere.entry(key).or_default() += 1;
    }

    fn unclear(&mut self, recorded: &Recorded) {
        *self.unclear.entry((shown(recorded), recorded.owner.default.clone())).or_default() += 1;
    }

    fn lines(self) -> Vec<String> {
        let kept = self.kept.into_iter().map(|((place, setting), count)| {
            format!(
                "{place}: {} left the specs and would be removed from Apigee, but `{setting}`; `--format json` lists them",
                plural(count, "resource")
            )
        });
        let elsewhere = self.elsewhere.into_iter().map(|((place, owner, namespace), count)| {
            format!(
                "{place}: {} of the owner `{owner}` belong to the namespace `{namespace}`, which is not in the input, so no reconciler removes \
                 them: list it in `spec.namespaces` of the ApigeeEnvironment if it belongs to the input",
                plural(count, "resource")
            )
        });
        let unclear = self.unclear.into_iter().map(|((place, default), count)| {
            format!(
                "{place}: {} of owners `NAMESPACE/{default}` are not in the specs; whether they are removed from Apigee is not known, since \
                 the specs have no namespace: pass the output of kustomize, or set `spec.owner` of the ApigeeEnvironment",
                plural(count, "resource")
            )
        });
        kept.chain(elsewhere).chain(unclear).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_configuration::OwnedPlace;
    use apigee_flux_function::expand::DesiredOwner;

    fn id(name: &str) -> Id {
        Id { kind: "ApigeeProxy".into(), parent: None, name: name.into() }
    }

    /// A namespace `a` with `present`, and records of resources that left it.
    fn changes(
        present: &[&str],
        gone: &[(&str, WhenGone)],
        removals: Removals,
    ) -> (Vec<(String, PlannedChange)>, Vec<String>) {
        let records = gone.iter().map(|(name, when_gone)| Record::new(id(name), "a/prod", "d", *when_gone));
        let recorded = Recorded {
            place: OwnedPlace { organization: "acme".into(), environment: Some("prod".into()) },
            owner: DesiredOwner {
                named: None,
                default: "prod".into(),
                namespaces: BTreeSet::from(["a".to_owned()]),
                origins: BTreeSet::new(),
            },
            records: records.map(|record| (record.id.clone(), record)).collect(),
        };
        let present = present.iter().map(|name| id(name)).collect();
        let (found, notes) = leaving(&[(recorded, present)], removals);
        (found.into_iter().map(|one| (one.name, one.change)).collect(), notes)
    }

    #[test]
    fn the_policy_and_the_reconciler_decide() {
        use PlannedChange::{Delete, Kept, Refused};
        let gone = [("x", WhenGone::Delete), ("y", WhenGone::Undeploy), ("z", WhenGone::Orphan)];
        let check = |present: &[&str], removals, expected: [PlannedChange; 3], note: usize| {
            let (found, notes) = changes(present, &gone, removals);
            let changes: Vec<PlannedChange> = found.iter().map(|(_, change)| *change).collect();
            assert_eq!((changes.as_slice(), notes.len()), (expected.as_slice(), note), "{found:?} {notes:?}");
        };
        check(&["w"], Removals::UpTo(2), [Delete, Delete, Kept], 0);
        check(&["w"], Removals::UpTo(1), [Refused, Refused, Kept], 0);
        // The last resources of a namespace leave it like any others.
        check(&[], Removals::UpTo(2), [Delete, Delete, Kept], 0);
        check(&["w"], Removals::Never("reconcile: none"), [Kept, Kept, Kept], 1);
    }
}
