//! `operations` and those of the OpenAPI document: conditional flows.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeSet, BinaryHeap, HashMap};

use super::super::condition;
use super::context::Context;
use super::contract::Contract;
use super::cors::check_method;
use super::names;
use super::steps::{self, StepOwner};
use crate::openapi;
use crate::proxy::model::flow::{ConditionalFlow, Flow};
use crate::spec::ApigeeProxySpec;
use crate::spec::operation::{Operation, OperationMatch};
use apigee_flux_analysis::policy::raise_fault::{FaultMessage, RaiseFault};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, nearest};
use apigee_flux_model::path_pattern::{
    ComparisonBudget, Dialect, OperationPattern, PathPattern, PatternIndex, Relation,
};

/// The flow for requests that match no other flow.
const UNKNOWN: &str = openapi::UNKNOWN_OPERATION;

/// An operation with its pattern.
struct Resolved {
    /// The field of its path.
    at: FieldPath,
    /// The name of the operation in messages.
    label: String,
    pattern: OperationPattern,
    methods: Vec<String>,
    flow: ConditionalFlow,
}

impl Resolved {
    /// Which of two operations with a common path must come first, because it would otherwise lose requests; `None` if
    /// no request matches both, or if the order does not matter.
    fn order(&self, other: &Self) -> Option<Ordering> {
        let methods = self.methods.is_empty()
            || other.methods.is_empty()
            || self.methods.iter().any(|method| other.methods.contains(method));
        methods.then(|| self.compare(other)).filter(|order| order.is_ne())
    }

    /// The more specific operation first. With equal paths, an operation with a list of methods is more specific than
    /// one for all methods.
    fn compare(&self, other: &Self) -> Ordering {
        self.pattern.specificity(&other.pattern).then_with(|| self.methods.is_empty().cmp(&other.methods.is_empty()))
    }
}

/// Reports a limited number of errors in operations: a document may have thousands of one kind.
#[derive(Default)]
struct Faults {
    count: usize,
}

impl Faults {
    const MOST: usize = 20;

    fn report(&mut self, diagnostic: Diagnostic, context: &mut Context<'_, '_>) {
        self.count += 1;
        if self.count <= Self::MOST {
            context.report.push(diagnostic);
        }
    }

    /// Reports how many were left out.
    fn finish(&self, at: &FieldPath, context: &mut Context<'_, '_>) {
        if let Some(more @ 1..) = self.count.checked_sub(Self::MOST) {
            let message = format!("{more} more operations have errors like those reported");
            context.report.push(Diagnostic::error(Code::InvalidValue, message).at(at).help("fix those first"));
        }
    }
}

