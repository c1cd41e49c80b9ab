//! Makes one resource of a document equal to its entry: reads it, compares, changes it, and reads it again until nothing
//! differs. An attempt that cannot go on ends, and the next one continues: a resource that waits holds nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::client::Client;
use crate::api::work_time::WorkTime;
use crate::configuration::event::{ApplyEvent, ApplyListener};
use crate::configuration::options::{ApplyOptions, Mode, Secrets};
use crate::configuration::outcome::{Applied, ResourceResult, failed};
use crate::configuration::snapshot::Snapshot;
use crate::configuration::turns::Turn;
use crate::error::Error;
use crate::event::{Event, Phase};
use crate::records::register::{self, Register};
use crate::secret_writer::SecretCreation;
use apigee_flux_configuration::call::shown_path;
use apigee_flux_configuration::document::Entry;
use apigee_flux_configuration::ownership::{Actor, Claim, claim};
use apigee_flux_configuration::record;
use apigee_flux_configuration::secret::{self, ValueFrom};
use apigee_flux_configuration::{
    Answer, Change, Crud, Field, Form, NewSecret, OwnedPlace, Part, Place, Plan, Record, Wanted,
};
use apigee_flux_model::exit::Exit;
use apigee_flux_model::lifecycle::Adopt;

/// How often a resource is read, compared and changed before the run gives up because Apigee does not keep the values
/// that it receives.
const MAX_ROUNDS: usize = 4;

/// How long a list may take.
const MAX_LIST_TIME: Duration = Duration::from_mins(2);

/// Shorter secrets are not redacted in messages: they would match everywhere.
const MIN_REDACTED: usize = 4;

/// What all resources of a run share.
pub(super) struct Shared {
    pub client: Client,
    pub place: OwnedPlace,
    pub register: Register,
    pub snapshot: Snapshot,
    pub secrets: Secrets,
    pub options: ApplyOptions,
    pub progress: ApplyListener,
}

/// One resource that is being applied, attempt after attempt.
pub(super) struct Convergence<'a> {
    shared: &'a Shared,
    /// It has the deadline of the attempt.
    client: Client,
    deadline: WorkTime,
    entry: &'a Entry,
    crud: &'static dyn Crud,
    body: serde_json::Value,
    secrets: Vec<String>,
    /// The record in the register, once this run has written it.
    stored: Option<Record>,
    /// The entries that continue the record.
    continuations: BTreeSet<String>,
    /// The right of this run to change the resource; `None` before the first attempt.
    claim: Option<Claim>,
    /// The parts that this run has set, for values that Apigee does not return.
    noted: Option<Vec<Part>>,
    /// Whether the resource is read by itself from now on: the lists were asked.
    is_alone: bool,
    fields: Vec<Field>,
    /// How often changes were sent.
    rounds: usize,
    /// The changes that were made.
    done: Vec<String>,
    ending: ResourceResult,
    conflict: Option<Error>,
    /// Whether it waits for a prerequisite, and why it waits.
    lacks: bool,
    waits_for: String,
}

/// What was read and planned.
struct Looked {
    answers: Vec<Answer>,
    exists: bool,
    plan: Plan,
}

/// What a check of prerequisites believes.
#[derive(Clone, Copy)]
enum Trust {
    /// What the run has seen lately, and what it has missed in this turn.
    Turn(Turn),
    /// Nothing: each is read.
    Nothing,
}

/// How an attempt ends.
enum Attempted {
    /// The resource is in the desired state, or would be.
    Done(ResourceResult, String),
    /// A prerequisite is missing, or a conflicting object still exists.
    Waits(Error),
}

/// The result of sending changes.
enum Progressed {
    /// All changes were made.
    Done,
    /// The resource must be read again before the next change.
    LookAgain(Error),
    /// A prerequisite is missing, or a conflicting object still exists.
    NotYet(Error),
    /// The run had to wait for the organization's quota, so everything must be read and asked again.
    Paused,
}

impl<'a> Convergence<'a> {
    /// An error if a secret is missing.
    pub(super) fn new(shared: &'a Shared, entry: &'a Entry, crud: &'static dyn Crud) -> Result<Self, Error> {
        let look_up = |place: &ValueFrom| match shared.options.mode {
            Mode::Compare => Ok(Vec::new()),
            Mode::Write | Mode::Look => match (shared.secrets)(place) {
                Ok(secret) if secret.is_empty() => Err(format!("the {place} is empty")),
                other => other,
            },
        };
        let (body, secrets) = secret::fill(&entry.body, crud.secrets(), look_up).map_err(Error::Temporary)?;
        Ok(Self {
            shared,
            client: shared.client.clone(),
            deadline: shared.client.now(),
            entry,
            crud,
            body,
            secrets,
            stored: None,
            continuations: shared.register.continuations(&entry.id),
            claim: None,
            noted: None,
            is_alone: false,
            fields: Vec::new(),
            rounds: 0,
            done: Vec::new(),
            ending: ResourceResult::Unchanged,
            conflict: None,
            lacks: false,
            waits_for: String::new(),
        })
    }

