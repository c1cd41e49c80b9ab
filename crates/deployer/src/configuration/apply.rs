//! Makes the configuration of one environment or organization equal to a document, several resources at a time.
//! Referenced resources come first.
//!
//! For each resource: read, compare, change, and read again until nothing differs. An unmanaged resource is not changed
//! unless the document adopts it. A resource is recorded (`register`) before it is created, so that a killed run leaves
//! nothing that the next run does not recognize as managed.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use tokio::time::Instant;

use crate::api::client::Client;
use crate::api::polling::Polling;
use crate::configuration::register::{self, Register};
use crate::error::Error;
use crate::event::{Event, Phase};
use crate::termination_message::{MAX_LINE, cut};
use apigee_flux_configuration::KINDS;
use apigee_flux_configuration::call::shown_path;
use apigee_flux_configuration::document::{Adopt, Document, Entry};
use apigee_flux_configuration::secret::{self, ValueFrom};
use apigee_flux_configuration::{Answer, Change, Crud, Field, Form, Id, OwnedPlace, Part, Place, Plan, Record, Wanted};
use apigee_flux_model::bundle::Digest;
use apigee_flux_model::bundle::batch::DEFAULT_WORKERS;
use apigee_flux_model::diag::plain::plain;
use apigee_flux_model::exit::Exit;
use apigee_flux_model::provenance::Provenance;

/// How often a resource is read, compared and changed before the run gives up because Apigee does not keep the values
/// that it receives.
const MAX_ROUNDS: usize = 4;

/// Shorter secrets are not redacted in messages: they would match everywhere.
const MIN_REDACTED: usize = 4;

/// Options for applying a document.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// The owner of the desired state: resources of another owner are not changed.
    pub owner: String,
    /// The provenance of the desired state, for the records.
    pub provenance: Provenance,
    /// How long one resource may wait for its prerequisites.
    pub timeout: Duration,
    /// How often prerequisites are checked.
    pub polling: Polling,
    /// How many resources are applied concurrently.
    pub workers: NonZeroUsize,
    /// Whether anything is written.
    pub mode: Mode,
}

impl ApplyOptions {
    /// The defaults for an owner.
    pub fn new(owner: &str) -> Self {
        Self {
            owner: owner.to_owned(),
            provenance: Provenance::default(),
            timeout: Duration::from_mins(10),
            polling: Polling::default(),
            workers: DEFAULT_WORKERS,
            mode: Mode::Write,
        }
    }
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Changes Apigee to the desired state.
    Write,
    /// Finds the changes and does not write them.
    Look,
    /// Like `Look`, for a caller without secrets and without an owner: a difference in a secret is ignored, and owners
    /// are not compared.
    Compare,
}

/// The result for one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourceResult {
    /// It failed; see the reason.
    Failed,
    /// It did not exist and was created.
    Created,
    /// It differed from the desired state and was updated.
    Updated,
    /// It existed unmanaged in the desired state and is managed now.
    Adopted,
    /// It was removed from Git and is deleted.
    Deleted,
    /// It was in the desired state.
    Unchanged,
}

/// What happened to one resource; with [`Mode::Look`] what would happen.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The resource.
    pub id: Id,
    /// The result.
    pub result: ResourceResult,
    /// What was done, or why it failed, in one line without secrets.
    pub reason: String,
    /// The fields that differed, with secrets hidden.
    pub fields: Vec<Field>,
    /// How the program ends if this is the only resource.
    pub exit: Exit,
}

/// What happened to all resources.
#[derive(Debug, Clone, Default)]
pub struct ApplyReport {
    /// In the order of the document.
    pub resources: Vec<Applied>,
    /// Number of requests that change something.
    pub writes: u32,
}

/// Returns the bytes of a secret by its reference; the error says what is missing.
pub type Secrets = Arc<dyn Fn(&ValueFrom) -> Result<Vec<u8>, String> + Send + Sync>;

