//! Makes one resource of a document equal to its entry: reads it, compares, changes it, and reads it again until nothing
//! differs.

use std::collections::BTreeSet;

use crate::api::client::Client;
use crate::api::work_time::WorkTime;
use crate::configuration::event::{ApplyEvent, ApplyListener};
use crate::configuration::options::{ApplyOptions, Mode, Secrets};
use crate::configuration::outcome::{Applied, ResourceResult, failed};
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

/// Shorter secrets are not redacted in messages: they would match everywhere.
const MIN_REDACTED: usize = 4;

/// What all resources of a run share.
pub(super) struct Shared {
    pub client: Client,
    pub place: OwnedPlace,
    pub register: Register,
    pub secrets: Secrets,
    pub options: ApplyOptions,
    pub progress: ApplyListener,
}

impl Shared {
    /// Applies one resource.
    pub(super) async fn one(&self, entry: &Entry, crud: &'static dyn Crud) -> Applied {
        let applied = self.converge(entry, crud).await;
        self.options.failed.note(&entry.id, applied.exit);
        applied
    }

    async fn converge(&self, entry: &Entry, crud: &'static dyn Crud) -> Applied {
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
        let deadline = self.client.now() + self.options.timeout;
        let mut resource = Convergence {
            shared: self,
            client: self.client.until(deadline),
            deadline,
            entry,
            crud,
            body: &body,
            secrets: &secrets,
            stored: None,
            continuations: self.register.continuations(&entry.id),
            noted: None,
            claim: Claim::Unrecorded,
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

/// One resource that is being applied.
struct Convergence<'a> {
    shared: &'a Shared,
    /// It has the deadline of this resource.
    client: Client,
    deadline: WorkTime,
    entry: &'a Entry,
    crud: &'static dyn Crud,
    body: &'a serde_json::Value,
    secrets: &'a [String],
    /// The record in the register, once this run has written it.
    stored: Option<Record>,
    /// The entries that continue the record.
    continuations: BTreeSet<String>,
    /// The right of this run to change the resource.
    claim: Claim,
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
        if shared.options.mode != Mode::Compare {
            self.claim = claim(known, &shared.options.claimant, self.entry.adopt)
                .map_err(|refusal| Error::of_refusal(refusal, shared.options.claimant.actor))?;
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
                // Without the secrets, the command cannot compare them.
                plan.changes
                    .retain(|change| change.fields.is_empty() || change.fields.iter().any(|field| !field.secret));
            }
            if rounds == 0 {
                self.fields = plan.changes.iter().flat_map(|change| change.fields.clone()).collect();
            }
            let is_foreign = last.is_none() || matches!(self.claim, Claim::Adopted { .. });
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
                let finished = self.finish(ending, &done, &plan).await?;
                for secret in secrets {
                    self.create_secret(secret, ending).await?;
                }
                return Ok(finished);
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
                self.ask_guard().await?;
                self.intend(last, &plan).await?;
                self.change(&plan.changes, &mut done).await?
            };
            match progressed {
                Progressed::Done => {
                    self.noted = Some(plan.parts);
                    conflict = None;
                }
                Progressed::LookAgain(error) => conflict = Some(error),
                Progressed::NotYet(error) => {
                    if self.client.now() >= self.deadline {
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

    /// The first missing prerequisite. An error if it failed for good in this run.
    async fn lacking(&self) -> Result<Option<Error>, Error> {
        for read in self.crud.prerequisites(&self.wanted(None)) {
            let answer = self.client.read(&read).await?;
            let lacks = match read.form {
                Form::Pages(items) if answer.json()[items].as_array().is_none_or(Vec::is_empty) => "is empty",
                _ if answer == Answer::Missing => "does not exist",
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
        Wanted { place: self.place(), id: &self.entry.id, body: self.body, secrets: self.secrets, last }
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
            Claim::Adopted { from } => format!("belongs to the owner `{from}`"),
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
    async fn create_secret(&self, secret: NewSecret, ending: ResourceResult) -> Result<(), Error> {
        let name = secret.name.clone();
        let Some(writer) = &self.shared.options.secret_writer else {
            self.say(Phase::Keep, format!("the Secret `{name}` is not created: this run is not in a cluster"));
            return Ok(());
        };
        match writer.create(secret).await? {
            SecretCreation::Created => self.say(Phase::Deploy, format!("created the Secret `{name}` with the generated key")),
            SecretCreation::Exists if ending == ResourceResult::Created => self.say(
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
    async fn finish(
        &mut self,
        ending: ResourceResult,
        done: &[String],
        plan: &Plan,
    ) -> Result<(ResourceResult, String), Error> {
        let record = self.new_record(plan);
        let same = |last: &Record| {
            (&last.digest, &last.parts, last.when_gone) == (&record.digest, &record.parts, record.when_gone)
                && self.shared.options.claimant.has_signed(last)
        };
        // A record in which only the commit would change is not written.
        let written = self.written();
        let is_adopted = written.is_none() || matches!(self.claim, Claim::Adopted { .. });
        let ending = if ending == ResourceResult::Unchanged && is_adopted { ResourceResult::Adopted } else { ending };
        let missing = self.shared.register.missing_continuation(&self.entry.id);
        if self.shared.options.mode == Mode::Write && (missing.is_some() || !written.is_some_and(same)) {
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
        Ok((ending, if done.is_empty() { "in sync".to_owned() } else { done.join(", ") }))
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
        claimant.sign(record, self.shared.register.get(&self.entry.id), &self.claim)
    }

    async fn write_record(&mut self, record: Record, known: bool) -> Result<(), Error> {
        let existing = &self.continuations;
        self.continuations = register::replace(&self.client, self.place(), &record, known, existing).await?;
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
