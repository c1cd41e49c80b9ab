//! Deletes resources removed from Git: those with a record of this owner, namespace and cluster that neither the inventory nor a Job has.
//!
//! A resource without a record is not managed by apigee-flux and is never changed. A resource with `Orphan` is kept,
//! with its record, so that a revert in Git finds it. A resource that another namespace of the same input has now is handed over with its
//! record. Nothing is deleted if more resources would be deleted than allowed, or if files outside of a cluster have nothing: an empty folder must
//! not empty Apigee (<https://github.com/Azure/apiops/issues/514>). In a cluster an empty inventory is one that a state of Git says.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::api::client::Client;
use crate::api::target::Target;
use crate::configuration::convergence::read;
use crate::configuration::event::{ApplyEvent, ApplyListener};
use crate::configuration::options::{ApplyOptions, Mode};
use crate::configuration::outcome::{Applied, ApplyReport, ResourceResult, failed};
use crate::error::Error;
use crate::event::{Event, Phase};
use crate::reconciler::agreement::{self, JobPlace};
use crate::reconciler::truth::Truth;
use crate::records::register::{self, Register};
use crate::rollout::options::DeployOptions;
use crate::rollout::remove::remove;
use apigee_flux_configuration::inventory::{Named, Names};
use apigee_flux_configuration::{self as configuration, KINDS};
use apigee_flux_configuration::{Claimant, Crud, Id, OwnedPlace, Place, Record, Wanted};
use apigee_flux_model::bundle::{BundleKind, Removal};
use apigee_flux_model::exit::Exit;
use apigee_flux_model::lifecycle::WhenGone;

/// The resources of one place that are in Git.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// The place.
    pub place: OwnedPlace,
    /// Who has signed what may be deleted.
    pub claimant: Claimant,
    /// All resources.
    pub ids: BTreeSet<Id>,
}

/// What is in sync: what still runs may need resources that were removed from Git.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InSync {
    /// All proxies and shared flows.
    pub bundles: bool,
    /// The configuration of the environment.
    pub environment: bool,
    /// The configuration of the organization, if this environment's reconciler is responsible for it.
    pub organization: bool,
}

/// A resource with a record of this owner that the inventory lacks.
struct Leaving<'k> {
    kept: &'k Kept,
    record: Record,
    /// The keys of the entries that continue the record.
    continuations: BTreeSet<String>,
}

/// What becomes of a resource.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Delete,
    /// Another namespace of the input has it now.
    HandOver(String),
}

/// One run.
pub(crate) struct Pruning<'a> {
    pub client: Client,
    /// `None`: the desired state comes from files.
    pub truth: Option<&'a Truth>,
    /// What the input defines in all its namespaces.
    pub names: &'a Names,
    pub in_sync: InSync,
    pub max_deletes: usize,
    pub options: &'a ApplyOptions,
    pub progress: &'a ApplyListener,
}

/// Deletes what was removed from a document that is applied outside of a cluster: the resources of one place that `options.claimant` has signed
/// and that are not among `ids`.
pub async fn prune(
    client: &Client,
    place: &OwnedPlace,
    ids: BTreeSet<Id>,
    max_deletes: usize,
    options: &ApplyOptions,
    progress: &ApplyListener,
) -> Result<ApplyReport, Error> {
    let kept = [Kept { place: place.clone(), claimant: options.claimant.clone(), ids }];
    let pruning = Pruning {
        client: client.with_own_count(),
        truth: None,
        names: &Names::default(),
        in_sync: InSync { bundles: true, environment: true, organization: true },
        max_deletes,
        options,
        progress,
    };
    pruning.run(&kept).await
}

