//! Steps: the name of a policy, or a short step, for which a policy is generated.
//!
//! To add a short step: add its fields in `spec::step`, a file here, and one line in [`short_steps`].

mod body;
mod callout;
mod convert;
mod extract;
mod javascript;
mod kvm;
mod log;
mod raise;
mod remove;
mod set;
mod shared_flow;
mod xslt;

use super::super::condition;
use super::context::Context;
use super::names;
use crate::proxy::model::flow::{Flow, Step};
use crate::spec;
use apigee_flux_analysis::policy::{GeneratedPolicy, PolicyValue};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// The direction of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the target.
    Request,
    /// Back to the caller.
    Response,
    /// Either: only the caller of a shared flow knows the direction, so a policy acts on the current message.
    Either,
    /// Back to the caller, as an error.
    Fault,
}

impl Direction {
    /// The word in names of policies.
    fn word(self) -> &'static str {
        match self {
            Self::Request => "Request",
            Self::Response => "Response",
            Self::Either => "",
            Self::Fault => "Fault",
        }
    }

    /// The variable that holds the message.
    fn message(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
            // Apigee's name for the current message, which in a fault is the error.
            Self::Either | Self::Fault => "message",
        }
    }
}

/// What the steps belong to, which determines the names of their policies.
pub(super) enum StepOwner {
    /// All requests of a proxy, or all calls of a shared flow.
    Bundle,
    /// One operation.
    Operation(String),
    /// One target.
    Target(String),
}

/// A file of the bundle that is named after a step's policy.
struct OwnResource {
    folder: &'static str,
    /// The name of the file, derived from the policy's.
    name: fn(&str) -> String,
    bytes: Vec<u8>,
}

/// A step for which a policy is generated.
trait ShortStep {
    /// The prefix of its policy's name.
    fn prefix(&self) -> &'static str;

    /// The rest of its policy's name, if it is a step of all requests.
    fn subject(&self, direction: Direction) -> String;

    /// Its policy. Errors go to the report.
    fn policy(&self, direction: Direction, context: &mut Context<'_, '_>, at: &FieldPath) -> Box<dyn GeneratedPolicy>;

    /// The condition that it needs in addition to the user's condition.
    fn condition(&self, _: Direction) -> Option<String> {
        None
    }

    /// The file that belongs only to its policy.
    fn own_resource(&self) -> Option<OwnResource> {
        None
    }
}

/// All short steps in the order of the reference: the key of each, and the step if it is set.
fn short_steps(step: &spec::step::Step) -> [(&'static str, Option<&dyn ShortStep>); 12] {
    fn one<S: ShortStep>(step: Option<&S>) -> Option<&dyn ShortStep> {
        step.map(|step| step as &dyn ShortStep)
    }
    [
        ("set", one(step.set.as_ref())),
        ("remove", one(step.remove.as_ref())),
        ("raise", one(step.raise.as_ref())),
        ("extract", one(step.extract.as_ref())),
        ("javascript", one(step.javascript.as_ref())),
        ("sharedFlow", one(step.shared_flow.as_ref())),
        ("kvm", one(step.kvm.as_ref())),
        ("callout", one(step.callout.as_ref())),
        ("xmlToJson", one(step.xml_to_json.as_ref())),
        ("jsonToXml", one(step.json_to_xml.as_ref())),
        ("xslt", one(step.xslt.as_ref())),
        ("log", one(step.log.as_ref())),
    ]
}

/// The keys of all actions, for messages.
fn keys() -> String {
    let short = short_steps(&spec::step::Step::default()).map(|(key, _)| format!("`{key}`"));
    format!("`policy`, {}", short.join(", "))
}

/// Resolves the steps of both directions.
pub(super) fn flow(flow: &spec::flow::Flow, owner: &StepOwner, context: &mut Context<'_, '_>, at: &FieldPath) -> Flow {
    Flow {
        request: list(&flow.request, owner, Direction::Request, context, &at.key("request")),
        response: list(&flow.response, owner, Direction::Response, context, &at.key("response")),
    }
}

/// Registers a condition that the user wrote, and reports an invalid one.
pub(super) fn check_condition(condition: Option<&str>, at: &FieldPath, context: &mut Context<'_, '_>) {
    let Some(text) = condition else { return };
    context.add_condition(text, at.clone());
    if let Some(fault) = condition::fault(text) {
        context.report.push(fault.at(at));
    }
}

/// Resolves the steps of one direction.
pub(super) fn list(
    steps: &[spec::step::Step],
    owner: &StepOwner,
    direction: Direction,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) -> Vec<Step> {
    let steps = steps.iter().enumerate();
    steps.filter_map(|(index, step)| resolve_step(step, owner, direction, context, &at.index(index))).collect()
}

fn resolve_step(
    step: &spec::step::Step,
    owner: &StepOwner,
    direction: Direction,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) -> Option<Step> {
    check_condition(step.when.as_deref(), &at.key("when"), context);
    let short: Vec<(&str, &dyn ShortStep)> =
        short_steps(step).into_iter().filter_map(|(key, step)| Some((key, step?))).collect();
    let mut condition = step.when.clone();
    let resolved = match (step.policy.as_deref(), short.as_slice()) {
        (Some(name), []) => {
            context.refer(name, &at.key("policy"));
            if direction == Direction::Fault && context.raises(name) {
                no_raise(&at.key("policy"), context.report);
            }
            Some(Step::always(name))
        }
        (None, [(key, short)]) => {
            let at = at.key(*key);
            if direction == Direction::Fault && *key == "raise" {
                no_raise(&at, context.report);
            }
            condition = both(step.when.as_deref(), short.condition(direction));
            add(*short, owner, direction, context, &at)
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
                Diagnostic::error(Code::ConflictingFields, format!("a step needs exactly one action, found {found}"))
                    .at(at)
                    .help(format!("write one of {}; for several actions write several steps", keys())),
            );
            None
        }
    };
    resolved.map(|resolved| Step { condition, ..resolved })
}

