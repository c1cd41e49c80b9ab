//! Steps: a policy by its name, or a short step, which becomes a policy of its own.
//!
//! To add a short step: its words in `spec::step`, a file here, and one line in [`short_steps`].

mod raise;
mod remove;
mod set;

use super::super::condition;
use super::super::flow::{Flow, Step};
use super::context::Context;
use crate::diag::{Code, Diagnostic, FieldPath, Report};
use crate::policy::Policy;
use crate::spec;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the target.
    Request,
    /// Back to the caller.
    Response,
    /// Either, which only the caller of a shared flow knows: a policy has to act on the message at hand.
    Either,
}

impl Direction {
    /// The word in names of policies.
    fn word(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Response => "Response",
            Self::Either => "",
        }
    }
}

/// What the steps belong to: it gives their policies' names.
pub(super) enum Owner {
    /// All requests of a proxy, or all calls of a shared flow.
    Bundle,
    /// One operation.
    Operation(String),
}

/// A step that needs no policy of the user's.
trait ShortStep {
    /// The prefix of its policy's name.
    fn prefix(&self) -> &'static str;

    /// The rest of its policy's name, when it is a step of all requests.
    fn subject(&self, direction: Direction) -> String;

    /// Its policy. What is wrong goes to the report.
    fn policy(&self, direction: Direction, at: &FieldPath, report: &mut Report<'_>) -> Box<dyn Policy>;
}

/// The short steps that are set, each with its key.
fn short_steps(step: &spec::step::Step) -> Vec<(&'static str, &dyn ShortStep)> {
    fn one<'s, S: ShortStep>(key: &'static str, step: Option<&'s S>) -> Option<(&'static str, &'s dyn ShortStep)> {
        step.map(|step| (key, step as &dyn ShortStep))
    }
    [one("set", step.set.as_ref()), one("remove", step.remove.as_ref()), one("raise", step.raise.as_ref())]
        .into_iter()
        .flatten()
        .collect()
}

/// The keys of [`short_steps`], for messages.
const KEYS: &str = "`policy`, `set`, `remove`, `raise`";

/// Resolves the steps of both directions.
pub(super) fn flow(flow: &spec::flow::Flow, owner: &Owner, context: &mut Context<'_, '_>, at: &FieldPath) -> Flow {
    Flow {
        request: list(&flow.request, owner, Direction::Request, context, &at.key("request")),
        response: list(&flow.response, owner, Direction::Response, context, &at.key("response")),
    }
}

/// Resolves steps that go one way.
pub(super) fn list(
    steps: &[spec::step::Step],
    owner: &Owner,
    direction: Direction,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) -> Vec<Step> {
    let steps = steps.iter().enumerate();
    steps.filter_map(|(index, step)| resolve_step(step, owner, direction, context, &at.index(index))).collect()
}

fn resolve_step(
    step: &spec::step::Step,
    owner: &Owner,
    direction: Direction,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) -> Option<Step> {
    if let Some(when) = &step.when {
        context.add_condition(when, at.key("when"));
        if let Some(fault) = condition::fault(when) {
            context.report.push(fault.at(at.key("when")));
        }
    }
    let short = short_steps(step);
    let resolved = match (step.policy.as_deref(), short.as_slice()) {
        (Some(name), []) => {
            context.refer(name, &at.key("policy"));
            Some(Step::always(name))
        }
        (None, [(key, short)]) => {
            let at = at.key(*key);
            let policy = short.policy(direction, &at, context.report);
            context.add_numbered(names(*short, owner, direction), policy.as_ref(), &at)
        }
        (policy, short) => {
            let given: Vec<String> = policy
                .map(|_| "policy")
                .into_iter()
                .chain(short.iter().map(|(key, _)| *key))
                .map(|key| format!("`{key}`"))
                .collect();
            let found = if given.is_empty() { "none".to_owned() } else { given.join(", ") };
            context.report.push(
                Diagnostic::error(Code::ConflictingFields, format!("a step has exactly one action, found {found}"))
                    .at(at)
                    .help(format!("write one of {KEYS}; several actions are several steps")),
            );
            None
        }
    };
    resolved.map(|resolved| Step { condition: step.when.clone(), ..resolved })
}

/// The names that a short step's policy may have, the first that is free: they depend on the steps of the same sort in the
/// same place only.
fn names(short: &dyn ShortStep, owner: &Owner, direction: Direction) -> impl Iterator<Item = String> {
    let (base, first) = match owner {
        Owner::Operation(operation) => (format!("{}-{operation}", short.prefix()), None),
        Owner::Bundle => {
            let base = format!("{}-{}", short.prefix(), short.subject(direction));
            (base.clone(), Some(base))
        }
    };
    let from = if first.is_some() { 2 } else { 1 };
    first.into_iter().chain((from..10_000).map(move |number| format!("{base}-{number}")))
}

/// Reports query parameters of a response, which has none.
fn check_no_query(empty: bool, direction: Direction, at: &FieldPath, report: &mut Report<'_>) {
    if !empty && direction == Direction::Response {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "a response has no query parameters")
                .at(at.key("query"))
                .help("move the step to `request`"),
        );
    }
}