impl Pruning<'_> {
    /// Deletes the resources removed from Git. A resource is deleted before the resources that it refers to.
    pub(crate) async fn run(self, places: &[Kept]) -> Result<ApplyReport, Error> {
        let mut leaving: Vec<(Leaving<'_>, Result<Fate, Error>)> = Vec::new();
        for kept in places {
            let in_time = self.client.until(self.client.now() + self.options.timeout);
            let register = match Register::read(&in_time, kept.place.as_place()).await {
                // Git defines nothing in an organization that this account may not read, so no record there is of this
                // owner.
                Err(error) if kept.ids.is_empty() && error.is_forbidden() => continue,
                other => other?,
            };
            let removed = register
                .records()
                .filter(|record| has_signed(&kept.claimant, record) && !kept.ids.contains(&record.id));
            for record in removed {
                let one = Leaving { kept, record: record.clone(), continuations: register.continuations(&record.id) };
                // What is kept after its removal from Git is handed over too, but not deleted.
                if record.when_gone == WhenGone::Orphan && !matches!(fate(&one, self.names), Ok(Fate::HandOver(_))) {
                    continue;
                }
                let fate = self.fate(&one).await;
                leaving.push((one, fate));
            }
        }
        leaving.sort_by_key(|(leaving, _)| (turn(&leaving.record.id), leaving.record.id.clone()));
        let deletions = leaving.iter().filter(|(_, fate)| matches!(fate, Ok(Fate::Delete))).count();
        let all = places.iter().map(|kept| kept.ids.len()).sum();
        let obstacle = obstacle(deletions, all, self.max_deletes, self.truth.is_some());
        let mut report = ApplyReport::default();
        let mut in_sync = self.in_sync;
        for (leaving, fate) in leaving {
            let id = &leaving.record.id;
            let result = match (fate, &obstacle) {
                (Ok(Fate::Delete), Some(why)) => Err(Error::Refused(why.clone())),
                (Ok(Fate::Delete), None) => self.delete(&leaving, in_sync).await,
                (Ok(Fate::HandOver(namespace)), _) => self.hand_over(&leaving, &namespace).await,
                (Err(error), _) => Err(error),
            };
            let applied = match result {
                Ok(reason) => Applied {
                    id: id.clone(),
                    result: ResourceResult::Deleted,
                    reason,
                    fields: Vec::new(),
                    exit: Exit::Ok,
                },
                Err(error) => {
                    // It still runs, and may need what is deleted after it.
                    in_sync.bundles &= bundle_kind(id).is_none();
                    failed(id, &error)
                }
            };
            (self.progress)(ApplyEvent::Ended(leaving.kept.place.as_place(), &applied));
            report.resources.push(applied);
        }
        report.writes = self.client.writes();
        Ok(report)
    }

    /// What becomes of a resource according to the Jobs and to the names of all namespaces.
    async fn fate(&self, leaving: &Leaving<'_>) -> Result<Fate, Error> {
        self.ask_jobs(leaving).await?;
        fate(leaving, self.names)
    }

    /// Fails if a Job of this namespace may still apply it.
    async fn ask_jobs(&self, leaving: &Leaving<'_>) -> Result<(), Error> {
        let Some(truth) = self.truth else { return Ok(()) };
        let (place, id) = (&leaving.kept.place, &leaving.record.id);
        let at = JobPlace::new(&place.organization, place.environment.as_deref());
        truth.check(|index, jobs| agreement::gone(&at, index, jobs, id, bundle_kind(id).is_some())).await
    }

    /// Asks everything again before the first write: the Jobs, the inventory, and the record.
    async fn ask_again(&self, leaving: &Leaving<'_>, expected: &Fate) -> Result<(), Error> {
        self.ask_jobs(leaving).await?;
        if let Some(truth) = self.truth
            && fate(leaving, &truth.names().await?)? != *expected
        {
            return Err(Error::Left(
                "left to the next run: another namespace of the input got or lost it during this run".to_owned(),
            ));
        }
        let now = register::read_record(&self.client, leaving.kept.place.as_place(), &leaving.record.id).await?;
        if now.map(|found| found.record).as_ref() == Some(&leaving.record) {
            return Ok(());
        }
        Err(Error::Left(
            "left to the next run: its record changed during this run, since another run works on it".to_owned(),
        ))
    }

    async fn delete(&self, leaving: &Leaving<'_>, in_sync: InSync) -> Result<String, Error> {
        let (place, record) = (leaving.kept.place.as_place(), &leaving.record);
        if let Some(user) = may_be_used(&record.id, place.environment.is_some(), in_sync) {
            return Err(Error::Left(format!(
                "it was removed from Git, but it is kept until {user} in sync, since what still runs may need it"
            )));
        }
        let what = loop {
            // If the run has to wait for the quota after these questions, it asks again.
            let deciding = self.client.deciding();
            if self.options.mode == Mode::Write {
                self.ask_again(leaving, &Fate::Delete).await?;
            }
            let removed = match (bundle_kind(&record.id), crud(&record.id)) {
                (Some(kind), _) => {
                    let claimant = &leaving.kept.claimant;
                    remove_bundle(&self.client, place, kind, record, claimant, self.options, self.progress).await
                }
                (None, Some(crud)) => {
                    remove_configuration(&deciding, place, crud, record, self.options, self.progress).await
                }
                (None, None) => {
                    let kind = &record.id.kind;
                    return Err(Error::Usage(format!(
                        "the kind `{kind}` is unknown: use the image that created the resource"
                    )));
                }
            };
            match removed {
                Err(Error::Paused) => {}
                what => break what?,
            }
        };
        if self.options.mode == Mode::Write {
            register::forget(&self.client, place, &record.id, &leaving.continuations).await?;
        }
        Ok(what)
    }

    /// Gives the record to the namespace that has the resource now. Its Job may have done so already, or does so later: nothing is deleted,
    /// whichever comes first.
    async fn hand_over(&self, leaving: &Leaving<'_>, namespace: &str) -> Result<String, Error> {
        let Kept { place, claimant, .. } = leaving.kept;
        if self.options.mode == Mode::Write
            && let Some(owner) = claimant.siblings.get(namespace)
        {
            self.ask_again(leaving, &Fate::HandOver(namespace.to_owned())).await?;
            let record = Record {
                owner: owner.clone(),
                namespace: Some(namespace.to_owned()),
                // A late run of the former Job must not take it back.
                superseded: leaving.record.job.clone(),
                job: None,
                ..leaving.record.clone()
            };
            register::replace(&self.client, place.as_place(), &record, true, &leaving.continuations).await?;
        }
        Err(Error::Left(format!("handed over to the namespace `{namespace}`, which has it in Git now")))
    }
}