/// Receives the events of a run: a step of a resource, or its result.
pub type ApplyListener = Arc<dyn Fn(ApplyEvent<'_>) + Send + Sync>;

/// An event of a run.
#[derive(Debug, Clone, Copy)]
pub enum ApplyEvent<'a> {
    /// One step of one resource.
    Step(&'a Id, &'a Event),
    /// The result of one resource of a place.
    Ended(Place<'a>, &'a Applied),
}

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
    let in_time = client.until(Instant::now() + options.timeout);
    let mut register = Register::read(&in_time, place.as_place()).await?;
    if options.mode == Mode::Write && !document.resources.is_empty() {
        register.prepare(&in_time, place.as_place()).await?;
    }
    let shared = Shared { client, place: place.clone(), register, secrets, options: options.clone(), progress };
    let mut resources: Vec<Option<Applied>> = vec![None; document.resources.len()];
    // In the registry of kinds, a kind comes after the kinds that it refers to.
    for kind in KINDS {
        let crud = kind.crud;
        let mut work = Vec::new();
        for (index, entry) in document.resources.iter().enumerate().filter(|(_, entry)| entry.id.kind == kind.name) {
            let shared = &shared;
            work.push(async move { (index, shared.one(entry, crud).await) });
        }
        let mut ended = stream::iter(work).buffer_unordered(options.workers.get());
        while let Some((index, applied)) = ended.next().await {
            (shared.progress)(ApplyEvent::Ended(place.as_place(), &applied));
            resources[index] = Some(applied);
        }
    }
    let unknown = document.resources.iter().enumerate();
    let resources = unknown.map(|(index, entry)| {
        resources.get_mut(index).and_then(Option::take).unwrap_or_else(|| {
            let error =
                Error::Usage(format!("the kind `{}` is unknown: use the image that rendered it", entry.id.kind));
            failed(&entry.id, &error)
        })
    });
    Ok(ApplyReport { resources: resources.collect(), writes: shared.client.writes() })
}

/// What all resources of a run share.
struct Shared {
    client: Client,
    place: OwnedPlace,
    register: Register,
    secrets: Secrets,
    options: ApplyOptions,
    progress: ApplyListener,
}

impl Shared {
    async fn one(&self, entry: &Entry, crud: &'static dyn Crud) -> Applied {
        let look_up = |place: &ValueFrom| match self.options.mode {
            Mode::Compare => Ok(Vec::new()),
            Mode::Write | Mode::Look => match (self.secrets)(place) {
                Ok(secret) if secret.is_empty() => Err(format!("the {place} is empty")),
                other => other,
            },
        };
        let (body, secrets) = match secret::fill(&entry.body, crud.secrets(), look_up) {
            Ok(filled) => filled,
            Err(why) => return failed(&entry.id, &Error::Temporary(why)),
        };
        // A password may be sent without its trailing line break.
        let values = secrets.iter().filter_map(|at| body.pointer(at)?.as_str());
        let values: BTreeSet<&str> = values.flat_map(|value| [value, secret::line(value)]).collect();
        let deadline = Instant::now() + self.options.timeout;
        let mut resource = Convergence {
            shared: self,
            client: self.client.until(deadline),
            deadline,
            entry,
            crud,
            body: &body,
            secrets: &secrets,
            stored: None,
            noted: None,
            fields: Vec::new(),
        };
        let mut applied = match resource.converge().await {
            Ok((result, reason)) => {
                Applied { id: entry.id.clone(), result, reason, fields: Vec::new(), exit: Exit::Ok }
            }
            Err(error) => failed(&entry.id, &error),
        };
        applied.fields = resource.fields;
        // Apigee may repeat what it received.
        for value in values.iter().rev().filter(|value| value.len() >= MIN_REDACTED) {
            applied.reason = applied.reason.replace(value, "…");
        }
        applied
    }
}

/// Performs the reads of a kind.
pub(crate) async fn read(client: &Client, crud: &dyn Crud, wanted: &Wanted<'_>) -> Result<Vec<Answer>, Error> {
    let mut answers = Vec::new();
    for read in crud.reads(wanted) {
        answers.push(client.read(&read).await?);
    }
    for read in crud.follow_ups(wanted, &answers) {
        answers.push(client.read(&read).await?);
    }
    Ok(answers)
}

/// The result of a resource that failed.
pub(crate) fn failed(id: &Id, error: &Error) -> Applied {
    Applied {
        id: id.clone(),
        result: ResourceResult::Failed,
        reason: error.to_string(),
        fields: Vec::new(),
        exit: error.exit(),
    }
}

/// One resource that is being applied.
struct Convergence<'a> {
    shared: &'a Shared,
    /// It has the deadline of this resource.
    client: Client,
    deadline: Instant,
    entry: &'a Entry,
    crud: &'static dyn Crud,
    body: &'a serde_json::Value,
    secrets: &'a [String],
    /// The record in the register, once this run has written it.
    stored: Option<Record>,
    /// The parts that this run has set, for values that Apigee does not return.
    noted: Option<Vec<Part>>,
    fields: Vec<Field>,
}

