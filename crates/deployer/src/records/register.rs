//! The records of the managed resources of an environment or organization: entries of one key value map in it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::client::Client;
use crate::error::Error;
use apigee_flux_configuration::{Answer, Body, Form, Id, Place, Read, Record, Request, Shape, Verb, record};

/// The records of one place, as read.
#[derive(Debug, Clone, Default)]
pub struct Register {
    /// Whether the key value map exists.
    exists: bool,
    /// By the resource that they describe.
    records: BTreeMap<Id, Record>,
    /// When the files of all bundles were last compared, in milliseconds since 1970; 0: never.
    pub(crate) compared: u64,
}

/// The entry with the time at which the files of all bundles were last compared.
const COMPARED: &str = "compared";

impl Register {
    /// Reads all records of a place.
    pub async fn read(client: &Client, place: Place<'_>) -> Result<Self, Error> {
        let read = Read {
            path: place.path(&["keyvaluemaps", record::MAP, "entries"]),
            query: vec![("pageSize", "100".to_owned())],
            form: Form::Pages("keyValueEntries"),
            needs: "apigee.keyvaluemapentries.list".to_owned(),
        };
        let answer = client.read(&read).await?;
        let entries = answer.json().get("keyValueEntries").and_then(Value::as_array);
        let text = |entry: &Value, field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let compared = entries.into_iter().flatten().find(|entry| text(entry, "name") == COMPARED);
        let compared = compared.and_then(|entry| text(entry, "value").parse().ok()).unwrap_or_default();
        let records = entries.into_iter().flatten().filter_map(|entry| {
            let record = Record::parse(&text(entry, "value"))?;
            // An entry under another key was copied manually.
            (text(entry, "name") == Record::key(&record.id)).then(|| (record.id.clone(), record))
        });
        Ok(Self { exists: answer != Answer::Missing, records: records.collect(), compared })
    }

    /// The record of a resource.
    pub fn get(&self, id: &Id) -> Option<&Record> {
        self.records.get(id)
    }

    /// All records, ordered by resource.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// True if there is no record.
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Creates the key value map if it does not exist.
    pub(crate) async fn prepare(&mut self, client: &Client, place: Place<'_>) -> Result<(), Error> {
        if self.exists {
            return Ok(());
        }
        create_map(client, place).await?;
        self.exists = true;
        Ok(())
    }

    /// True if no resource of the place has a record for certain: the key value map does not exist. An empty list of
    /// entries is not a proof.
    pub(crate) fn is_missing(&self) -> bool {
        !self.exists
    }
}

async fn create_map(client: &Client, place: Place<'_>) -> Result<(), Error> {
    let body = Body::Json(json!({"name": record::MAP, "encrypted": true}));
    let request = Request::new(Verb::Post, place.path(&["keyvaluemaps"]), body, "apigee.keyvaluemaps.create");
    match client.change(&request).await {
        // Another deployer was faster.
        Err(error) if !error.is_conflict() => Err(error),
        _ => Ok(()),
    }
}

/// Reads the record of one resource, by one request.
pub(crate) async fn read_one(client: &Client, place: Place<'_>, id: &Id) -> Result<Option<Record>, Error> {
    let key = Record::key(id);
    let answer = client.read(&entry(place, &key)).await?;
    if answer == Answer::Missing {
        return Ok(None);
    }
    let value = answer.json().get("value").and_then(Value::as_str).unwrap_or_default();
    match Record::parse(value).filter(|record| record.id == *id) {
        Some(record) => Ok(Some(record)),
        None => Err(Error::Refused(format!(
            "nothing was changed: the entry `{key}` of the key value map `{}` is not a record that this version can \
             read: use a newer image, or delete the entry",
            record::MAP
        ))),
    }
}

/// The read of one entry.
fn entry(place: Place<'_>, key: &str) -> Read {
    let path = place.path(&["keyvaluemaps", record::MAP, "entries", key]);
    Read::json(path, "apigee.keyvaluemapentries.get").of(Shape::with(&["name", "value"]))
}

/// Writes a record, and creates the key value map before if it does not exist. `known` as in [`write`].
pub(crate) async fn write_first(client: &Client, place: Place<'_>, record: &Record, known: bool) -> Result<(), Error> {
    match write(client, place, record, known).await {
        Err(error) if error.is_not_found() => {
            create_map(client, place).await?;
            write(client, place, record, false).await
        }
        other => other,
    }
}

/// Proves that a resource has no record when the list of records is empty. An empty list is not a proof, since Apigee
/// omits empty fields; a single entry is read by another call.
pub(crate) async fn prove_absence(client: &Client, place: Place<'_>, id: &Id) -> Result<(), Error> {
    let key = Record::key(id);
    match client.read(&entry(place, &key)).await? {
        Answer::Missing => Ok(()),
        Answer::Json(_) | Answer::Bytes(_) => Err(Error::Temporary(format!(
            "nothing was changed: the responses of Apigee contradict each other: the list of entries of the key value \
             map `{}` is empty, but the map has the record `{key}`; the next run checks again",
            record::MAP
        ))),
    }
}

/// Writes a record. `known` means that the register already had one.
pub(crate) async fn write(client: &Client, place: Place<'_>, record: &Record, known: bool) -> Result<(), Error> {
    write_entry(client, place, &Record::key(&record.id), &record.to_value(), known).await
}

/// Records that the files of all bundles were compared, with the time in milliseconds since 1970. `known` means that
/// there was already a time.
pub(crate) async fn note_compared(client: &Client, place: Place<'_>, now: u64, known: bool) -> Result<(), Error> {
    write_entry(client, place, COMPARED, &now.to_string(), known).await
}

async fn write_entry(client: &Client, place: Place<'_>, key: &str, value: &str, known: bool) -> Result<(), Error> {
    let body = || Body::Json(json!({"name": key, "value": value}));
    let all = || place.path(&["keyvaluemaps", record::MAP, "entries"]);
    let one = || place.path(&["keyvaluemaps", record::MAP, "entries", key]);
    let create = || Request::new(Verb::Post, all(), body(), "apigee.keyvaluemapentries.create");
    let update = || Request::new(Verb::Put, one(), body(), "apigee.keyvaluemapentries.update");
    let result = if known { client.change(&update()).await } else { client.change(&create()).await };
    match result {
        Err(error) if known && error.is_not_found() => client.change(&create()).await.map(drop),
        Err(error) if !known && error.is_conflict() => client.change(&update()).await.map(drop),
        other => other.map(drop),
    }
}

/// Deletes a record.
pub(crate) async fn forget(client: &Client, place: Place<'_>, id: &Id) -> Result<(), Error> {
    let path = place.path(&["keyvaluemaps", record::MAP, "entries", &Record::key(id)]);
    let request = Request::new(Verb::Delete, path, Body::Empty, "apigee.keyvaluemapentries.delete");
    match client.change(&request).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