/// The flows in the order in which Apigee evaluates them: those of the document, then the other ones, each in the order
/// written, except that a flow comes after those that it would hide.
pub(super) fn resolve(
    spec: &ApigeeProxySpec,
    contract: Option<&Contract>,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) -> Vec<ConditionalFlow> {
    let documented = contract.map(|contract| contract.document.operations.as_slice()).unwrap_or_default();
    let mut by_name: HashMap<&str, &openapi::DocumentOperation> = HashMap::new();
    for known in documented {
        by_name.entry(&known.name).or_insert(known);
    }
    for known in documented {
        // An `operationId` in the document takes precedence over a name that was derived from one.
        by_name.extend(known.operation_id.as_deref().map(|id| (id, known)));
    }
    let mut words: HashMap<&str, (&Operation, FieldPath)> = HashMap::new();
    let mut further = Vec::new();
    for (name, operation) in &spec.operations {
        let at = at.key("operations").key(name.as_str());
        match by_name.get(name.as_str()).copied() {
            Some(known) => {
                check_words(name, known, operation, words.contains_key(known.name.as_str()), context, &at);
                words.insert(&known.name, (operation, at));
            }
            None => further.push((name, operation, at)),
        }
    }
    let mut faults = Faults::default();
    let mut resolved = Vec::new();
    for operation in documented {
        let flow = match words.get(operation.name.as_str()) {
            Some((words, at)) => own_steps(&operation.name, words, context, at),
            None => Flow::default(),
        };
        let at = contract.map(|contract| contract.at.clone()).unwrap_or_default();
        let label = format!("`{}` (`{} {}`)", operation.name, operation.method, operation.path);
        match OperationPattern::parse(&operation.path, Dialect::OpenApi) {
            Ok(pattern) => {
                let methods = vec![operation.method.clone()];
                resolved.push(resolve_one(&operation.name, label, pattern, methods, flow, context, &at));
            }
            Err((message, help)) => {
                let message = format!("no flow can be generated for the operation {label}: {message}");
                faults.report(Diagnostic::error(Code::InvalidValue, message).at(&at).help(help), context);
            }
        }
    }
    for (name, operation, at) in further {
        names::check_policy("operation", name, &at, context.report);
        if name == UNKNOWN && contract.is_some_and(|contract| contract.reject_unknown) {
            let message =
                format!("the name `{UNKNOWN}` is reserved for the flow that handles requests without an operation");
            context.report.push(Diagnostic::error(Code::NameCollision, message).at(&at).help("choose another name"));
        }
        let flow = own_steps(name, operation, context, &at);
        let at_match = at.key("match");
        let Some(OperationMatch { path, methods }) = &operation.matches else {
            check_known(name, spec, contract, context, &at);
            continue;
        };
        for (index, method) in methods.iter().enumerate() {
            check_method(method, &at_match.key("methods").index(index), context.report);
        }
        match OperationPattern::parse(path, Dialect::Spec) {
            Ok(pattern) => {
                let methods = methods.clone();
                resolved.push(resolve_one(name, format!("`{name}`"), pattern, methods, flow, context, &at_match));
            }
            Err((message, help)) => {
                let error = Diagnostic::error(Code::InvalidValue, message).at(at_match.key("path")).help(help);
                context.report.push(error);
            }
        }
    }
    report_equal(&resolved, &mut faults, context);
    faults.finish(&contract.map_or_else(|| at.key("operations"), |contract| contract.at.clone()), context);
    // After an error the order does not matter.
    let mut flows = if faults.count == 0 { in_order(resolved) } else { flows_of(resolved) };
    if let Some(contract) = contract.filter(|contract| contract.reject_unknown) {
        let message = "No operation matches this path and method.".to_owned();
        let policy = RaiseFault {
            status: 404,
            reason: "Not Found".to_owned(),
            message: Some(FaultMessage::Text(message)),
            headers: Vec::new(),
        };
        let step = context.add("RF-NotFound", &policy, &contract.at.key("unknownOperations"));
        let flow = Flow { request: vec![step], response: Vec::new() };
        flows.push(ConditionalFlow { name: UNKNOWN.to_owned(), condition: None, exact: false, flow });
    }
    flows
}

/// Checks the fields for an operation of the document.
fn check_words(
    name: &str,
    known: &openapi::DocumentOperation,
    operation: &Operation,
    twice: bool,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) {
    if operation.matches.is_some() {
        let message = format!(
            "`{name}` is an operation of the OpenAPI document, which defines it as `{} {}`",
            known.method, known.path
        );
        context.report.push(
            Diagnostic::error(Code::ConflictingFields, message)
                .at(at.key("match"))
                .help("remove `match`, or choose another name for an operation that is not in the document"),
        );
    }
    if twice {
        context.report.push(
            Diagnostic::error(
                Code::NameCollision,
                format!("the operation `{name}` is also configured under another of its names"),
            )
            .at(at)
            .help(format!("configure it only under `{}`", known.name)),
        );
    }
}

fn own_steps(name: &str, operation: &Operation, context: &mut Context<'_, '_>, at: &FieldPath) -> Flow {
    steps::flow(&operation.steps, &StepOwner::Operation(name.to_owned()), context, &at.key("steps"))
}

/// Reports an operation that has no `match` and is not in the document. A document that cannot be read might have it.
fn check_known(
    name: &str,
    spec: &ApigeeProxySpec,
    contract: Option<&Contract>,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) {
    let error = match contract {
        None if spec.openapi.is_some() => return,
        None => Diagnostic::error(Code::MissingField, format!("the operation `{name}` has no `match`"))
            .help("write which requests it matches, for example `match: {path: /orders, methods: [GET]}`"),
        Some(contract) => {
            let operations = &contract.document.operations;
            let ids = operations.iter().map(|known| known.operation_id.as_deref().unwrap_or(&known.name));
            let message = format!("the OpenAPI document has no operation `{name}`");
            let error = Diagnostic::error(Code::MissingField, message);
            match nearest(name, ids) {
                Some(meant) => error.propose(meant),
                None => error.help(
                    "for an operation that is not in the document, write which requests it matches: `match: {path, \
                     methods}`",
                ),
            }
        }
    };
    context.report.push(error.at(at));
}

fn resolve_one(
    name: &str,
    label: String,
    pattern: OperationPattern,
    methods: Vec<String>,
    flow: Flow,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) -> Resolved {
    let condition = condition::of_operation(&pattern, &methods);
    context.add_condition(&condition, at.clone());
    let exact = !methods.is_empty() && !pattern.has_wildcards();
    let flow = ConditionalFlow { name: name.to_owned(), condition: Some(condition), exact, flow };
    Resolved { at: at.clone(), label, pattern, methods, flow }
}

