//! Makes the configuration of one environment or organization equal to a document, several resources at a time (`turns`).
//! Referenced resources come first.
//!
//! For each resource: read, compare, change, and read again until nothing differs. An unmanaged resource is not changed
//! unless the document adopts it. A resource is recorded (`register`) before it is created, so that a killed run leaves
//! nothing that the next run does not recognize as managed. What lists show to be in sync is not read (`snapshot`).

use std::sync::Arc;

use crate::api::client::Client;
use crate::configuration::convergence::Shared;
use crate::configuration::outcome::failed;
use crate::configuration::snapshot::Snapshot;
use crate::configuration::turns;
use crate::error::Error;
use crate::records::register::Register;
use apigee_flux_configuration::{Document, Entry, OwnedPlace, Wanted, kind};

pub use crate::configuration::event::{ApplyEvent, ApplyListener};
pub use crate::configuration::options::{ApplyOptions, Mode, Secrets};
pub use crate::configuration::outcome::{Applied, ApplyReport, ResourceResult};

/// Applies a document to its place. An error concerns the whole document: the records cannot be read.
pub async fn apply(
    client: &Client,
    place: &OwnedPlace,
    document: &Document,
    secrets: Secrets,
    options: &ApplyOptions,
    progress: ApplyListener,
) -> Result<ApplyReport, Error> {
    let client = client.with_own_count();
    let in_time = client.until(client.now() + options.timeout);
    let mut register = Register::read(&in_time, place.as_place()).await?;
    if options.mode == Mode::Write && !document.resources.is_empty() {
        register.prepare(&in_time, place.as_place()).await?;
    }
    let snapshot = snapshot(place, document, &register);
    let options = options.clone();
    let shared = Shared { client, place: place.clone(), register, snapshot, secrets, options, progress };
    Ok(apply_all(shared, document).await)
}

/// Compares a document with its place, for a caller without secrets that has read the records already. Nothing is
/// written.
pub async fn compare(client: &Client, place: &OwnedPlace, document: &Document, register: &Register) -> ApplyReport {
    let shared = Shared {
        client: client.with_own_count(),
        place: place.clone(),
        register: register.clone(),
        snapshot: snapshot(place, document, register),
        secrets: Arc::new(|_: &_| Err("secrets are not read for a comparison".to_owned())),
        options: ApplyOptions { mode: Mode::Compare, ..ApplyOptions::new("") },
        progress: Arc::new(|_: ApplyEvent<'_>| ()),
    };
    apply_all(shared, document).await
}

/// The lists that the resources of a document need.
fn snapshot(place: &OwnedPlace, document: &Document, register: &Register) -> Snapshot {
    let reads = document.resources.iter().filter_map(|entry| {
        let Entry { id, body, .. } = entry;
        let wanted = Wanted { place: place.as_place(), id, body, secrets: &[], last: register.get(id) };
        Some(kind(&id.kind)?.crud.reads(&wanted))
    });
    Snapshot::of(&place.organization, reads.flatten())
}

async fn apply_all(shared: Shared, document: &Document) -> ApplyReport {
    let mut resources = turns::run(&shared, &document.resources).await;
    let unknown = document.resources.iter().enumerate();
    let resources = unknown.map(|(index, entry)| {
        resources.get_mut(index).and_then(Option::take).unwrap_or_else(|| {
            let error =
                Error::Usage(format!("the kind `{}` is unknown: use the image that rendered it", entry.id.kind));
            failed(&entry.id, &error)
        })
    });
    ApplyReport { resources: resources.collect(), writes: shared.client.writes() }
}
