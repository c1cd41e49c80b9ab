//! Makes one resource of a document equal to its entry: reads it, compares, changes it, and reads it again until nothing
//! differs.

use std::collections::BTreeSet;

use tokio::time::Instant;

use crate::api::client::Client;
use crate::configuration::event::{ApplyEvent, ApplyListener};
use crate::configuration::options::{ApplyOptions, Mode, Secrets};
use crate::configuration::outcome::{Applied, ResourceResult, failed};
use crate::configuration::register::{self, Register};
use crate::error::Error;
use crate::event::{Event, Phase};
use apigee_flux_configuration::call::shown_path;
use apigee_flux_configuration::document::Entry;
use apigee_flux_configuration::ownership::{Claim, claim};
use apigee_flux_configuration::record;
use apigee_flux_configuration::secret::{self, ValueFrom};
use apigee_flux_configuration::{Answer, Change, Crud, Field, Form, OwnedPlace, Part, Place, Plan, Record, Wanted};
use apigee_flux_model::bundle::Digest;
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
    deadline: Instant,
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
                .map_err(|refusal| Error::OtherOwner(Box::new(refusal)))?;
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
                && self.shared.options.claimant.has_signed(last)
        };
        // A record in which only the commit would change is not written: it names the commit that last changed the
        // resource.
        let written = self.stored.as_ref().or_else(|| self.shared.register.get(&self.entry.id));
        let ending =
            if ending == ResourceResult::Unchanged && written.is_none() { ResourceResult::Adopted } else { ending };
        let missing = self.shared.register.missing_continuation(&self.entry.id);
        if self.shared.options.mode == Mode::Write && (missing.is_some() || !written.is_some_and(same)) {
            let known = written.is_some();
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
        let record = Record {
            parts: plan.parts.clone(),
            provenance: self.shared.options.provenance.clone(),
            ..Record::new(self.entry.id.clone(), "", &digest(self.entry), self.entry.deletion_policy.into())
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

/// The digest of an entry: of its references to secrets, not of the secrets.
fn digest(entry: &Entry) -> String {
    // A struct of JSON always has a JSON form.
    Digest::of_bytes(&serde_json::to_vec(entry).unwrap_or_default()).hex()
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
