//! The records of the managed resources of an environment or organization: entries of one key value map in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::api::client::Client;
use crate::error::Error;
use apigee_flux_configuration::history::HistoryPage;
use apigee_flux_configuration::record_entries::{Head, head_of};
use apigee_flux_configuration::{Answer, Body, Form, Id, Place, Read, Record, Request, Shape, Verb, record};

/// The records of one place, as read.
#[derive(Debug, Clone, Default)]
pub struct Register {
    /// Whether the key value map exists.
    exists: bool,
    /// By the resource that they describe.
    records: BTreeMap<Id, Record>,
    /// The continuations of each record by the key of its head, also surplus ones of a run that was killed.
    continuations: BTreeMap<String, BTreeSet<String>>,
    /// The histories of reconcilers, in the order of the keys.
    history: Vec<HistoryPage>,
    /// Records that lack continuations, with one of their keys.
    torn: BTreeMap<Id, String>,
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
        let entries: BTreeMap<String, String> =
            entries.into_iter().flatten().map(|entry| (text(entry, "name"), text(entry, "value"))).collect();
        let mut register = Self {
            exists: answer != Answer::Missing,
            compared: entries.get(COMPARED).and_then(|value| value.parse().ok()).unwrap_or_default(),
            ..Self::default()
        };
        for (key, value) in &entries {
            if let Some(head) = head_of(key) {
                register.continuations.entry(head.to_owned()).or_default().insert(key.clone());
            }
            register.history.extend(HistoryPage::parse(value));
            let Some(head) = Head::parse(value) else { continue };
            // An entry under another key was copied manually.
            if *key != Record::key(&head.record.id) {
                continue;
            }
            let id = head.record.id.clone();
            let (mut record, mut missing) = head.join(|key| entries.get(key).map(String::as_str));
            if !missing.is_empty() {
                // Another run may have written it between two pages of the list.
                let Some(found) = read_record(client, place, &id).await? else { continue };
                let known = register.continuations.entry(key.clone()).or_default();
                known.extend(found.continuations);
                (record, missing) = (found.record, found.missing);
                // One with other content is written again.
                known.retain(|key| !missing.contains(key));
            }
            register.torn.extend(missing.pop_first().map(|missing| (id.clone(), missing)));
            register.records.insert(id, record);
        }
        Ok(register)
    }

    /// The record of a resource.
    pub fn get(&self, id: &Id) -> Option<&Record> {
        self.records.get(id)
    }

    /// The keys of the entries that continue the record of a resource.
    pub(crate) fn continuations(&self, id: &Id) -> BTreeSet<String> {
        self.continuations.get(&Record::key(id)).cloned().unwrap_or_default()
    }

    /// The key of a continuation that the record of a resource lacks: then not all of its parts are known.
    pub(crate) fn missing_continuation(&self, id: &Id) -> Option<&str> {
        self.torn.get(id).map(String::as_str)
    }

    /// The histories of all reconcilers.
    pub(crate) fn history(&self) -> &[HistoryPage] {
        &self.history
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
    let Some(value) = read_entry(client, place, &key).await? else { return Ok(None) };
    match Head::parse(&value).map(|head| head.record).filter(|record| record.id == *id) {
        Some(record) => Ok(Some(record)),
        None => Err(Error::Refused(format!(
            "nothing was changed: the entry `{key}` of the key value map `{}` is not a record that this version can \
             read: use a newer image, or delete the entry",
            record::MAP
        ))),
    }
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

/// A record that was read by itself.
pub(crate) struct FoundRecord {
    /// The record, with the parts that were found.
    pub record: Record,
    /// The keys of continuations that are missing.
    pub missing: BTreeSet<String>,
    /// The keys of the continuations that its head lists.
    pub continuations: BTreeSet<String>,
}

/// Reads one record; `None` if there is none.
pub(crate) async fn read_record(client: &Client, place: Place<'_>, id: &Id) -> Result<Option<FoundRecord>, Error> {
    let Some(head) = read_head(client, place, id).await? else { return Ok(None) };
    let continuations: BTreeSet<String> = head.continued_in.iter().cloned().collect();
    let mut values = BTreeMap::new();
    for key in &continuations {
        values.extend(read_entry(client, place, key).await?.map(|value| (key.clone(), value)));
    }
    let (record, missing) = head.join(|key| values.get(key).map(String::as_str));
    Ok(Some(FoundRecord { record, missing, continuations }))
}

/// Reads the head of one record, without parts that are elsewhere; `None` if there is none.
pub(crate) async fn read_head(client: &Client, place: Place<'_>, id: &Id) -> Result<Option<Head>, Error> {
    let value = read_entry(client, place, &Record::key(id)).await?;
    Ok(value.and_then(|value| Head::parse(&value)).filter(|head| head.record.id == *id))
}

/// The value of an entry of the map; `None` if there is none.
pub(crate) async fn read_entry(client: &Client, place: Place<'_>, key: &str) -> Result<Option<String>, Error> {
    let path = place.path(&["keyvaluemaps", record::MAP, "entries", key]);
    let shape = Shape::with(&["name", "value"]);
    let answer = client.read(&Read::json(path, "apigee.keyvaluemapentries.get").of(shape)).await?;
    Ok(match answer {
        Answer::Missing => None,
        Answer::Json(_) | Answer::Bytes(_) => Some(answer.json()["value"].as_str().unwrap_or_default().to_owned()),
    })
}

/// Proves that a resource has no record when the list of records is empty. An empty list is not a proof, since Apigee
/// omits empty fields; a single entry is read by another call.
pub(crate) async fn prove_absence(client: &Client, place: Place<'_>, id: &Id) -> Result<(), Error> {
    let key = Record::key(id);
    match read_entry(client, place, &key).await? {
        None => Ok(()),
        Some(_) => Err(Error::Temporary(format!(
            "nothing was changed: the responses of Apigee contradict each other: the list of entries of the key value \
             map `{}` is empty, but the map has the record `{key}`; the next run checks again",
            record::MAP
        ))),
    }
}

/// Writes a record without parts. `known` means that the register already had one.
pub(crate) async fn write(client: &Client, place: Place<'_>, record: &Record, known: bool) -> Result<(), Error> {
    replace(client, place, record, known, &BTreeSet::new()).await.map(drop)
}

/// Writes the first record of a resource. If there is one already, it stays: the caller reads whose it is. Returns the
/// continuations that exist afterwards.
pub(crate) async fn create(
    client: &Client,
    place: Place<'_>,
    record: &Record,
    existing: &BTreeSet<String>,
) -> Result<BTreeSet<String>, Error> {
    let entries = record.to_entries();
    for (key, value) in entries.continuations.iter().filter(|(key, _)| !existing.contains(*key)) {
        write_entry(client, place, key, value, false).await?;
    }
    let body = Body::Json(json!({"name": entries.key, "value": entries.head}));
    let path = place.path(&["keyvaluemaps", record::MAP, "entries"]);
    match client.change(&Request::new(Verb::Post, path, body, "apigee.keyvaluemapentries.create")).await {
        Err(error) if !error.is_conflict() => Err(error),
        _ => Ok(existing.iter().cloned().chain(entries.continuations.into_keys()).collect()),
    }
}

/// Writes a record: new continuations, then the head, and then it deletes the surplus ones of the continuations that
/// exist. `known` means that the register already had a record. Returns the continuations that exist afterwards.
pub(crate) async fn replace(
    client: &Client,
    place: Place<'_>,
    record: &Record,
    known: bool,
    existing: &BTreeSet<String>,
) -> Result<BTreeSet<String>, Error> {
    let entries = record.to_entries();
    for (key, value) in entries.continuations.iter().filter(|(key, _)| !existing.contains(*key)) {
        write_entry(client, place, key, value, false).await?;
    }
    write_entry(client, place, &entries.key, &entries.head, known).await?;
    for key in existing.iter().filter(|key| !entries.continuations.contains_key(*key)) {
        delete_entry(client, place, key).await?;
    }
    Ok(entries.continuations.into_keys().collect())
}

/// Records that the files of all bundles were compared, with the time in milliseconds since 1970. `known` means that
/// there was already a time.
pub(crate) async fn note_compared(client: &Client, place: Place<'_>, now: u64, known: bool) -> Result<(), Error> {
    write_entry(client, place, COMPARED, &now.to_string(), known).await
}

/// Writes an entry of the map. `known` means that it exists, as far as is known.
pub(crate) async fn write_entry(
    client: &Client,
    place: Place<'_>,
    key: &str,
    value: &str,
    known: bool,
) -> Result<(), Error> {
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

/// Deletes a record with its continuations. The head is deleted last: it tells the next run what is left.
pub(crate) async fn forget(
    client: &Client,
    place: Place<'_>,
    id: &Id,
    continuations: &BTreeSet<String>,
) -> Result<(), Error> {
    for key in continuations {
        delete_entry(client, place, key).await?;
    }
    delete_entry(client, place, &Record::key(id)).await
}

/// Deletes an entry of the map, if it exists.
pub(crate) async fn delete_entry(client: &Client, place: Place<'_>, key: &str) -> Result<(), Error> {
    let path = place.path(&["keyvaluemaps", record::MAP, "entries", key]);
    let request = Request::new(Verb::Delete, path, Body::Empty, "apigee.keyvaluemapentries.delete");
    match client.change(&request).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
