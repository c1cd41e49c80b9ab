//! The steps of a shared flow.

use std::collections::BTreeMap;

use super::super::ReadFile;
use super::super::origins::Origins;
use super::context::Context;
use super::steps::{self, Direction, StepOwner};
use super::{policies, properties};
use crate::proxy::model::shared_flow::SharedFlow;
use crate::spec::ApigeeSharedFlowSpec;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// Resolves a shared flow. If an error was reported, the result is incomplete.
pub(in crate::proxy) fn resolve_shared_flow(
    name: &str,
    spec: &ApigeeSharedFlowSpec,
    read_file: ReadFile<'_>,
    report: &mut Report<'_>,
) -> (SharedFlow, Origins) {
    let at = FieldPath::of(&["spec"]);
    let mut context = Context::new(read_file, report);
    if spec.steps.is_empty() {
        context.report.push(
            Diagnostic::error(Code::MissingField, "the shared flow has no steps")
                .at(at.key("steps"))
                .help("add a step, for example `[{set: {headers: {x-a: b}}}]`, or use `bundle`"),
        );
    }
    policies::add(&spec.policies, &mut context, &at);
    policies::add_resources(&spec.resources, &mut context, &at);
    properties::add(&spec.properties, &mut context, &at);
    let steps = steps::list(&spec.steps, &StepOwner::Bundle, Direction::Either, &mut context, &at.key("steps"));
    context.check_references();
    // After an error, names that are only misspelled look unused.
    if !context.report.has_errors() {
        let attached: Vec<&str> = steps.iter().map(|step| step.policy.as_str()).collect();
        context.check_unattached(&attached, "`spec.steps`");
    }
    let mut flow = SharedFlow {
        name: name.to_owned(),
        display_name: spec.display_name.clone().unwrap_or_else(|| name.to_owned()),
        description: spec.description.clone(),
        policies: BTreeMap::new(),
        resources: BTreeMap::new(),
        steps,
    };
    context.add_endpoint("sharedflows/default.xml".to_owned(), &at.key("steps"));
    let origins;
    (flow.policies, flow.resources, origins) = context.into_parts();
    (flow, origins)
}
