//! Variables that are read before they can exist or after they were removed: a response in the request flow, the result of a credential
//! check before it ran, a header that an earlier step removed.
//!
//! A script, a shared flow or a condition in between may set any variable. In that case the check reports nothing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::journey::{JourneyStep, Stage, stops};
use super::node::{at, child, children, text};
use super::variables::{Read, condition_variables, is_opaque, is_part, reads, sets, written};
use super::walk::operation;
use super::{Finding, FindingCause, Findings, Verdict};
use crate::policy::variables::{MESSAGES, SETS, covers};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{Condition, Policy, RuntimeBundle};

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    // It is unknown where a shared flow is called.
    if bundle.kind == BundleKind::SharedFlow {
        return;
    }
    // A policy may run in several places. A variable that is missing in only some of them is not reported: it may be intended.
    let mut found: BTreeMap<(ReadPlace, String), Option<Finding<'d>>> = BTreeMap::new();
    for endpoint in &bundle.proxy_endpoints {
        let stops = stops(endpoint, bundle);
        for (index, stop) in stops.iter().enumerate() {
            let way = Way { before: &stops[..index], stop, after: &stops[index + 1..] };
            for use_of in uses(stop) {
                let key = (use_of.key(stop), use_of.variable.clone());
                let problem = way.problem(bundle, &use_of).map(|problem| finding(stop, &use_of, problem));
                match found.entry(key) {
                    Entry::Vacant(place) => {
                        place.insert(problem);
                    }
                    Entry::Occupied(mut known) if problem.is_none() => {
                        known.insert(None);
                    }
                    Entry::Occupied(_) => {}
                }
            }
        }
        for rule in endpoint.fault_rules.iter().chain(&endpoint.default_fault_rule) {
            let conditions = rule.condition.iter().chain(rule.steps.iter().filter_map(|step| step.condition.as_ref()));
            for condition in conditions {
                let mut names = condition.parsed.iter().flat_map(condition_variables);
                if let Some(variable) =
                    names.find(|name| is_part(name, "response.status") || name == "response.reason.phrase")
                {
                    let message = format!(
                        "the condition of a fault rule reads `{variable}`: the message of a fault is `error`, not `response`"
                    );
                    findings.add(
                        Finding::on_condition(Code::UnavailableVariable, Verdict::Doubtful, condition, 0, message)
                            .help("write `message.status.code`, which is the status in every flow"),
                    );
                }
            }
        }
        for condition in endpoint.route_rules.iter().filter_map(|rule| rule.condition.as_ref()) {
            let names = condition.parsed.iter().flat_map(condition_variables);
            let early = names.into_iter().find(|name| early_message(name, Stage::ProxyRequest).is_some());
            let set = |variable: &str| stops.iter().any(|stop| is_opaque(stop.policy) || sets(stop.policy, variable));
            if let Some(variable) = early.filter(|variable| !set(variable)) {
                let message =
                    format!("the condition reads `{variable}`, which does not exist before the route is chosen");
                findings.add(
                    Finding::on_condition(Code::UnavailableVariable, Verdict::Broken, condition, 0, message)
                        .help("use variables of the request to choose the route"),
                );
            }
        }
    }
    found.into_values().flatten().for_each(|finding| findings.add(finding));
}

/// A file and the offset of a byte in it.
type ReadPlace = (String, usize);

/// A variable that a step reads, and where.
struct Use<'b, 'd> {
    variable: String,
    by: By<'b, 'd>,
}