    /// Changes the resource as far as possible; `None` if it waits for another attempt. After the deadline it does not wait.
    pub(super) async fn attempt(&mut self, turn: Turn) -> Option<Applied> {
        self.client = self.shared.client.until(turn.deadline.max(self.shared.client.now()));
        self.deadline = turn.deadline;
        let result = match self.converge(turn).await {
            Ok(Attempted::Waits(error)) if self.client.now() < turn.deadline => {
                let why = error.to_string();
                if why != self.waits_for {
                    self.say(Phase::Wait, format!("waiting: {why}"));
                    self.waits_for = why;
                }
                return None;
            }
            Ok(Attempted::Done(result, reason)) => Ok((result, reason)),
            Ok(Attempted::Waits(error)) | Err(error) => Err(error),
        };
        let mut applied = match result {
            Ok((result, reason)) => {
                Applied { id: self.entry.id.clone(), result, reason, fields: Vec::new(), exit: Exit::Ok }
            }
            Err(error) => failed(&self.entry.id, &error),
        };
        applied.fields = std::mem::take(&mut self.fields);
        // A password may be sent without its trailing line break.
        let values = self.secrets.iter().filter_map(|at| self.body.pointer(at)?.as_str());
        let values: BTreeSet<&str> = values.flat_map(|value| [value, secret::line(value)]).collect();
        // Apigee may repeat what it received.
        for value in values.iter().rev().filter(|value| value.len() >= MIN_REDACTED) {
            applied.reason = applied.reason.replace(value, "…");
        }
        Some(applied)
    }

    /// Checks before the first attempt whether this run may change the resource.
    async fn begin(&mut self) -> Result<(), Error> {
        let shared = self.shared;
        if self.claim.is_some() {
            return Ok(());
        }
        let known = shared.register.get(&self.entry.id);
        let mut right = Claim::Unrecorded;
        if shared.options.mode != Mode::Compare {
            right = claim(known, &shared.options.claimant, self.entry.adopt)
                .map_err(|refusal| Error::of_refusal(refusal, shared.options.claimant.actor))?;
        }
        if known.is_none() && shared.register.is_empty() && shared.options.mode != Mode::Compare {
            register::prove_absence(&self.client, self.place(), &self.entry.id).await?;
        }
        self.claim = Some(right);
        Ok(())
    }

    fn is_adopted(&self) -> bool {
        matches!(self.claim, Some(Claim::Adopted { .. }))
    }

    async fn converge(&mut self, turn: Turn) -> Result<Attempted, Error> {
        let shared = self.shared;
        self.begin().await?;
        if self.lacks
            && let Some(error) = self.lacking(Trust::Turn(turn)).await?
        {
            return Ok(Attempted::Waits(error));
        }
        self.lacks = false;
        loop {
            let last = self.last();
            let Looked { answers, exists, plan } = self.look(last.as_ref()).await?;
            if self.rounds == 0 {
                self.fields = plan.changes.iter().flat_map(|change| change.fields.clone()).collect();
            }
            let is_foreign = last.is_none() || self.is_adopted();
            if exists && is_foreign && self.stored.is_none() {
                self.may_adopt(&plan)?;
            }
            if !exists && last.is_none() && self.entry.adopt != Adopt::Never {
                return Err(Error::Refused(
                    "there is nothing to adopt: it does not exist in Apigee: check its name, or remove `adopt` from the \
                     spec to create it"
                        .to_owned(),
                ));
            }
            if plan.changes.is_empty() {
                let secrets = match shared.options.mode {
                    Mode::Write => self.crud.new_secrets(&self.wanted(last.as_ref()), &answers),
                    Mode::Look | Mode::Compare => Vec::new(),
                };
                let (result, reason) = self.finish(&plan).await?;
                for secret in secrets {
                    self.create_secret(secret).await?;
                }
                return Ok(Attempted::Done(result, reason));
            }
            let what: Vec<&str> = plan.changes.iter().map(|change| change.what.as_str()).collect();
            if !exists {
                self.ending = ResourceResult::Created;
            } else if self.ending == ResourceResult::Unchanged {
                self.ending = ResourceResult::Updated;
            }
            if shared.options.mode != Mode::Write {
                return Ok(Attempted::Done(self.ending, what.join(", ")));
            }
            if self.rounds >= MAX_ROUNDS {
                let left = what.join(", ");
                return Err(Error::Temporary(match &self.conflict {
                    Some(error) => format!("not done after {MAX_ROUNDS} attempts: {left}: {error}"),
                    None => format!(
                        "Apigee does not keep the values that it receives: not done after {MAX_ROUNDS} attempts: {left}"
                    ),
                }));
            }
            if let Some(error) = self.lacking(Trust::Turn(turn)).await? {
                self.lacks = true;
                return Ok(Attempted::Waits(error));
            }
            let deciding = self.client.deciding();
            self.ask_guard().await?;
            self.intend(last, &plan).await?;
            match self.change(&deciding, &plan.changes).await? {
                Progressed::Paused => continue,
                Progressed::Done => {
                    self.noted = Some(plan.parts);
                    self.conflict = None;
                }
                Progressed::LookAgain(error) => self.conflict = Some(error),
                Progressed::NotYet(error) => return Ok(Attempted::Waits(error)),
            }
            self.rounds += 1;
        }
    }