/// The result of sending changes.
enum Progressed {
    /// All changes were made.
    Done,
    /// The resource must be read again before the next change.
    LookAgain(Error),
    /// A prerequisite is missing, or a conflicting object still exists.
    NotYet(Error),
}

impl Convergence<'_> {
    async fn converge(&mut self) -> Result<(ResourceResult, String), Error> {
        let shared = self.shared;
        let (mut pause, mut rounds) = (shared.options.polling.first, 0);
        let mut done: Vec<String> = Vec::new();
        let mut ending = ResourceResult::Unchanged;
        let mut waited_for = String::new();
        let mut conflict = None;
        let known = shared.register.get(&self.entry.id);
        let is_foreign =
            |record: &&Record| shared.options.mode != Mode::Compare && record.owner != shared.options.owner;
        if let Some(record) = known.filter(is_foreign) {
            return Err(Error::Refused(format!(
                "its owner is `{}`, not `{}`: remove it from the specs of one of them, or delete the record `{}` \
                 in the key value map `{}`",
                record.owner,
                shared.options.owner,
                Record::key(&record.id),
                apigee_flux_configuration::record::MAP
            )));
        }
        if known.is_none() && shared.register.is_empty() && shared.options.mode != Mode::Compare {
            register::prove_absence(&self.client, self.place(), &self.entry.id).await?;
        }
        loop {
            let last = self.last();
            let wanted = self.wanted(last.as_ref());
            let answers = read(&self.client, self.crud, &wanted).await?;
            let exists = self.crud.exists(&wanted, &answers);
            let mut plan = self.crud.plan(&wanted, &answers).map_err(Error::Refused)?;
            if shared.options.mode == Mode::Compare && exists {
                // Without the secrets, nobody can tell whether they are equal.
                plan.changes
                    .retain(|change| change.fields.is_empty() || change.fields.iter().any(|field| !field.secret));
            }
            if rounds == 0 {
                self.fields = plan.changes.iter().flat_map(|change| change.fields.clone()).collect();
            }
            if exists && last.is_none() {
                self.may_adopt(&plan)?;
            }
            if plan.changes.is_empty() {
                return self.finish(ending, &done, &plan).await;
            }
            let what: Vec<&str> = plan.changes.iter().map(|change| change.what.as_str()).collect();
            if !exists {
                ending = ResourceResult::Created;
            } else if ending == ResourceResult::Unchanged {
                ending = ResourceResult::Updated;
            }
            if shared.options.mode != Mode::Write {
                return Ok((ending, what.join(", ")));
            }
            rounds += 1;
            if rounds > MAX_ROUNDS {
                let left = what.join(", ");
                return Err(Error::Temporary(match conflict {
                    Some(error) => format!("not done after {MAX_ROUNDS} attempts: {left}: {error}"),
                    None => format!(
                        "Apigee does not keep the values that it receives: not done after {MAX_ROUNDS} attempts: {left}"
                    ),
                }));
            }
            let progressed = if let Some(error) = self.lacking().await? {
                Progressed::NotYet(error)
            } else {
                match last {
                    // Nothing is set yet: if this run is killed here, the next one must not assume that the new secrets
                    // are set.
                    None => self.write_record(self.new_record(&plan).without_digests(), false).await?,
                    Some(last) => self.note_new_parts(last, &plan).await?,
                }
                self.change(&plan.changes, &mut done).await?
            };
            match progressed {
                Progressed::Done => {
                    self.noted = Some(plan.parts);
                    conflict = None;
                }
                Progressed::LookAgain(error) => conflict = Some(error),
                Progressed::NotYet(error) => {
                    if Instant::now() >= self.deadline {
                        return Err(error);
                    }
                    let why = error.to_string();
                    if why != waited_for {
                        self.say(Phase::Wait, format!("waiting: {why}"));
                        waited_for = why;
                    }
                    shared.client.stop().sleep(pause).await;
                    pause = shared.options.polling.longer(pause);
                    rounds -= 1;
                }
            }
        }
    }

    /// The record of this resource, with the parts that this run has set.
    fn last(&self) -> Option<Record> {
        let record = self.stored.as_ref().or_else(|| self.shared.register.get(&self.entry.id))?;
        let parts = self.noted.as_ref().unwrap_or(&record.parts);
        Some(Record { parts: parts.clone(), ..record.clone() })
    }

    /// Records the names of new parts before they are created, so that after a killed run the next one recognizes them
    /// as managed.
    async fn note_new_parts(&mut self, last: Record, plan: &Plan) -> Result<(), Error> {
        let new: Vec<Part> = plan
            .parts
            .iter()
            .filter(|part| last.part(&part.name).is_none())
            .map(|part| Part::named(&part.name))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let parts = [last.parts.clone(), new].concat();
        self.write_record(Record { parts, ..last }, true).await
    }

    /// The first missing prerequisite.
    async fn lacking(&self) -> Result<Option<Error>, Error> {
        for read in self.crud.prerequisites(&self.wanted(None)) {
            let answer = self.client.read(&read).await?;
            let lacks = match read.form {
                Form::Pages(items) if answer.json()[items].as_array().is_none_or(Vec::is_empty) => "is empty",
                _ if answer == Answer::Missing => "does not exist",
                _ => continue,
            };
            let path = shown_path(read.path.iter().map(String::as_str));
            return Ok(Some(Error::Temporary(format!("{path} {lacks}"))));
        }
        Ok(None)
    }

    fn wanted<'w>(&'w self, last: Option<&'w Record>) -> Wanted<'w> {
        Wanted { place: self.place(), id: &self.entry.id, body: self.body, secrets: self.secrets, last }
    }

    fn place(&self) -> Place<'_> {
        self.shared.place.as_place()
    }

    fn say(&self, phase: Phase, message: String) {
        (self.shared.progress)(ApplyEvent::Step(&self.entry.id, &Event::new(phase, message)));
    }

    /// Decides whether an unmanaged resource may be adopted.
    fn may_adopt(&self, plan: &Plan) -> Result<(), Error> {
        let left: Vec<&str> = plan.changes.iter().map(|change| change.what.as_str()).collect();
        match self.entry.adopt {
            Adopt::Override => Ok(()),
            Adopt::Match if left.is_empty() => Ok(()),
            Adopt::Match => Err(Error::Refused(format!(
                "it exists in Apigee, is not managed by apigee-flux and differs ({}): make the spec equal to it, or \
                 set `adopt: override`",
                left.join(", ")
            ))),
            Adopt::Never => Err(Error::Refused(
                "it exists in Apigee and is not managed by apigee-flux, so it is not changed: set `adopt: match` to \
                 adopt it as it is, or `adopt: override` to replace it"
                    .to_owned(),
            )),
        }
    }

    /// The resource is in the desired state: updates its record.
    async fn finish(
        &mut self,
        ending: ResourceResult,
        done: &[String],
        plan: &Plan,
    ) -> Result<(ResourceResult, String), Error> {
        let record = self.new_record(plan);
        let same = |last: &Record| {
            (&last.digest, &last.parts, last.when_gone) == (&record.digest, &record.parts, record.when_gone)
        };
        // A record in which only the commit would change is not written: it names the commit that last changed the
        // resource.
        let written = self.stored.as_ref().or_else(|| self.shared.register.get(&self.entry.id));
        let ending =
            if ending == ResourceResult::Unchanged && written.is_none() { ResourceResult::Adopted } else { ending };
        if self.shared.options.mode == Mode::Write && !written.is_some_and(same) {
            let known = written.is_some();
            self.write_record(record, known).await?;
        }
        Ok((ending, if done.is_empty() { "in sync".to_owned() } else { done.join(", ") }))
    }

    fn new_record(&self, plan: &Plan) -> Record {
        let Provenance { commit, tag, author, time, .. } = self.shared.options.provenance.clone();
        Record {
            id: self.entry.id.clone(),
            owner: self.shared.options.owner.clone(),
            digest: digest(self.entry),
            when_gone: self.entry.deletion_policy.into(),
            parts: plan.parts.clone(),
            commit,
            tag,
            author,
            time,
        }
    }

    async fn write_record(&mut self, record: Record, known: bool) -> Result<(), Error> {
        register::write(&self.client, self.place(), &record, known).await?;
        self.stored = Some(record);
        Ok(())
    }

    async fn change(&self, changes: &[Change], done: &mut Vec<String>) -> Result<Progressed, Error> {
        for change in changes {
            self.say(Phase::Deploy, change.what.clone());
            match self.client.change(&change.request).await {
                Ok(_) => done.push(change.what.clone()),
                Err(error)
                    if error.is_refusal()
                        && let Some(lacking) = self.lacking().await? =>
                {
                    // It was deleted after it had been checked.
                    return Ok(Progressed::NotYet(lacking));
                }
                Err(error) if error.is_precondition() => return Ok(Progressed::NotYet(error)),
                Err(error) if error.is_not_found() => return Ok(Progressed::NotYet(error)),
                Err(error) if error.is_conflict() || error.is_ambiguous() => {
                    return Ok(Progressed::LookAgain(error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Progressed::Done)
    }
}

/// The digest of an entry: of its references to secrets, not of the secrets.
fn digest(entry: &Entry) -> String {
    // A struct of JSON always has a JSON form.
    Digest::of_bytes(&serde_json::to_vec(entry).unwrap_or_default()).hex()
}

impl Applied {
    /// One JSON object in one line: the result of one resource.
    pub fn to_line(&self, place: Place<'_>) -> String {
        let line = Line {
            result: self.result,
            id: &self.id,
            organization: place.organization,
            environment: place.environment,
            reason: &plain(&self.reason),
        };
        // A struct of strings always has a JSON form.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

/// The result of one resource.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    result: ResourceResult,
    #[serde(flatten)]
    id: &'a Id,
    organization: &'a str,
    environment: Option<&'a str>,
    reason: &'a str,
}

/// The termination message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApplySummary<'a> {
    result: ResourceResult,
    organization: &'a str,
    environment: Option<&'a str>,
    commit: Option<&'a str>,
    unchanged: usize,
    created: usize,
    updated: usize,
    adopted: usize,
    deleted: usize,
    failed: usize,
    writes: u32,
    duration_ms: u64,
    /// How many resources are not listed.
    omitted: usize,
    resources: Vec<ResourceEntry<'a>>,
}

/// A resource in the summary.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceEntry<'a> {
    result: ResourceResult,
    #[serde(flatten)]
    id: &'a Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ApplyReport {
    /// Totals, and as many resources as fit into [`MAX_LINE`] bytes: failures first, then changes. One JSON object.
    pub fn to_line(&self, place: Place<'_>, commit: Option<&str>, duration_ms: u64) -> String {
        let mut order: Vec<&Applied> = self.resources.iter().collect();
        order.sort_by_key(|applied| applied.result);
        let mut summary = ApplySummary {
            result: self.result(),
            organization: place.organization,
            environment: place.environment,
            commit,
            unchanged: self.count(ResourceResult::Unchanged),
            created: self.count(ResourceResult::Created),
            updated: self.count(ResourceResult::Updated),
            adopted: self.count(ResourceResult::Adopted),
            deleted: self.count(ResourceResult::Deleted),
            failed: self.count(ResourceResult::Failed),
            writes: self.writes,
            duration_ms,
            omitted: self.resources.len(),
            resources: Vec::new(),
        };
        // A struct of strings and numbers always has a JSON form.
        let mut used = serde_json::to_string(&summary).unwrap_or_default().len();
        for applied in order {
            let reason = (applied.result == ResourceResult::Failed).then(|| plain(cut(&applied.reason)));
            let entry = ResourceEntry { result: applied.result, id: &applied.id, reason };
            used += serde_json::to_string(&entry).unwrap_or_default().len() + 1;
            if used > MAX_LINE {
                break;
            }
            summary.resources.push(entry);
            summary.omitted -= 1;
        }
        serde_json::to_string(&summary).unwrap_or_default()
    }

    /// The worst result: failures come before changes.
    pub fn result(&self) -> ResourceResult {
        self.resources.iter().map(|applied| applied.result).min().unwrap_or(ResourceResult::Unchanged)
    }

    /// Adds the results of another report.
    pub fn extend(&mut self, other: Self) {
        self.resources.extend(other.resources);
        self.writes += other.writes;
    }

    /// The number of resources with this result.
    pub fn count(&self, ending: ResourceResult) -> usize {
        self.resources.iter().filter(|applied| applied.result == ending).count()
    }

    /// How the program ends: see [`Exit::of_all`].
    pub fn exit(&self) -> Exit {
        Exit::of_all(self.resources.iter().map(|applied| applied.exit))
    }
}