/// What becomes of a resource that no Job of this namespace applies.
fn fate(leaving: &Leaving<'_>, names: &Names) -> Result<Fate, Error> {
    let Kept { place, claimant, .. } = leaving.kept;
    match names.get(place.environment.is_none(), &leaving.record.id) {
        None => Ok(Fate::Delete),
        Some(Named { namespace, .. }) if claimant.namespace.as_ref() != Some(namespace) => {
            Ok(Fate::HandOver(namespace.clone()))
        }
        // Another environment's reconciler has it in its inventory.
        Some(_) => Err(Error::Left("it is in Git, but not in this inventory: it is kept".to_owned())),
    }
}

/// Whether a record is of this owner here. A record of version 0.1.0 has neither a namespace nor a cluster. A pod that does not know its cluster
/// leaves alone what is of one.
fn has_signed(claimant: &Claimant, record: &Record) -> bool {
    let is_old = record.namespace.is_none() && record.cluster.is_none() && record.owner == claimant.owner;
    let is_of_this_cluster = claimant.namespace.is_none() || record.cluster == claimant.cluster;
    is_old || is_of_this_cluster && claimant.has_signed(record)
}

/// What is not in sync and may need the resource. A proxy is needed by nothing that still runs, and a new proxy may need its base path.
fn may_be_used(id: &Id, is_of_environment: bool, in_sync: InSync) -> Option<&'static str> {
    let InSync { bundles, environment, organization } = in_sync;
    let has_configuration = if is_of_environment { environment } else { organization };
    let (turn, _) = turn(id);
    match turn {
        PROXIES => None,
        SHARED_FLOWS => (!bundles).then_some("all proxies and shared flows are"),
        BELOW_BUNDLES if !bundles => Some("all proxies and shared flows are"),
        _ => (!has_configuration).then_some("all other configuration is"),
    }
}

/// The turns of deletion.
const ABOVE_BUNDLES: u8 = 0;
const PROXIES: u8 = 1;
const SHARED_FLOWS: u8 = 2;
const BELOW_BUNDLES: u8 = 3;