    /// Reads the resource and plans: the first time by lists, if they show that nothing is to be done, otherwise by itself.
    async fn look(&mut self, last: Option<&Record>) -> Result<Looked, Error> {
        if !std::mem::replace(&mut self.is_alone, true)
            && let Some(looked) = self.look_in_lists(last).await?
        {
            return Ok(looked);
        }
        let (wanted, since) = (self.wanted(last), Instant::now());
        let answers = read(&self.client, self.crud, &wanted).await?;
        let looked = self.planned(&wanted, answers).map_err(Error::Refused)?;
        if let Some(first) = self.crud.reads(&wanted).first().filter(|_| looked.exists) {
            self.shared.snapshot.note(&first.path, since);
        }
        Ok(looked)
    }

    /// `None` if no list has the resource, or if something is to be done.
    async fn look_in_lists(&self, last: Option<&Record>) -> Result<Option<Looked>, Error> {
        let wanted = self.wanted(last);
        // A list that does not come leaves time to read the resource by itself.
        let now = self.client.now();
        let in_time = self.client.until(now + self.deadline.since(now).div_f32(2.0).min(MAX_LIST_TIME));
        let failed = |error: &Error| self.say(Phase::Wait, format!("each resource is read by itself: {error}"));
        let (mut answers, mut is_listed) = (Vec::new(), false);
        for read in self.crud.reads(&wanted) {
            let known = self.shared.snapshot.answer(&in_time, &read, failed).await;
            is_listed |= known.is_some();
            answers.push(match known {
                Some(answer) => answer,
                None if !is_listed => return Ok(None),
                None => self.client.read(&read).await?,
            });
        }
        for read in self.crud.follow_ups(&wanted, &answers) {
            answers.push(self.client.read(&read).await?);
        }
        let looked = self.planned(&wanted, answers).ok();
        Ok(looked.filter(|looked| looked.exists && self.is_settled(&looked.plan)))
    }

    fn planned(&self, wanted: &Wanted<'_>, answers: Vec<Answer>) -> Result<Looked, String> {
        let exists = self.crud.exists(wanted, &answers);
        let mut plan = self.crud.plan(wanted, &answers)?;
        if self.shared.options.mode == Mode::Compare && exists {
            // Without the secrets, the command cannot compare them.
            plan.changes.retain(|change| change.fields.is_empty() || change.fields.iter().any(|field| !field.secret));
        }
        Ok(Looked { answers, exists, plan })
    }

    /// Whether nothing is to be done, not even to the record.
    fn is_settled(&self, plan: &Plan) -> bool {
        plan.changes.is_empty()
            && (self.shared.options.mode == Mode::Compare || self.is_recorded(&self.new_record(plan)))
    }

    /// Whether the record in the register says the same. One in which only the commit would change is not written.
    fn is_recorded(&self, record: &Record) -> bool {
        self.shared.register.missing_continuation(&self.entry.id).is_none()
            && self.written().is_some_and(|last| {
                (&last.digest, &last.parts, last.when_gone) == (&record.digest, &record.parts, record.when_gone)
                    && self.shared.options.claimant.has_signed(last)
            })
    }

    /// The record of this resource, with the parts that this run has set.
    fn last(&self) -> Option<Record> {
        let record = self.stored.as_ref().or_else(|| self.shared.register.get(&self.entry.id))?;
        let parts = self.noted.as_ref().unwrap_or(&record.parts);
        Some(Record { parts: parts.clone(), ..record.clone() })
    }