enum By<'b, 'd> {
    Element(Read<'d>),
    Condition(&'b Condition<'d>),
    /// The policy's default.
    Default,
}

impl Use<'_, '_> {
    /// The place that reads the variable: several steps and endpoints may run one policy.
    fn key(&self, stop: &JourneyStep<'_, '_>) -> ReadPlace {
        match &self.by {
            By::Element(read) => (stop.policy.place.path.to_string(), read.node.range().start),
            By::Condition(condition) => (condition.place.path.to_string(), condition.place.offset()),
            By::Default => (stop.policy.place.path.to_string(), 0),
        }
    }
}

/// The variables that a step reads, in its condition and in its policy.
fn uses<'b, 'd>(stop: &JourneyStep<'b, 'd>) -> Vec<Use<'b, 'd>> {
    let mut found = Vec::new();
    if let Some(condition) = stop.step.condition.as_ref() {
        let names = condition.parsed.iter().flat_map(condition_variables);
        found.extend(names.into_iter().map(|variable| Use { variable, by: By::Condition(condition) }));
    }
    found.extend(
        reads(stop.policy).into_iter().map(|read| Use { variable: read.variable.clone(), by: By::Element(read) }),
    );
    if reads_authorization(stop.policy) {
        found.push(Use { variable: "request.header.authorization".to_owned(), by: By::Default });
    }
    found
}

/// True for a policy that reads the token from the header `Authorization` because no element names another source.
fn reads_authorization(policy: &Policy<'_>) -> bool {
    match policy.element {
        "OAuthV2" => {
            let verifies =
                operation(policy).is_some_and(|operation| operation.eq_ignore_ascii_case("VerifyAccessToken"));
            verifies && child(policy.node, "AccessToken").is_none()
        }
        "VerifyJWT" | "DecodeJWT" => child(policy.node, "Source").is_none(),
        _ => false,
    }
}

/// Why a variable has no value.
#[derive(Clone, Copy)]
enum Problem<'d> {
    /// The message does not exist yet, or not at all.
    NoMessage(&'static str),
    /// Only a policy that runs later, or in other requests, sets it.
    Later(&'d str),
    /// The policy with this name has another type.
    WrongType(&'d str, &'static str),
    /// Another policy sets it later. This may be intended.
    SetLater(&'d str),
    /// An earlier step removed it.
    Removed(&'d str),
}

fn finding<'d>(stop: &JourneyStep<'_, 'd>, use_of: &Use<'_, 'd>, problem: Problem<'d>) -> Finding<'d> {
    let (name, variable) = (stop.policy.name, use_of.variable.as_str());
    let reader = match use_of.by {
        By::Condition(_) => format!("the condition of the step `{name}`"),
        By::Element(_) | By::Default => format!("the policy `{name}`"),
    };
    let verifies = super::walk::verifies(stop.policy);
    let (verdict, message, help) = match problem {
        Problem::NoMessage(why) => {
            (Verdict::Broken, format!("{reader} reads `{variable}`: {why}"), no_message_help(variable))
        }
        Problem::Later(setter) => (
            Verdict::Broken,
            format!("{reader} reads `{variable}`, which only `{setter}` sets: that policy does not run earlier"),
            format!("run it after `{setter}`, or use a variable of the request, such as `client.ip` or a header"),
        ),
        Problem::WrongType(setter, element) => (
            Verdict::Broken,
            format!(
                "{reader} reads `{variable}`, but the policy `{setter}` does not set it: it is not a <{element}> policy"
            ),
            "name a policy of that type".to_owned(),
        ),
        Problem::SetLater(setter) => (
            Verdict::Doubtful,
            format!("{reader} reads `{variable}`, which `{setter}` sets later"),
            format!("run it after `{setter}`"),
        ),
        Problem::Removed(remover) => (
            Verdict::Broken,
            if verifies {
                format!("the policy `{name}` always fails: it reads `{variable}`, which `{remover}` has removed")
            } else {
                format!("{reader} reads `{variable}`, which `{remover}` has removed")
            },
            format!("run it before `{remover}`, or keep the value in a variable before it is removed"),
        ),
    };
    let finding = match use_of.by {
        By::Condition(condition) => Finding::on_condition(Code::UnavailableVariable, verdict, condition, 0, message),
        By::Element(ref read) => Finding::new(Code::UnavailableVariable, verdict, at(stop.policy, read.node), message),
        By::Default => Finding::on_policy(Code::UnavailableVariable, verdict, stop.policy, message)
            .cause(FindingCause::Policy(name)),
    };
    finding.help(help)
}

fn no_message_help(variable: &str) -> String {
    if variable.starts_with("response") || variable.starts_with("message") {
        "move the step to the response".to_owned()
    } else {
        "use it in a fault rule".to_owned()
    }
}

/// Why a variable of a message does not exist at a stage, if its message is created later.
fn early_message(variable: &str, stage: Stage) -> Option<&'static str> {
    let of = |message: &str| variable == message || is_part(variable, message);
    if stage.is_request() && (of("response") || matches!(variable, "message.status.code" | "message.reason.phrase")) {
        return Some("there is no response yet");
    }
    of("error").then_some("an error message exists only in fault rules")
}

struct Way<'w, 'b, 'd> {
    before: &'w [JourneyStep<'b, 'd>],
    stop: &'w JourneyStep<'b, 'd>,
    after: &'w [JourneyStep<'b, 'd>],
}

