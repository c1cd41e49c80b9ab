//! `operations` and those of the OpenAPI document: conditional flows.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};

use super::super::condition;
use super::super::flow::{ConditionalFlow, Flow};
use super::super::path::Pattern;
use super::context::Context;
use super::cors::check_method;
use super::names;
use super::openapi::Contract;
use super::steps::{self, Owner};
use crate::diag::{Code, Diagnostic, FieldPath, nearest};
use crate::openapi;
use crate::policy::raise_fault::{Message, RaiseFault};
use crate::spec::ApigeeProxySpec;
use crate::spec::operation::{Operation, OperationMatch};

/// The flow that takes what no other flow takes.
const UNKNOWN: &str = openapi::UNKNOWN_OPERATION;

/// An operation with its pattern.
struct Resolved {
    /// Where its path was written.
    at: FieldPath,
    /// What messages call it.
    label: String,
    pattern: Pattern,
    methods: Vec<String>,
    flow: ConditionalFlow,
}

impl Resolved {
    /// Which of two operations must stand first, or the other would take its requests; none if they share no request.
    /// `Equal` is for two of which one would never run.
    fn order(&self, other: &Self) -> Option<Ordering> {
        let methods = self.methods.is_empty()
            || other.methods.is_empty()
            || self.methods.iter().any(|method| other.methods.contains(method));
        // With equal paths, an operation of some methods is more specific than one of all.
        (methods && self.pattern.overlaps(&other.pattern)).then(|| {
            let paths = self.pattern.specificity(&other.pattern);
            paths.then(self.methods.is_empty().cmp(&other.methods.is_empty()))
        })
    }
}

/// The flows in the order in which Apigee is to try them: those of the document, then the further ones, each in the order
/// written, except that one waits for those that it would hide.
pub(super) fn resolve(
    spec: &ApigeeProxySpec,
    contract: Option<&Contract>,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) -> Vec<ConditionalFlow> {
    let documented = contract.map(|contract| contract.document.operations.as_slice()).unwrap_or_default();
    let mut words: HashMap<&str, (&Operation, FieldPath)> = HashMap::new();
    let mut further = Vec::new();
    for (name, operation) in &spec.operations {
        let at = at.key("operations").key(name.as_str());
        let named = |known: &&openapi::Operation| known.operation_id.as_ref() == Some(name) || known.name == *name;
        match documented.iter().find(named) {
            Some(known) => {
                check_words(name, known, operation, words.contains_key(known.name.as_str()), context, &at);
                words.insert(&known.name, (operation, at));
            }
            None => further.push((name, operation, at)),
        }
    }
    let mut resolved = Vec::new();
    for operation in documented {
        let flow = match words.get(operation.name.as_str()) {
            Some((words, at)) => own_steps(&operation.name, words, context, at),
            None => Flow::default(),
        };
        let at = contract.map(|contract| contract.at.clone()).unwrap_or_default();
        let label = format!("`{}` (`{} {}`)", operation.name, operation.method, operation.path);
        let methods = vec![operation.method.clone()];
        resolved.extend(resolve_one(&operation.name, label, &operation.path, methods, flow, context, (&at, &at)));
    }
    for (name, operation, at) in further {
        names::check_policy("operation", name, &at, context.report);
        if name == UNKNOWN && contract.is_some_and(|contract| contract.reject_unknown) {
            let message = format!("the name `{UNKNOWN}` is that of the flow for requests without an operation");
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
        let places = (&at_match, &at_match.key("path"));
        resolved.extend(resolve_one(name, format!("`{name}`"), path, methods.clone(), flow, context, places));
    }
    let mut flows = in_order(resolved, context);
    if let Some(contract) = contract.filter(|contract| contract.reject_unknown) {
        let message = "No operation matches this path and method.".to_owned();
        let policy = RaiseFault {
            status: 404,
            reason: "Not Found".to_owned(),
            message: Some(Message::Text(message)),
            headers: Vec::new(),
        };
        let step = context.add("RF-NotFound", &policy, &contract.at.key("unknownOperations"));
        let flow = Flow { request: vec![step], response: Vec::new() };
        flows.push(ConditionalFlow { name: UNKNOWN.to_owned(), condition: None, flow });
    }
    flows
}

/// Checks words for an operation of the document.
fn check_words(
    name: &str,
    known: &openapi::Operation,
    operation: &Operation,
    twice: bool,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) {
    if operation.matches.is_some() {
        let message = format!("`{name}` is an operation of the document, which says `{} {}`", known.method, known.path);
        context.report.push(
            Diagnostic::error(Code::ConflictingFields, message)
                .at(at.key("match"))
                .help("leave `match` out, or give an operation of its own another name"),
        );
    }
    if twice {
        context.report.push(
            Diagnostic::error(Code::NameCollision, format!("`{name}` is also written under another of its names"))
                .at(at)
                .help(format!("write all of it under `{}`", known.name)),
        );
    }
}

fn own_steps(name: &str, operation: &Operation, context: &mut Context<'_, '_>, at: &FieldPath) -> Flow {
    steps::flow(&operation.steps, &Owner::Operation(name.to_owned()), context, &at.key("steps"))
}

/// Reports an operation that has no `match` and is not in the document. One that cannot be read might have it.
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
            .help("say which requests it is for, as `match: {path: /orders, methods: [GET]}`"),
        Some(contract) => {
            let operations = &contract.document.operations;
            let ids = operations.iter().map(|known| known.operation_id.as_deref().unwrap_or(&known.name));
            let message = format!("the document has no operation `{name}`");
            let error = Diagnostic::error(Code::MissingField, message);
            match nearest(name, ids) {
                Some(meant) => error.propose(meant),
                None => {
                    error.help("for an operation of its own, say which requests it is for: `match: {path, methods}`")
                }
            }
        }
    };
    context.report.push(error.at(at));
}