    /// The record as it is in the register.
    fn written(&self) -> Option<&Record> {
        self.stored.as_ref().or_else(|| self.shared.register.get(&self.entry.id))
    }

    /// Records what this run is about to set, before it does: a killed run leaves nothing that the next one does not
    /// recognize as managed, and a run with another state of Git sees that this one has begun. The digests of secrets
    /// stay those of the secrets that are set: the next run must not believe that new ones are.
    async fn intend(&mut self, last: Option<Record>, plan: &Plan) -> Result<(), Error> {
        let intent = self.new_record(plan);
        let Some(last) = last else {
            let record = intent.without_digests();
            self.continuations = register::create(&self.client, self.place(), &record, &self.continuations).await?;
            self.stored = Some(record);
            return self.fence().await;
        };
        let is_new = |part: &&Part| last.part(&part.name).is_none();
        let new: Vec<Part> = plan.parts.iter().filter(is_new).map(|part| Part::named(&part.name)).collect();
        let without_parts = |record: &Record| Record { parts: Vec::new(), ..record.clone() };
        if !new.is_empty() || self.written().map(without_parts) != Some(without_parts(&intent)) {
            self.fence().await?;
            self.write_record(Record { parts: [last.parts, new].concat(), ..intent }, true).await?;
        }
        self.fence().await
    }

    /// Reads the record again. An error if it is not the one that this run has read or written: another run has begun
    /// since, and only the newest Job gets new pods.
    async fn fence(&self) -> Result<(), Error> {
        let found = register::read_head(&self.client, self.place(), &self.entry.id).await?;
        let signed = |record: &Record| {
            (record.owner.clone(), record.namespace.clone(), record.job.clone(), record.digest.clone())
        };
        if found.as_ref().map(|head| signed(&head.record)) == self.written().map(signed) {
            return Ok(());
        }
        let why = match found.map(|head| head.record.job) {
            Some(Some(job)) => format!("another Job took over (uid {job})"),
            Some(None) => "another run took over".to_owned(),
            None => "another run deleted its record".to_owned(),
        };
        Err(match self.shared.options.claimant.actor {
            Actor::Job => Error::Temporary(format!("{why}: nothing more is changed; the next run continues")),
            Actor::Reconciler => Error::Left(format!("{why}: it is left to that one")),
        })
    }

    /// The first missing prerequisite. An error if it failed for good in this run. Before the first attempt, what the run
    /// has seen lately is not read again: Apigee rejects a reference to what was deleted since.
    async fn lacking(&self, trust: Trust) -> Result<Option<Error>, Error> {
        let snapshot = &self.shared.snapshot;
        for read in self.crud.prerequisites(&self.wanted(None)) {
            let mut is_missing = false;
            if let (Trust::Turn(turn), Form::Json(_)) = (trust, read.form) {
                if snapshot.has_seen(&read.path) {
                    continue;
                }
                is_missing = snapshot.has_missed(&read.path, turn.started);
            }
            let since = Instant::now();
            let answer = if is_missing { Answer::Missing } else { self.client.read(&read).await? };
            let lacks = match read.form {
                Form::Pages(items) if answer.json()[items].as_array().is_none_or(Vec::is_empty) => "is empty",
                _ if answer == Answer::Missing => {
                    snapshot.note_missing(&read.path);
                    "does not exist"
                }
                Form::Json(_) => {
                    snapshot.note(&read.path, since);
                    continue;
                }
                _ => continue,
            };
            let path = shown_path(read.path.iter().map(String::as_str));
            let lacks = format!("{path} {lacks}");
            if let Some(id) = read.needed()
                && let Some(exit) = self.shared.options.failed.get(&id)
            {
                return Err(Error::FailedPrerequisite { lacks, id: Box::new(id), exit });
            }
            return Ok(Some(Error::Temporary(lacks)));
        }
        Ok(None)
    }

    fn wanted<'w>(&'w self, last: Option<&'w Record>) -> Wanted<'w> {
        Wanted { place: self.place(), id: &self.entry.id, body: &self.body, secrets: &self.secrets, last }
    }