impl<'d> Way<'_, '_, 'd> {
    fn problem(&self, bundle: &RuntimeBundle<'d>, use_of: &Use<'_, 'd>) -> Option<Problem<'d>> {
        let variable = use_of.variable.as_str();
        self.removed(variable).map(Problem::Removed).or_else(|| self.too_early(bundle, use_of))
    }

    fn earlier(&self) -> impl Iterator<Item = &JourneyStep<'_, 'd>> {
        self.before.iter().filter(|other| other.meets(self.stop))
    }

    fn too_early(&self, bundle: &RuntimeBundle<'d>, use_of: &Use<'_, 'd>) -> Option<Problem<'d>> {
        let variable = use_of.variable.as_str();
        if self.earlier().any(|other| sets(other.policy, variable)) || sets(self.stop.policy, variable) {
            return None;
        }
        let unknown = self.earlier().any(|other| is_opaque(other.policy));
        if let Some(why) = early_message(variable, self.stop.stage) {
            // Inside RaiseFault, the message is the fault's own.
            if self.stop.policy.element == "RaiseFault" && matches!(use_of.by, By::Element(_)) {
                return None;
            }
            let failed = self.earlier().any(|other| other.policy.continue_on_error);
            return (!unknown && !failed).then_some(Problem::NoMessage(why));
        }
        if let Some((policy, setters)) = named_policy(bundle, variable) {
            if !setters.contains(&policy.element) {
                return Some(Problem::WrongType(policy.name, setters.first().copied().unwrap_or_default()));
            }
            // A shared flow may have a policy of the same name.
            let shared = self.earlier().any(|other| other.policy.element == "FlowCallout");
            return (!shared && policy.enabled).then_some(Problem::Later(policy.name));
        }
        if unknown || MESSAGES.iter().any(|message| variable == *message || is_part(variable, message)) {
            return None;
        }
        let caller = SETS.iter().any(|sets| sets.names.iter().any(|name| covers(name, variable)));
        let later = self.after.iter().find(|other| other.meets(self.stop) && sets(other.policy, variable))?;
        if caller {
            return Some(Problem::Later(later.policy.name));
        }
        // Only a template or a `ref` needs the value; a condition may test whether it exists.
        let needed = matches!(use_of.by, By::Element(_));
        (needed && !later.policy.node.has_tag_name("FlowCallout")).then_some(Problem::SetLater(later.policy.name))
    }

    /// The step that certainly removed a part of a message.
    fn removed(&self, variable: &str) -> Option<&'d str> {
        let part = RemovedPart::of(variable, self.stop.stage)?;
        let mut remover = None;
        for other in self.before {
            let own = RemovedPart::of(variable, other.stage);
            if part.is_set_by(other) || own.is_some() && is_opaque(other.policy) && other.meets(self.stop) {
                remover = None;
            } else if part.is_removed_by(other) && other.runs_with(self.stop) {
                remover = Some(other.policy.name);
            }
        }
        remover
    }
}

/// The policy whose name follows the prefix of a variable, and the types that set such variables.
fn named_policy<'b, 'd>(
    bundle: &'b RuntimeBundle<'d>,
    variable: &str,
) -> Option<(&'b Policy<'d>, &'static [&'static str])> {
    let (prefix, rest) = variable.split_once('.')?;
    let known: Vec<_> = SETS.iter().filter(|sets| sets.prefix == prefix).collect();
    let sets = known.first()?;
    // Policy names may contain dots: use the longest match.
    let names = bundle.policies.values().filter(|policy| rest == policy.name || is_part(rest, policy.name));
    names.max_by_key(|policy| policy.name.len()).map(|policy| (policy, sets.policies))
}

/// A part of a message that steps can remove.
#[derive(Debug, PartialEq, Eq)]
struct RemovedPart<'v> {
    message: &'static str,
    kind: PartKind<'v>,
}