/// The order of deletion, smallest first: kinds that may refer to proxies, then proxies, then shared flows, then kinds
/// that both may refer to. Within these groups, kinds are deleted in the reverse order of their creation.
fn turn(id: &Id) -> (u8, std::cmp::Reverse<usize>) {
    let rank = KINDS.iter().position(|kind| kind.name == id.kind).unwrap_or_default();
    let turn = match (bundle_kind(id), crud(id)) {
        (Some(BundleKind::Proxy), _) => PROXIES,
        (Some(BundleKind::SharedFlow), _) => SHARED_FLOWS,
        (None, Some(crud)) if !crud.after_bundles() => BELOW_BUNDLES,
        (None, _) => ABOVE_BUNDLES,
    };
    (turn, std::cmp::Reverse(rank))
}

fn bundle_kind(id: &Id) -> Option<BundleKind> {
    BundleKind::ALL.into_iter().find(|kind| kind.resource_kind() == id.kind)
}

fn crud(id: &Id) -> Option<&'static dyn Crud> {
    configuration::kind(&id.kind).map(|kind| kind.crud)
}

/// Why nothing may be deleted. `may_be_empty`: that nothing is kept is what a state of Git says.
fn obstacle(left: usize, kept: usize, max_deletes: usize, may_be_empty: bool) -> Option<String> {
    if left == 0 {
        return None;
    }
    if kept == 0 && !may_be_empty {
        return Some(format!(
            "{left} resources were removed from Git and none remain in it: nothing is deleted; if this is intended, \
             delete them manually"
        ));
    }
    (left > max_deletes).then(|| {
        format!(
            "{left} resources were removed from Git, but at most {max_deletes} are deleted in one run: nothing is \
             deleted; if this is intended, increase `reconcile.maxDeletes` of the ApigeeEnvironment"
        )
    })
}

async fn remove_bundle(
    client: &Client,
    place: Place<'_>,
    kind: BundleKind,
    record: &Record,
    claimant: &Claimant,
    options: &ApplyOptions,
    progress: &ApplyListener,
) -> Result<String, Error> {
    let name = |text: &str| text.parse().map_err(Error::Usage);
    let target =
        Target { organization: name(place.organization)?, environment: name(place.environment.unwrap_or_default())? };
    let removal = if record.when_gone == WhenGone::Delete { Removal::Delete } else { Removal::Undeploy };
    if options.mode != Mode::Write {
        return Ok(if removal == Removal::Delete { "delete".to_owned() } else { "undeploy".to_owned() });
    }
    let how = DeployOptions {
        claimant: Some(claimant.clone()),
        timeout: options.timeout,
        polling: options.polling,
        ..DeployOptions::default()
    };
    let told = |event: &Event| progress(ApplyEvent::Step(&record.id, event));
    let report = remove(client, kind, &name(&record.id.name)?, &target, removal, &how, &told).await;
    if report.exit.is_ok() {
        return Ok(report.outcome.reason);
    }
    // The obstacle may be gone in the next run.
    Err(Error::Temporary(report.outcome.reason))
}