    fn place(&self) -> Place<'_> {
        self.shared.place.as_place()
    }

    fn say(&self, phase: Phase, message: String) {
        (self.shared.progress)(ApplyEvent::Step(&self.entry.id, &Event::new(phase, message)));
    }

    /// Decides whether an unmanaged resource, or that of another owner, may be adopted.
    fn may_adopt(&self, plan: &Plan) -> Result<(), Error> {
        let left: Vec<&str> = plan.changes.iter().map(|change| change.what.as_str()).collect();
        let whose = match &self.claim {
            Some(Claim::Adopted { from }) => format!("belongs to the owner `{from}`"),
            _ => "is not managed by apigee-flux".to_owned(),
        };
        match self.entry.adopt {
            Adopt::Override => Ok(()),
            Adopt::Match if left.is_empty() => Ok(()),
            Adopt::Match => Err(Error::Refused(format!(
                "it exists in Apigee, {whose} and differs ({}): make the spec equal to it, or set `adopt: override`",
                left.join(", ")
            ))),
            Adopt::Never => Err(Error::Refused(format!(
                "it exists in Apigee and {whose}, so it is not changed: set `adopt: match` to adopt it as it is, or \
                 `adopt: override` to replace it"
            ))),
        }
    }

    async fn ask_guard(&self) -> Result<(), Error> {
        match &self.shared.options.guard {
            Some(guard) => guard.ask(&self.entry.id).await,
            None => Ok(()),
        }
    }

    /// Creates the Secret for a generated key. This is done in every run: the former one may have been killed before.
    async fn create_secret(&self, secret: NewSecret) -> Result<(), Error> {
        let name = secret.name.clone();
        let Some(writer) = &self.shared.options.secret_writer else {
            self.say(Phase::Keep, format!("the Secret `{name}` is not created: this run is not in a cluster"));
            return Ok(());
        };
        match writer.create(secret).await? {
            SecretCreation::Created => self.say(Phase::Deploy, format!("created the Secret `{name}` with the generated key")),
            SecretCreation::Exists if self.ending == ResourceResult::Created => self.say(
                Phase::Keep,
                format!(
                    "the Secret `{name}` exists and is not changed, but the app has a new key: delete the Secret, and the \
                     next run creates it with that key"
                ),
            ),
            SecretCreation::Exists => {}
        }
        Ok(())
    }

    /// The resource is in the desired state: updates its record.
    async fn finish(&mut self, plan: &Plan) -> Result<(ResourceResult, String), Error> {
        let record = self.new_record(plan);
        let written = self.written();
        let is_adopted = written.is_none() || self.is_adopted();
        let ending = match self.ending {
            ResourceResult::Unchanged if is_adopted => ResourceResult::Adopted,
            other => other,
        };
        let missing = self.shared.register.missing_continuation(&self.entry.id);
        if self.shared.options.mode == Mode::Write && !self.is_recorded(&record) {
            let known = written.is_some();
            if self.stored.is_none() {
                self.ask_guard().await?;
            }
            self.write_record(record, known).await?;
        }
        if let Some(missing) = missing.filter(|_| self.shared.options.mode != Mode::Compare) {
            return Err(Error::Temporary(format!(
                "its record lacked the entry `{missing}` in the key value map `{}`, so not all of its managed parts \
                 are known: delete parts manually that were removed from Git; the record is complete again, the next \
                 run continues",
                record::MAP
            )));
        }
        Ok((ending, if self.done.is_empty() { "in sync".to_owned() } else { self.done.join(", ") }))
    }

    fn new_record(&self, plan: &Plan) -> Record {
        let digest = self.entry.digest().hex();
        // The provenance is that of the state that made the value, not of a later one that confirms it.
        let made = self.written().filter(|record| record.digest == digest);
        let record = Record {
            parts: plan.parts.clone(),
            provenance: made.map_or(&self.shared.options.provenance, |record| &record.provenance).clone(),
            ..Record::new(self.entry.id.clone(), "", &digest, self.entry.deletion_policy.into())
        };
        let claimant = &self.shared.options.claimant;
        let claim = self.claim.as_ref().unwrap_or(&Claim::Unrecorded);
        claimant.sign(record, self.shared.register.get(&self.entry.id), claim)
    }

    async fn write_record(&mut self, record: Record, known: bool) -> Result<(), Error> {
        let existing = &self.continuations;
        self.continuations = register::replace(&self.client, self.place(), &record, known, existing).await?;
        self.stored = Some(record);
        Ok(())
    }

    async fn change(&mut self, deciding: &Client, changes: &[Change]) -> Result<Progressed, Error> {
        for change in changes {
            self.say(Phase::Deploy, change.what.clone());
            match deciding.change(&change.request).await {
                Ok(_) => self.done.push(change.what.clone()),
                Err(error)
                    if error.is_refusal()
                        && let Some(lacking) = self.lacking(Trust::Nothing).await? =>
                {
                    // It was deleted after it had been checked.
                    return Ok(Progressed::NotYet(lacking));
                }
                Err(Error::Paused) => return Ok(Progressed::Paused),
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
