//! Deletes resources removed from Git: those with a record of this owner that are in no inventory of this run.
//!
//! A resource without a record is not managed by apigee-flux and is never changed. A resource with `Orphan` is kept,
//! with its record, so that a revert in Git finds it. Nothing is deleted if the inventory is empty or if more resources
//! would be deleted than allowed: an empty folder must not empty Apigee (<https://github.com/Azure/apiops/issues/514>).

use std::collections::BTreeSet;

use serde_json::Value;
use tokio::time::Instant;

use crate::api::client::Client;
use crate::api::target::Target;
use crate::configuration::convergence::read;
use crate::configuration::event::{ApplyEvent, ApplyListener};
use crate::configuration::options::{ApplyOptions, Mode};
use crate::configuration::outcome::{Applied, ApplyReport, ResourceResult, failed};
use crate::error::Error;
use crate::event::{Event, Phase};
use crate::records::register::{self, Register};
use crate::rollout::options::DeployOptions;
use crate::rollout::remove::remove;
use apigee_flux_configuration::{self as configuration, KINDS};
use apigee_flux_configuration::{Crud, Id, OwnedPlace, Place, Record, Wanted};
use apigee_flux_model::bundle::{BundleKind, Removal};
use apigee_flux_model::exit::Exit;
use apigee_flux_model::lifecycle::WhenGone;

/// The resources of one place that are in Git.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The place.
    pub place: OwnedPlace,
    /// The owner.
    pub owner: String,
    /// All resources.
    pub ids: BTreeSet<Id>,
}

/// A resource to delete.
struct Leaving {
    place: OwnedPlace,
    record: Record,
    /// The keys of the entries that continue the record.
    continuations: BTreeSet<String>,
}

/// Deletes the resources removed from Git. A resource is deleted before the resources that it refers to.
pub async fn prune(
    client: &Client,
    kept: &[Kept],
    max_deletes: usize,
    options: &ApplyOptions,
    progress: ApplyListener,
) -> Result<ApplyReport, Error> {
    let client = client.with_own_count();
    let mut leaving: Vec<Leaving> = Vec::new();
    for Kept { place, owner, ids } in kept {
        let in_time = client.until(Instant::now() + options.timeout);
        let register = match Register::read(&in_time, place.as_place()).await {
            // Git defines nothing in an organization that this account may not read, so no record there is of this
            // owner.
            Err(error) if ids.is_empty() && error.is_forbidden() => continue,
            other => other?,
        };
        let left = register.records().filter(|record| {
            record.owner == *owner && record.when_gone != WhenGone::Orphan && !ids.contains(&record.id)
        });
        leaving.extend(left.map(|record| Leaving {
            place: place.clone(),
            record: record.clone(),
            continuations: register.continuations(&record.id),
        }));
    }
    leaving.sort_by_key(|leaving| (turn(&leaving.record.id), leaving.record.id.clone()));
    let mut report = ApplyReport::default();
    let all = kept.iter().map(|kept| kept.ids.len()).sum();
    if let Some(why) = obstacle(leaving.len(), all, max_deletes) {
        let refused = |leaving: &Leaving| failed(&leaving.record.id, &Error::Refused(why.clone()));
        report.resources = leaving.iter().map(refused).collect();
        return Ok(report);
    }
    for leaving in leaving {
        let id = leaving.record.id.clone();
        let applied = match leave(&client, &leaving, options, &progress).await {
            Ok(reason) => Applied { id, result: ResourceResult::Deleted, reason, fields: Vec::new(), exit: Exit::Ok },
            Err(error) => failed(&id, &error),
        };
        progress(ApplyEvent::Ended(leaving.place.as_place(), &applied));
        report.resources.push(applied);
    }
    report.writes = client.writes();
    Ok(report)
}

/// The order of deletion, smallest first: kinds that may refer to proxies, then proxies, then shared flows, then kinds
/// that both may refer to. Within these groups, kinds are deleted in the reverse order of their creation.
fn turn(id: &Id) -> (u8, std::cmp::Reverse<usize>) {
    let rank = KINDS.iter().position(|kind| kind.name == id.kind).unwrap_or_default();
    let turn = match (bundle_kind(id), crud(id)) {
        (Some(BundleKind::Proxy), _) => 1,
        (Some(BundleKind::SharedFlow), _) => 2,
        (None, Some(crud)) if !crud.after_bundles() => 3,
        (None, _) => 0,
    };
    (turn, std::cmp::Reverse(rank))
}

fn bundle_kind(id: &Id) -> Option<BundleKind> {
    BundleKind::ALL.into_iter().find(|kind| kind.resource_kind() == id.kind)
}

fn crud(id: &Id) -> Option<&'static dyn Crud> {
    configuration::kind(&id.kind).map(|kind| kind.crud)
}

/// Why nothing may be deleted.
fn obstacle(left: usize, kept: usize, max_deletes: usize) -> Option<String> {
    if left == 0 {
        return None;
    }
    if kept == 0 {
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

async fn leave(
    client: &Client,
    leaving: &Leaving,
    options: &ApplyOptions,
    progress: &ApplyListener,
) -> Result<String, Error> {
    let (place, record) = (leaving.place.as_place(), &leaving.record);
    let what = match (bundle_kind(&record.id), crud(&record.id)) {
        (Some(kind), _) => remove_bundle(client, place, kind, record, options, progress).await?,
        (None, Some(crud)) => remove_configuration(client, place, crud, record, options, progress).await?,
        (None, None) => {
            let kind = &record.id.kind;
            return Err(Error::Usage(format!("the kind `{kind}` is unknown: use the image that created the resource")));
        }
    };
    if options.mode == Mode::Write {
        register::forget(client, place, &record.id, &leaving.continuations).await?;
    }
    Ok(what)
}

async fn remove_bundle(
    client: &Client,
    place: Place<'_>,
    kind: BundleKind,
    record: &Record,
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
        claimant: Some(options.claimant.clone()),
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
    let client = &client.until(Instant::now() + options.timeout);
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

    #[test]
    fn nothing_goes_when_all_is_gone_or_too_much_goes() {
        assert_eq!(obstacle(0, 0, 5), None);
        assert_eq!(obstacle(5, 1, 5), None);
        assert!(obstacle(1, 0, 5).unwrap().contains("none remain in it"));
        assert!(obstacle(6, 1, 5).unwrap().contains("at most 5 are deleted in one run"));
    }

    #[test]
    fn what_is_named_goes_last() {
        let id = |kind: &str| Id { kind: kind.to_owned(), parent: None, name: "x".to_owned() };
        let mut kinds = ["ApigeeTargetServer", "ApigeeSharedFlow", "ApigeeKeyValueMap", "ApigeeProxy"];
        kinds.sort_by_key(|kind| turn(&id(kind)));
        assert_eq!(kinds, ["ApigeeProxy", "ApigeeSharedFlow", "ApigeeKeyValueMap", "ApigeeTargetServer"]);
    }
}
