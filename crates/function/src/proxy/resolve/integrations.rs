//! `targets[].integration`.

use super::context::Context;
use super::endpoint::Draft;
use super::names;
use super::target_fields::TargetFields;
use crate::proxy::model::flow::Step;
use crate::proxy::model::target_endpoint::{TargetDestination, TargetEndpoint};
use crate::spec::integration::{Integration, IntegrationParameter, ParameterType};
use crate::spec::target::Target;
use apigee_flux_analysis::policy::PolicyValue;
use apigee_flux_analysis::policy::set_integration_request::{self as policy, Parameter, SetIntegrationRequest};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::yaml::word_or::WordOr;

/// The prefix of the full name of every trigger.
const TRIGGER: &str = "api_trigger/";

/// An integration as a destination.
pub(super) fn by_integration(
    target: &Target,
    integration: &Integration,
    place: &TargetFields,
    report: &mut Report<'_>,
) -> TargetDestination {
    for (field, given) in [
        ("path", target.path.is_some()),
        ("maxFailures", target.max_failures.is_some()),
        ("healthCheck", target.health_check.is_some()),
        ("timeouts", target.timeouts.is_some()),
        ("tls", target.tls.is_some()),
        ("auth", target.auth.is_some()),
        ("rewrite", target.rewrite.is_some()),
        ("properties", !target.properties.is_empty()),
    ] {
        if given {
            report.push(
                Diagnostic::error(Code::ConflictingFields, format!("`{field}` cannot be combined with `integration`"))
                    .at(place.key(field))
                    .help(
                        "Apigee runs the integration itself, so there is no connection to configure: remove the field",
                    ),
            );
        }
    }
    let at = place.key("integration");
    let trigger = integration.trigger.strip_prefix(TRIGGER).unwrap_or(&integration.trigger);
    for (what, key, name) in [("integration", "name", integration.name.as_str()), ("trigger", "trigger", trigger)] {
        names::check_file_name(what, name, &at.key(key), report);
    }
    let parameters = integration.parameters.iter().map(|(name, given)| {
        names::check_variable("parameter", name, &at.key("parameters").key(name.as_str()), report);
        parameter(name, given)
    });
    TargetDestination::Integration {
        request: SetIntegrationRequest {
            parameters: parameters.collect(),
            project: integration.project.clone(),
            name: integration.name.clone(),
            region: integration.region.clone(),
            trigger: format!("{TRIGGER}{trigger}"),
        },
        asynchronous: integration.asynchronous,
    }
}

fn parameter(name: &str, given: &WordOr<String, IntegrationParameter>) -> Parameter {
    let (value, kind) = match given {
        WordOr::Word(value) => (value, ParameterType::String),
        WordOr::Value(long) => (&long.value, long.kind),
    };
    let variable = value.strip_prefix('{').and_then(|value| value.strip_suffix('}'));
    let variable = variable.filter(|name| !name.contains(|c: char| c.is_whitespace() || "{}\"':,".contains(c)));
    Parameter {
        name: name.to_owned(),
        kind: kind.as_str(),
        value: variable
            .map_or_else(|| PolicyValue::Text(value.clone()), |variable| PolicyValue::Variable(variable.to_owned())),
    }
}

/// Marks the routes that lead to integrations, and prepares their requests in the last steps, because user steps may
/// set their values. All requests use the same variables, so the step of the first route that matches must run last.
pub(super) fn add(draft: &mut Draft<'_>, targets: &[TargetEndpoint], context: &mut Context<'_, '_>) {
    let at = FieldPath::of(&["spec", "targets"]);
    let mut steps = Vec::new();
    for rule in &mut draft.endpoint.route_rules {
        let target = targets.iter().find(|target| rule.target.as_ref() == Some(&target.name));
        let Some((target, TargetDestination::Integration { request, .. })) =
            target.map(|target| (target, &target.destination))
        else {
            continue;
        };
        rule.integration = true;
        let name = format!("{}-{}", policy::TYPE.prefix, target.name);
        let step = context.add(&name, request, &at);
        steps.push(Step { condition: rule.condition.clone(), ..step });
    }
    draft.endpoint.post_flow.request.extend(steps.into_iter().rev());
}
