//! Deletes what left Git: configuration that has a record of ours, whose owner is this one, and that the document does not have any more.
//!
//! What has no record is never touched. What says `Orphan` stays, with its record, so that a revert in Git finds it. Nothing at all is
//! deleted when the document is empty or when more would go than is allowed: an empty folder must not empty Apigee
//! (<https://github.com/Azure/apiops/issues/514>).

use std::collections::BTreeSet;

use serde_json::Value;

use super::Error;
use super::apply::{Applied, ApplyEvent, ApplyReport, Ending, Mode, Options, Progress, failed, read};
use super::client::Client;
use super::deploy::{Event, Phase};
use super::register::{self, Register};
use crate::configuration::{Crud, Id, OwnedPlace, Place, Record, Wanted, WhenGone};
use crate::spec::KINDS;

/// What left Git, in the order in which it goes: what names others before what they name.
pub fn left<'r>(register: &'r Register, owner: &str, kept: &BTreeSet<&Id>) -> Vec<&'r Record> {
    let rank = |id: &Id| KINDS.iter().position(|kind| kind.name == id.kind);
    let mut left: Vec<&Record> = register
        .records()
        .filter(|record| record.owner == owner && record.when_gone != WhenGone::Orphan && !kept.contains(&record.id))
        .collect();
    left.sort_by(|a, b| (rank(&b.id), &a.id).cmp(&(rank(&a.id), &b.id)));
    left
}

/// Why nothing may be deleted.
pub fn obstacle(left: usize, kept: usize, max_deletes: usize) -> Option<String> {
    if left == 0 {
        return None;
    }
    if kept == 0 {
        return Some(format!(
            "{left} resources left Git and nothing is left in it: nothing is deleted; if that is meant, delete them by hand or set \
             `deletionPolicy: Delete` and keep one resource"
        ));
    }
    (left > max_deletes).then(|| {
        format!(
            "{left} resources left Git and at most {max_deletes} are deleted at once: nothing is deleted; if that is meant, raise \
             `reconcile.maxDeletes`"
        )
    })
}

/// Deletes configuration that left Git. `kept` is what the documents of this place have.
pub async fn prune(
    client: &Client,
    place: &OwnedPlace,
    kept: &BTreeSet<&Id>,
    max_deletes: usize,
    options: &Options,
    progress: Progress,
) -> Result<ApplyReport, Error> {
    let client = client.with_own_count();
    let register = Register::read(&client, place.as_place()).await?;
    let crud_of = |id: &Id| KINDS.iter().find(|kind| kind.name == id.kind).and_then(|kind| kind.crud);
    let left: Vec<(&Record, &'static dyn Crud)> = left(&register, &options.owner, kept)
        .into_iter()
        .filter_map(|record| Some((record, crud_of(&record.id)?)))
        .collect();
    let mut report = ApplyReport::default();
    if let Some(why) = obstacle(left.len(), kept.len(), max_deletes) {
        for (record, _) in left {
            report.resources.push(failed(&record.id, &Error::Refused(why.clone())));
        }
        return Ok(report);
    }
    for (record, crud) in left {
        let applied = match remove(&client, place.as_place(), record, crud, options, &progress).await {
            Ok(reason) => {
                Applied { id: record.id.clone(), result: Ending::Deleted, reason, fields: Vec::new(), exit_code: 0 }
            }
            Err(error) => failed(&record.id, &error),
        };
        progress(ApplyEvent::Ended(&applied));
        report.resources.push(applied);
    }
    report.writes = client.writes();
    Ok(report)
}

async fn remove(
    client: &Client,
    place: Place<'_>,
    record: &Record,
    crud: &dyn Crud,
    options: &Options,
    progress: &Progress,
) -> Result<String, Error> {
    let wanted = Wanted { place, id: &record.id, body: &Value::Null, secrets: &[], last: Some(record) };
    let answers = read(client, crud, &wanted).await?;
    let changes = if crud.exists(&wanted, &answers) {
        crud.remove(&wanted, &answers).map_err(Error::Refused)?
    } else {
        Vec::new()
    };
    let what: Vec<&str> = changes.iter().map(|change| change.what.as_str()).collect();
    let what = if what.is_empty() { "it was gone already".to_owned() } else { what.join(", ") };
    if options.mode == Mode::Look {
        return Ok(what);
    }
    for change in &changes {
        progress(ApplyEvent::Step(&record.id, &Event { phase: Phase::Deploy, message: change.what.clone() }));
        match client.change(&change.request).await {
            // Somebody else was faster, or the answer to the first try was lost.
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    register::forget(client, place, &record.id).await?;
    Ok(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_when_all_is_gone_or_too_much_goes() {
        assert_eq!(obstacle(0, 0, 5), None);
        assert_eq!(obstacle(5, 1, 5), None);
        assert!(obstacle(1, 0, 5).unwrap().contains("nothing is left in it"));
        assert!(obstacle(6, 1, 5).unwrap().contains("at most 5 are deleted at once"));
    }
}