/// Reports operations with the same pattern and a common method: only the first of their flows would run.
fn report_equal(resolved: &[Resolved], faults: &mut Faults, context: &mut Context<'_, '_>) {
    let mut known: HashMap<(&PathPattern, Option<&str>), &Resolved> = HashMap::new();
    for operation in resolved {
        let methods = operation.methods.iter().map(|method| Some(method.as_str()));
        let methods: BTreeSet<Option<&str>> =
            if operation.methods.is_empty() { BTreeSet::from([None]) } else { methods.collect() };
        let mut former = None;
        for method in methods {
            former = Some(*known.entry((operation.pattern.pattern(), method)).or_insert(operation))
                .filter(|found| !std::ptr::eq(*found, operation))
                .or(former);
        }
        let Some(former) = former else { continue };
        let message = format!("{} and {} match the same requests", operation.label, former.label);
        let error = Diagnostic::error(Code::ConflictingFields, message)
            .at(&operation.at)
            .help("only the first flow that matches runs: give each operation its own path or methods");
        faults.report(error, context);
    }
}

/// The order written, except that an operation comes after those that must precede it. If wildcards overlap so much
/// that finding these takes too long, the more specific operations come first.
fn in_order(mut resolved: Vec<Resolved>) -> Vec<ConditionalFlow> {
    if let Some(followers) = precedence(&resolved) {
        return sorted(resolved, &followers);
    }
    resolved.sort_by(Resolved::compare);
    flows_of(resolved)
}

fn flows_of(resolved: Vec<Resolved>) -> Vec<ConditionalFlow> {
    resolved.into_iter().map(|operation| operation.flow).collect()
}

/// For each operation those that must come after it; `None` if finding them takes too long.
fn precedence(resolved: &[Resolved]) -> Option<Vec<Vec<usize>>> {
    let mut budget = ComparisonBudget::of(resolved.len());
    let mut index: PatternIndex<usize> = PatternIndex::default();
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); resolved.len()];
    for (later, b) in resolved.iter().enumerate() {
        for earlier in index.find(b.pattern.spelled(), Relation::Overlapping, &mut budget)? {
            let a: &Resolved = &resolved[earlier];
            match a.order(b) {
                Some(Ordering::Less) => followers[earlier].push(later),
                Some(_) => followers[later].push(earlier),
                None => {}
            }
        }
        index.add(b.pattern.spelled(), later);
    }
    Some(followers)
}