#[derive(Debug, PartialEq, Eq)]
enum PartKind<'v> {
    Header(&'v str),
    QueryParam(&'v str),
    FormParam(&'v str),
    Content,
}

impl<'v> RemovedPart<'v> {
    fn of(variable: &'v str, stage: Stage) -> Option<Self> {
        let (message, rest) = variable.split_once('.')?;
        let message = match message {
            "request" => "request",
            "message" if stage.is_request() => "request",
            "message" | "response" => "response",
            _ => return None,
        };
        if rest == "content" {
            return Some(Self { message, kind: PartKind::Content });
        }
        let (place, name) = rest.split_once('.')?;
        // `.values`, `.values.count` and an index follow the name.
        let name = name.split(".values").next().unwrap_or(name);
        let name = match name.rsplit_once('.') {
            Some((name, index)) if index.chars().all(|c| c.is_ascii_digit()) => name,
            _ => name,
        };
        let kind = match place {
            "header" => PartKind::Header(name),
            "queryparam" => PartKind::QueryParam(name),
            "formparam" => PartKind::FormParam(name),
            _ => return None,
        };
        Some(Self { message, kind })
    }

    /// The list element, the item element and the name of this part in `<Set>` and `<Remove>`.
    fn elements(&self) -> (&'static str, &'static str, &'v str) {
        match self.kind {
            PartKind::Header(name) => ("Headers", "Header", name),
            PartKind::QueryParam(name) => ("QueryParams", "QueryParam", name),
            PartKind::FormParam(name) => ("FormParams", "FormParam", name),
            PartKind::Content => ("Payload", "", ""),
        }
    }

    fn same_name(&self, name: &str) -> bool {
        let (.., own) = self.elements();
        match self.kind {
            PartKind::Header(_) => own.eq_ignore_ascii_case(name.trim()),
            _ => own == name.trim(),
        }
    }

    /// True if a step changes the message that this is a part of.
    fn is_on(&self, stop: &JourneyStep<'_, '_>) -> bool {
        let ambient = if stop.stage.is_request() { "request" } else { "response" };
        matches!(stop.policy.element, "AssignMessage" | "HTTPModifier")
            && message_of(stop.policy, ambient) == Some(self.message)
    }

    fn is_removed_by(&self, stop: &JourneyStep<'_, '_>) -> bool {
        let (list, item, _) = self.elements();
        self.is_on(stop)
            && children(stop.policy.node, "Remove").flat_map(|remove| children(remove, list)).any(|found| {
                if self.kind == PartKind::Content {
                    text(found) != "false"
                } else {
                    let mut items = children(found, item).peekable();
                    // An empty list removes all of them.
                    items.peek().is_none()
                        || items.any(|item| item.attribute("name").is_some_and(|name| self.same_name(name)))
                }
            })
    }

    /// True if a step may give the part a value.
    fn is_set_by(&self, stop: &JourneyStep<'_, '_>) -> bool {
        let (list, item, _) = self.elements();
        let copies = || children(stop.policy.node, "Copy").next().is_some();
        let given = || {
            let places = ["Set", "Add"].into_iter().flat_map(|name| children(stop.policy.node, name));
            places.flat_map(|place| children(place, list)).any(|found| match self.kind {
                PartKind::Content => true,
                _ => children(found, item).any(|item| item.attribute("name").is_some_and(|name| self.same_name(name))),
            })
        };
        let replaced = || {
            written(stop.policy).iter().any(|name| {
                let whole = name == self.message && !matches!(stop.policy.element, "AssignMessage" | "HTTPModifier");
                whole
                    || RemovedPart::of(name, stop.stage).is_some_and(|part| {
                        part.message == self.message && part.elements().0 == list && self.same_name(part.elements().2)
                    })
            })
        };
        self.is_on(stop) && (copies() || given()) || replaced()
    }
}

/// The message that AssignMessage or HTTPModifier changes; `None` for a message variable of its own.
fn message_of(policy: &Policy<'_>, ambient: &'static str) -> Option<&'static str> {
    let Some(assign_to) = child(policy.node, "AssignTo") else { return Some(ambient) };
    match text(assign_to) {
        "" | "message" => match (assign_to.attribute("createNew"), assign_to.attribute("type")) {
            (Some("true"), Some("response")) => Some("response"),
            (Some("true"), _) => Some("request"),
            _ => Some(ambient),
        },
        "request" => Some("request"),
        "response" => Some("response"),
        _ => None,
    }
}

/// See [`message_of`].
pub(super) fn changed_message(stop: &JourneyStep<'_, '_>) -> Option<&'static str> {
    message_of(stop.policy, if stop.stage.is_request() { "request" } else { "response" })
}