fn resolve_one(
    name: &str,
    label: String,
    path: &str,
    methods: Vec<String>,
    flow: Flow,
    context: &mut Context<'_, '_>,
    (at, at_path): (&FieldPath, &FieldPath),
) -> Option<Resolved> {
    match Pattern::parse(path) {
        Ok(pattern) => {
            let condition = condition::of_operation(&pattern, &methods);
            context.add_condition(&condition, at.clone());
            let flow = ConditionalFlow { name: name.to_owned(), condition: Some(condition), flow };
            Some(Resolved { at: at.clone(), label, pattern, methods, flow })
        }
        Err((message, help)) => {
            // Elsewhere the place tells which operation it is.
            let message = if at == at_path { format!("the operation {label} has no flow: {message}") } else { message };
            context.report.push(Diagnostic::error(Code::InvalidValue, message).at(at_path).help(help));
            None
        }
    }
}

/// The order written, except that an operation waits for those that must precede it.
fn in_order(resolved: Vec<Resolved>, context: &mut Context<'_, '_>) -> Vec<ConditionalFlow> {
    let mut waits_for = vec![0_usize; resolved.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); resolved.len()];
    for (later, b) in resolved.iter().enumerate() {
        let mut told = false;
        for (earlier, a) in resolved.iter().enumerate().take(later) {
            let (first, second) = match a.order(b) {
                None => continue,
                Some(Ordering::Less) => (earlier, later),
                Some(Ordering::Greater) => (later, earlier),
                Some(Ordering::Equal) => {
                    if !told {
                        context.report.push(
                            Diagnostic::error(
                                Code::ConflictingFields,
                                format!("{} and {} match the same requests", b.label, a.label),
                            )
                            .at(&b.at)
                            .help("only the first flow that matches runs: give each its own path or methods"),
                        );
                    }
                    told = true;
                    continue;
                }
            };
            followers[first].push(second);
            waits_for[second] += 1;
        }
    }
    // `specificity` is a total preorder, so this never runs into a circle.
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

    use crate::diag::{Report, Subject};
    use crate::proxy::{Generated, generate};
    use crate::spec::ApigeeProxySpec;
    use crate::spec::openapi::OpenApi;
    use crate::xml::{Node, parse_bytes};

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

    /// A part of Apigee's conditions: as much as those of operations need.
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
        // A class may hold the slash between two segments.
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

    /// What is made of paths, and how long it takes.
    fn timed(paths: &[String]) -> (Generated, Duration) {
        let count = paths.len();
        let mut document = "{\"openapi\": \"3.0.3\", \"paths\": {".to_owned();
        for index in 0..count {
            // A step that shares no factor with the count visits each once: the order written is of no help.
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
        // Four times what a large API has. Of twice as many each is compared with each: four times the work, and eight would be cubic.
        // What else the machine did meanwhile only adds, to either: the least of several is what the work takes.
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