fn no_raise(at: &FieldPath, report: &mut Report<'_>) {
    report.push(
        Diagnostic::error(Code::ConflictingFields, "a fault rule must not raise a fault").at(at).help(
            "fault handling would start over and skip the body of `faults`: set the status and the body with `set`",
        ),
    );
}

/// Combines the user's condition with the one that a step needs.
fn both(own: Option<&str>, needed: Option<String>) -> Option<String> {
    match (own, needed) {
        (Some(own), Some(needed)) => Some(format!("({own}) and {needed}")),
        (own, needed) => own.map(str::to_owned).or(needed),
    }
}

/// Adds a short step's policy, and the file that belongs to it.
fn add(
    short: &dyn ShortStep,
    owner: &StepOwner,
    direction: Direction,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) -> Option<Step> {
    let policy = short.policy(direction, context, at);
    let names = names(short, owner, direction);
    let Some(resource) = short.own_resource() else {
        return context.add_numbered(names, policy.as_ref(), at);
    };
    // Two scripts may differ although their policies are equal: the name must be free for both the policy and the file.
    let names: Vec<String> = names
        .filter(|name| context.resource_is_free(resource.folder, &(resource.name)(name), &resource.bytes))
        .take(100)
        .collect();
    let step = context.add_numbered(names.into_iter(), policy.as_ref(), at)?;
    context.add_resource(resource.folder, &(resource.name)(&step.policy), resource.bytes, at);
    Some(step)
}

/// The possible names of a short step's policy, of which the first free one is used: it depends only on the steps of
/// the same kind in the same place.
fn names(short: &dyn ShortStep, owner: &StepOwner, direction: Direction) -> impl Iterator<Item = String> + use<> {
    let prefix = short.prefix();
    let (base, first) = match owner {
        StepOwner::Operation(operation) => (format!("{prefix}-{operation}"), None),
        StepOwner::Target(target) => (format!("{prefix}-{target}Target"), None),
        StepOwner::Bundle => {
            let base = format!("{prefix}-{}", short.subject(direction));
            (base.clone(), Some(base))
        }
    };
    let from = if first.is_some() { 2 } else { 1 };
    first.into_iter().chain((from..10_000).map(move |number| format!("{base}-{number}")))
}

/// Converts a text to camel case: `orders-settings` becomes `OrdersSettings`.
fn camel(text: &str) -> String {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

/// Converts the name of a file to camel case, without its folder and extension.
fn camel_stem(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    camel(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

/// Adds a file to the bundle and returns its URL. A file that cannot be read is reported.
fn add_file(folder: &str, path: &str, context: &mut Context<'_, '_>, at: &FieldPath) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let bytes = context.read_file(path, at).unwrap_or_default();
    context.add_resource(folder, name, bytes, at)
}

/// Reads a value that is a text or one variable.
fn value(text: &str, at: &FieldPath, report: &mut Report<'_>) -> PolicyValue {
    PolicyValue::parse(text).unwrap_or_else(|| {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{text}` is neither a text nor a single variable"))
                .at(at)
                .help(
                    "Apigee does not expand variables inside a text here: build the text in a variable with \
                     `set.variables`",
                ),
        );
        PolicyValue::Text(String::new())
    })
}

/// Reads named values, each a text or one variable.
fn values(
    map: &indexmap::IndexMap<String, String>,
    what: &str,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Vec<(String, PolicyValue)> {
    map.iter()
        .map(|(name, text)| {
            let at = at.key(name.as_str());
            names::check_variable(what, name, &at, report);
            super::super::credential::check_named(name, text, &at, report);
            (name.clone(), value(text, &at, report))
        })
        .collect()
}

/// Reports a field that only a request can have.
fn check_request_only(
    what: &str,
    key: &str,
    given: bool,
    direction: Direction,
    at: &FieldPath,
    report: &mut Report<'_>,
) {
    if given && direction != Direction::Request {
        report.push(
            Diagnostic::error(Code::ConflictingFields, format!("a response has no {what}"))
                .at(at.key(key))
                .help("move the step to `request`"),
        );
    }
}

/// Reports query parameters of a response, which has none.
fn check_no_query(empty: bool, direction: Direction, at: &FieldPath, report: &mut Report<'_>) {
    check_request_only("query parameters", "query", !empty, direction, at, report);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_names() {
        assert_eq!(camel("orders-settings"), "OrdersSettings");
        assert_eq!(camel("common_request.id"), "CommonRequestId");
        assert_eq!(camel_stem("js/normalize-order.js"), "NormalizeOrder");
    }

    #[test]
    fn conditions_are_joined() {
        assert_eq!(both(None, None), None);
        assert_eq!(both(Some("a or b"), Some("(c)".to_owned())).as_deref(), Some("(a or b) and (c)"));
    }
}