/// The flows, each after those that must precede it, and otherwise in their order.
fn sorted(resolved: Vec<Resolved>, followers: &[Vec<usize>]) -> Vec<ConditionalFlow> {
    let mut waits_for = vec![0_usize; resolved.len()];
    for follower in followers.iter().flatten() {
        waits_for[*follower] += 1;
    }
    // `specificity` is a total preorder, so there are no cycles.
    let free = |(index, waits): (usize, &usize)| (*waits == 0).then_some(Reverse(index));
    let mut free: BinaryHeap<Reverse<usize>> = waits_for.iter().enumerate().filter_map(free).collect();
    let mut flows: Vec<Option<ConditionalFlow>> = resolved.into_iter().map(|operation| Some(operation.flow)).collect();
    let mut ordered = Vec::with_capacity(flows.len());
    while let Some(Reverse(next)) = free.pop() {
        ordered.extend(flows[next].take());
        for follower in &followers[next] {
            waits_for[*follower] -= 1;
            if waits_for[*follower] == 0 {
                free.push(Reverse(*follower));
            }
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::time::{Duration, Instant};

    use crate::proxy::{Generated, generate};
    use crate::spec::ApigeeProxySpec;
    use crate::spec::openapi::OpenApi;
    use apigee_flux_model::diag::{Report, Subject};
    use apigee_flux_model::xml::{Node, parse_bytes};

    /// Segments that overlap in many ways.
    const SEGMENTS: [&str; 6] = ["a", "b", "a.json", "{x}", "{x}.json", "a{x}"];

    /// Every path of one to four segments.
    fn paths() -> Vec<String> {
        let mut paths = vec![String::new()];
        let mut all = Vec::new();
        for _ in 0..4 {
            paths = paths.iter().flat_map(|path| SEGMENTS.map(|segment| format!("{path}/{segment}"))).collect();
            all.extend(paths.iter().cloned());
        }
        all
    }

    /// Evaluates the subset of Apigee's conditions that operations use.
    fn holds(condition: &str, method: &str, suffix: &str) -> bool {
        let word = |after: &str| {
            let (_, rest) = condition.split_once(after)?;
            rest.split('"').nth(1)
        };
        let segment = |pattern: &str, text: &str| match pattern.split_once("[^/]+").or_else(|| pattern.split_once('*'))
        {
            Some((before, behind)) => {
                text.len() > before.len() + behind.len() && text.starts_with(before) && text.ends_with(behind)
            }
            None => pattern == text,
        };
        // The character class `[^/]` contains a slash, which does not separate segments.
        let pattern = word("MatchesPath").map(str::to_owned).or_else(|| {
            let regex = word("JavaRegex")?.strip_prefix('^')?.strip_suffix('$')?;
            Some(regex.replace("[.]", ".").replace("[^/]+", "*"))
        });
        let pattern = pattern.unwrap();
        let (patterns, texts): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), suffix.split('/').collect());
        word("request.verb") == Some(method)
            && patterns.len() == texts.len()
            && patterns.iter().zip(texts).all(|(pattern, text)| segment(pattern, text))
    }

    /// What is generated from paths, and how long it takes.
    fn timed(paths: &[String]) -> (Generated, Duration) {
        let count = paths.len();
        let mut document = "{\"openapi\": \"3.0.3\", \"paths\": {".to_owned();
        for index in 0..count {
            // A step that shares no factor with the count visits each path once: the order written does not help.
            let path = &paths[index * 577 % count];
            let comma = if index == 0 { "" } else { "," };
            write!(document, "{comma}\"{path}\": {{\"get\": {{}}, \"post\": {{\"operationId\": \"POST {path}\"}}}}")
                .unwrap();
        }
        document.push_str("}}");
        let spec = ApigeeProxySpec {
            base_path: Some("/x".to_owned()),
            target: Some("https://example.com".to_owned()),
            openapi: Some(OpenApi { file: Some("o.json".to_owned()), ..OpenApi::default() }),
            ..ApigeeProxySpec::default()
        };
        let subject = Subject::default();
        let mut report = Report::new(&subject);
        let start = Instant::now();
        let generated = generate("x", &spec, &|_| Ok(document.clone().into_bytes()), &mut report);
        let took = start.elapsed();
        (generated.unwrap_or_else(|| panic!("{:?}", report.into_diagnostics())), took)
    }

    #[test]
    fn of_a_thousand_operations_each_takes_its_own_requests() {
        let paths = paths();
        let count = paths.len();
        assert!(count > 1500);
        let every_other: Vec<String> = paths.iter().step_by(2).cloned().collect();
        let (_, mut half) = timed(&every_other);
        let (generated, mut took) = timed(&paths);
        // Four times as many as a large API has. Comparing twice as many paths, each with each, is four times the work;
        // eight times would be cubic. Other load on the machine only adds to the times: the minimum of several runs is
        // the time of the work itself.
        for _ in 0..3 {
            if took >= half * 7 {
                (half, took) = (half.min(timed(&every_other).1), took.min(timed(&paths).1));
            }
        }
        assert!(took < half * 7 && took.as_secs() < 30, "{half:?}, then {took:?}");

        let xml = parse_bytes(generated.files.get("proxies/default.xml").unwrap()).unwrap();
        let text = |node: Node<'_, '_>, name: &str| {
            node.children().find(|child| child.has_tag_name(name)).and_then(|child| child.text()).map(str::to_owned)
        };
        let flows: Vec<Option<String>> =
            xml.descendants().filter(|node| node.has_tag_name("Flow")).map(|flow| text(flow, "Condition")).collect();
        assert_eq!(flows.len(), 2 * count + 1);
        let (last, others) = flows.split_last().unwrap();
        assert_eq!(last, &None);
        let conditions: Vec<&str> = others.iter().map(|condition| condition.as_deref().unwrap()).collect();
        for path in paths.iter().step_by(7) {
            let sample = path.replace("{x}", "zz");
            let winner = conditions.iter().find(|condition| holds(condition, "GET", &sample)).unwrap();
            let expected = path.replace("{x}.json", "[^/]+[.]json").replace("a{x}", "a[^/]+").replace("{x}", "*");
            let expected = if path.contains("{x}.json") || path.contains("a{x}") {
                format!("^{}$", expected.replace('*', "[^/]+").replace("a.json", "a[.]json"))
            } else {
                expected
            };
            assert!(winner.contains(&format!("\"{expected}\"")), "{sample} goes to {winner}, not to {expected}");
        }
        assert!(!conditions.iter().any(|condition| holds(condition, "GET", "/c/c/c/c/c")));
    }
}
