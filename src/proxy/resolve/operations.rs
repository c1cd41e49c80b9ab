//! `operations`: conditional flows.

use super::super::condition;
use super::super::flow::ConditionalFlow;
use super::super::path::{overlap, pattern, specificity};
use super::context::Context;
use super::cors::check_method;
use super::names;
use super::steps::{self, Owner};
use crate::diag::{Code, Diagnostic, FieldPath};
use crate::spec::ApigeeProxySpec;

/// An operation with its pattern.
struct Resolved {
    pattern: String,
    methods: Vec<String>,
    flow: ConditionalFlow,
}

impl Resolved {
    fn overlaps(&self, other: &Self) -> bool {
        let methods = self.methods.is_empty()
            || other.methods.is_empty()
            || self.methods.iter().any(|method| other.methods.contains(method));
        methods && overlap(&self.pattern, &other.pattern)
    }

    /// True if this one must stand before the other, or the other would take its requests.
    fn precedes(&self, other: &Self) -> bool {
        let order = specificity(&self.pattern, &other.pattern);
        // With equal paths, an operation of some methods is more specific than one of all.
        let methods = other.methods.is_empty() && !self.methods.is_empty();
        self.overlaps(other) && (order.is_lt() || (order.is_eq() && methods))
    }
}

/// The flows in the order in which Apigee is to try them.
pub(super) fn resolve(spec: &ApigeeProxySpec, context: &mut Context<'_, '_>, at: &FieldPath) -> Vec<ConditionalFlow> {
    let mut resolved: Vec<Resolved> = Vec::new();
    for (name, operation) in &spec.operations {
        let at = at.key("operations").key(name.as_str());
        let at_match = at.key("match");
        names::check_policy("operation", name, &at, context.report);
        for (index, method) in operation.matches.methods.iter().enumerate() {
            check_method(method, &at_match.key("methods").index(index), context.report);
        }
        let owner = Owner::Operation(name.clone());
        let flow = steps::flow(&operation.steps, &owner, context, &at.key("steps"));
        let pattern = match pattern(&operation.matches.path) {
            Ok(pattern) => pattern,
            Err((message, help)) => {
                context.report.push(Diagnostic::error(Code::InvalidValue, message).at(at_match.key("path")).help(help));
                continue;
            }
        };
        let methods = operation.matches.methods.clone();
        let condition = condition::of_operation(&pattern, &methods);
        context.add_condition(&condition, at_match.clone());
        let operation = Resolved {
            flow: ConditionalFlow { name: name.clone(), condition: Some(condition), flow },
            pattern,
            methods,
        };
        let hidden =
            |other: &&Resolved| operation.overlaps(other) && !operation.precedes(other) && !other.precedes(&operation);
        if let Some(other) = resolved.iter().find(hidden) {
            let message = format!("`{name}` and `{}` match the same requests", other.flow.name);
            context.report.push(
                Diagnostic::error(Code::ConflictingFields, message)
                    .at(&at_match)
                    .help("only the first flow that matches runs: give each its own path or methods"),
            );
        }
        resolved.push(operation);
    }
    in_order(resolved)
}

/// The order written, except that an operation waits for those that must precede it.
fn in_order(mut waiting: Vec<Resolved>) -> Vec<ConditionalFlow> {
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let free = |operation: &Resolved| !waiting.iter().any(|other| other.precedes(operation));
        // `specificity` is a total preorder, so one of them is always free.
        let next = waiting.iter().position(free).unwrap_or_default();
        ordered.push(waiting.remove(next).flow);
    }
    ordered
}