async fn remove_configuration(
    client: &Client,
    place: Place<'_>,
    crud: &dyn Crud,
    record: &Record,
    options: &ApplyOptions,
    progress: &ApplyListener,
) -> Result<String, Error> {
    let wanted = Wanted { place, id: &record.id, body: &Value::Null, secrets: &[], last: Some(record) };
    let client = &client.until(client.now() + options.timeout);
    let answers = read(client, crud, &wanted).await?;
    // Objects of other clients are known only from lists, and an empty list is not a proof: nothing is deleted after a
    // single read.
    if answers != read(client, crud, &wanted).await? {
        return Err(Error::Temporary(
            "nothing is deleted: two consecutive reads of the resource differ; the next run checks again".to_owned(),
        ));
    }
    if !crud.exists(&wanted, &answers) {
        return Ok("it was already deleted".to_owned());
    }
    let changes = crud.remove(&wanted, &answers).map_err(Error::Refused)?;
    let what: Vec<&str> = changes.iter().map(|change| change.what.as_str()).collect();
    if options.mode == Mode::Write {
        for change in &changes {
            progress(ApplyEvent::Step(&record.id, &Event::new(Phase::Deploy, change.what.clone())));
            match client.change(&change.request).await {
                // Another client deleted it, or the response to the first attempt was lost.
                Err(error) if error.is_not_found() => {}
                // A deletion has no body that could be invalid: the obstacle may be gone in the next run.
                Err(error) if error.is_refusal() => return Err(Error::Temporary(error.to_string())),
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
    }
    Ok(what.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_configuration::inventory::NamedResource;

    fn id(kind: &str) -> Id {
        Id { kind: kind.to_owned(), parent: None, name: "x".to_owned() }
    }

    #[test]
    fn nothing_goes_when_files_have_nothing_or_too_much_goes() {
        assert_eq!(obstacle(0, 0, 5, false), None);
        assert_eq!(obstacle(5, 1, 5, false), None);
        assert_eq!(obstacle(5, 0, 5, true), None);
        assert!(obstacle(1, 0, 5, false).unwrap().contains("none remain in it"));
        assert!(obstacle(6, 0, 5, true).unwrap().contains("at most 5 are deleted in one run"));
    }

    #[test]
    fn what_is_named_goes_last() {
        let mut kinds = ["ApigeeTargetServer", "ApigeeSharedFlow", "ApigeeKeyValueMap", "ApigeeProxy"];
        kinds.sort_by_key(|kind| turn(&id(kind)));
        assert_eq!(kinds, ["ApigeeProxy", "ApigeeSharedFlow", "ApigeeKeyValueMap", "ApigeeTargetServer"]);
    }

    #[test]
    fn only_what_may_be_needed_is_kept() {
        let all = InSync { bundles: true, environment: true, organization: true };
        let used = |kind: &str, in_sync| may_be_used(&id(kind), true, in_sync).is_some();
        let kinds = ["ApigeeProduct", "ApigeeProxy", "ApigeeSharedFlow", "ApigeeTargetServer"];
        let kept = |in_sync| kinds.map(|kind| used(kind, in_sync));
        assert_eq!(kept(all), [false; 4]);
        assert_eq!(kept(InSync { bundles: false, ..all }), [false, false, true, true]);
        assert_eq!(kept(InSync { environment: false, ..all }), [true, false, false, true]);
        assert_eq!(kept(InSync { organization: false, ..all }), [false; 4]);
    }

    #[test]
    fn a_record_of_another_place_is_not_this_claimants() {
        let claimant =
            Claimant { namespace: Some("here".to_owned()), cluster: Some("c1".to_owned()), ..Claimant::new("team") };
        let record = |owner: &str, namespace: Option<&str>, cluster: Option<&str>| Record {
            namespace: namespace.map(str::to_owned),
            cluster: cluster.map(str::to_owned),
            ..Record::new(id("ApigeeProxy"), owner, "d", WhenGone::Delete)
        };
        assert!(has_signed(&claimant, &record("team", Some("here"), Some("c1"))));
        assert!(has_signed(&claimant, &record("team", None, None)));
        assert!(!has_signed(&claimant, &record("other", Some("here"), Some("c1"))));
        assert!(!has_signed(&claimant, &record("team", Some("there"), Some("c1"))));
        assert!(!has_signed(&claimant, &record("team", Some("here"), Some("c2"))));
        assert!(!has_signed(&claimant, &record("team", Some("here"), None)));
        let unknown = Claimant { cluster: None, ..claimant };
        assert!(has_signed(&unknown, &record("team", Some("here"), None)));
        assert!(!has_signed(&unknown, &record("team", Some("here"), Some("c1"))));
    }

    #[test]
    fn what_another_namespace_has_is_handed_over() {
        let claimant = Claimant { namespace: Some("here".to_owned()), ..Claimant::new("team") };
        let place = OwnedPlace { organization: "o".to_owned(), environment: Some("e".to_owned()) };
        let kept = Kept { place, claimant, ids: BTreeSet::new() };
        let record = Record::new(id("ApigeeProxy"), "team", "d", WhenGone::Delete);
        let leaving = Leaving { kept: &kept, record, continuations: BTreeSet::new() };
        let names = |namespace: &str, of_organization| {
            let named = Named { namespace: namespace.to_owned(), digest: "0".to_owned() };
            Names([(NamedResource { of_organization, id: id("ApigeeProxy") }, named)].into())
        };
        assert_eq!(fate(&leaving, &Names::default()).unwrap(), Fate::Delete);
        assert_eq!(fate(&leaving, &names("there", true)).unwrap(), Fate::Delete);
        assert_eq!(fate(&leaving, &names("there", false)).unwrap(), Fate::HandOver("there".to_owned()));
        assert!(matches!(fate(&leaving, &names("here", false)), Err(Error::Left(_))));
    }
}
