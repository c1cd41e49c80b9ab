//! `faults`.

use std::collections::BTreeSet;

use super::context::Context;
use super::endpoint::Draft;
use super::names;
use super::steps::{self, Direction, StepOwner};
use crate::proxy::model::fault_handling::{FaultHandling, FaultRule};
use crate::proxy::model::flow::Step;
use crate::proxy::model::target_endpoint::{TargetDestination, TargetEndpoint};
use crate::spec::ApigeeProxySpec;
use crate::spec::faults::{FaultBody, FaultsWord};
use apigee_flux_analysis::policy::assign_message::{AssignAction, AssignMessage};
use apigee_flux_analysis::policy::raise_fault::MESSAGE_VARIABLE;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};
use apigee_flux_model::yaml::word_or::WordOr;

/// The body of all errors. Names and messages of faults may contain what the caller sent: `escapeJSON` keeps them
/// inside their strings.
const JSON: &str = r#"{"error":{"code":"{escapeJSON(flow.fault.code)}","message":"{escapeJSON(flow.fault.text)}","requestId":"{messageid}"}}"#;

/// Resolves the user's rules once for all endpoints, in the order in which they are evaluated.
pub(super) fn resolve(spec: &ApigeeProxySpec, context: &mut Context<'_, '_>, at: &FieldPath) -> Vec<FaultRule> {
    let Some(WordOr::Value(faults)) = &spec.faults else { return Vec::new() };
    let at = at.key("faults").key("rules");
    let mut taken = BTreeSet::new();
    let mut rules = Vec::new();
    for (index, rule) in faults.rules.iter().enumerate() {
        let at_rule = at.index(index);
        let name = rule.name.clone().unwrap_or_else(|| format!("fault-{}", index + 1));
        names::check_policy("fault rule", &name, &at_rule.key("name"), context.report);
        if !taken.insert(name.to_lowercase()) {
            context.report.push(
                Diagnostic::error(Code::NameCollision, format!("the fault rule `{name}` is defined more than once"))
                    .at(at_rule.key("name"))
                    .help("give each rule its own name"),
            );
        }
        steps::check_condition(rule.when.as_deref(), &at_rule.key("when"), context);
        if rule.when.is_none() && index + 1 < faults.rules.len() {
            context.report.push(
                Diagnostic::error(Code::MissingField, "a fault rule without `when` must be the last one")
                    .at(&at_rule)
                    .help(
                        "only the first rule that matches runs, so the rules after it never do: add `when`, or move it \
                         to the end",
                    ),
            );
        }
        if rule.steps.is_empty() {
            context.report.push(
                Diagnostic::error(Code::MissingField, "the fault rule has no steps")
                    .at(at_rule.key("steps"))
                    .help("add a step, for example `{set: {status: 503}}`"),
            );
        }
        let steps = steps::list(&rule.steps, &StepOwner::Bundle, Direction::Fault, context, &at_rule.key("steps"));
        rules.push(FaultRule { name, condition: rule.when.clone(), steps });
    }
    rules
}

/// Adds the rules and the error body. The policy is an `AssignMessage`: a `RaiseFault` would raise another fault inside
/// the rule, and the status code that the caller should see would be lost.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    draft.endpoint.faults.rules.append(&mut draft.fault_rules);
    let at = FieldPath::of(&["spec", "faults"]);
    let body = match draft.intent.faults {
        None => &WordOr::Word(FaultsWord::Json),
        Some(WordOr::Word(word)) => &WordOr::Word(*word),
        Some(WordOr::Value(faults)) => faults.body.as_ref().unwrap_or(&WordOr::Word(FaultsWord::Json)),
    };
    let (name, content_type, payload) = match body {
        WordOr::Word(FaultsWord::None) => return,
        WordOr::Word(FaultsWord::Json) => ("AM-FaultJson", "application/json", JSON),
        WordOr::Value(FaultBody { content_type, template }) => {
            ("AM-FaultBody", content_type.as_str(), template.as_str())
        }
    };
    let variable = |name: &str, template: String| AssignAction::AssignTemplate { name: name.to_owned(), template };
    let policy = AssignMessage {
        actions: vec![
            variable("flow.fault.code", "{firstnonnull(fault.name,'Unknown')}".to_owned()),
            variable("flow.fault.text", format!("{{firstnonnull({MESSAGE_VARIABLE},error.message,'Error')}}")),
            AssignAction::SetPayload { content_type: content_type.to_owned(), payload: payload.to_owned() },
        ],
    };
    draft.endpoint.faults.default.push(context.add(name, &policy, &at));
}

/// Gives each target endpoint the fault handling of the proxy endpoints that route to it. An integration endpoint has
/// no fault rules.
pub(super) fn add_to_targets(drafts: &[Draft<'_>], targets: &mut [TargetEndpoint]) {
    for target in
        targets.iter_mut().filter(|target| !matches!(target.destination, TargetDestination::Integration { .. }))
    {
        let leads = |draft: &&Draft<'_>| {
            draft.endpoint.route_rules.iter().any(|rule| rule.target.as_ref() == Some(&target.name))
        };
        let leading: Vec<&Draft<'_>> = drafts.iter().filter(leads).collect();
        let Some(first) = leading.first() else { continue };
        // The rules are those of the whole proxy.
        target.faults = FaultHandling { rules: first.endpoint.faults.rules.clone(), default: of_all(&leading) };
    }
}

/// Combines the default rules of several proxy endpoints: first the steps with which all of them start, then the
/// remaining steps of each for its own requests.
fn of_all(drafts: &[&Draft<'_>]) -> Vec<Step> {
    let Some((first, others)) = drafts.split_first() else { return Vec::new() };
    let steps = &first.endpoint.faults.default;
    let shared = others.iter().fold(steps.len(), |shared, other| {
        let equal = steps.iter().zip(&other.endpoint.faults.default).take_while(|(a, b)| a == b);
        equal.count().min(shared)
    });
    // Endpoints with the same remaining steps share them. Apigee's pages do not agree on a variable for the name of a
    // proxy endpoint; the base path is certain.
    let mut rests: Vec<(&[Step], Vec<String>)> = Vec::new();
    for draft in drafts {
        let rest = draft.endpoint.faults.default.get(shared..).unwrap_or_default();
        let condition = format!("proxy.basepath = \"{}\"", draft.endpoint.base_path);
        match rests.iter_mut().find(|(known, _)| *known == rest) {
            Some((_, conditions)) => conditions.push(condition),
            None => rests.push((rest, vec![condition])),
        }
    }
    let own = rests.into_iter().flat_map(|(rest, conditions)| {
        let condition = conditions.join(" or ");
        rest.iter().map(move |step| step.clone().and(Some(&condition)))
    });
    steps.iter().take(shared).cloned().chain(own).collect()
}
