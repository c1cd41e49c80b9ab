//! Conditions in the response flow that test for an error status. Apigee turns such a response of the target into a fault, so the response
//! flow does not run.

use super::journey::{JourneyStep, stops};
use super::node::{child, children, text};
use super::variables::is_opaque;
use super::{Finding, Findings, Verdict};
use apigee_flux_model::bundle::BundleKind;
use apigee_flux_model::condition::{Comparison, ConditionValue, Expr, Operator};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{Condition, ProxyEndpoint, RouteDestination, RuntimeBundle};

const STATUS: [&str; 2] = ["response.status.code", "message.status.code"];

/// The first error status: lower ones are successes, unless `success.codes` says otherwise.
const FIRST_ERROR: f64 = 400.0;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    if bundle.kind == BundleKind::SharedFlow {
        return;
    }
    let mut reported = std::collections::BTreeSet::new();
    for endpoint in &bundle.proxy_endpoints {
        let stops = stops(endpoint, bundle);
        if !only_targets_answer(endpoint, bundle, &stops) {
            continue;
        }
        for stop in stops.iter().filter(|stop| !stop.stage.is_request()) {
            let Some(condition) = stop.step.condition.as_ref() else { continue };
            if !reported.insert((condition.place.path, condition.place.offset())) {
                continue;
            }
            let dead = condition.parsed.iter().flat_map(Expr::comparisons).find(|comparison| needs_error(comparison));
            if let Some(comparison) = dead {
                findings.add(finding(condition, comparison));
            }
        }
    }
}

fn finding<'d>(condition: &Condition<'d>, comparison: &Comparison) -> Finding<'d> {
    let message = "the response flow does not run when the target returns an error, so this is never true".to_owned();
    Finding::on_condition(Code::ErrorInResponseFlow, Verdict::Doubtful, condition, comparison.left.span.start, message).help(
        "handle it in a fault rule with `message.status.code`, or list the status in the target's property `success.codes`",
    )
}

/// True if a comparison is true only for errors.
fn needs_error(comparison: &Comparison) -> bool {
    let ConditionValue::Variable(variable) = &comparison.left.value else { return false };
    let number = match &comparison.right.value {
        ConditionValue::Text(text) => text.trim().parse::<f64>().ok(),
        ConditionValue::Number(number) => number.parse::<f64>().ok(),
        _ => None,
    };
    let Some(number) = number.filter(|_| STATUS.contains(&variable.as_str())) else { return false };
    match comparison.operator {
        Operator::Equals | Operator::GreaterThanOrEquals => number >= FIRST_ERROR,
        Operator::GreaterThan => number >= FIRST_ERROR - 1.0,
        _ => false,
    }
}

/// True if only targets whose errors become faults can set the status of a response.
fn only_targets_answer(
    endpoint: &ProxyEndpoint<'_>,
    bundle: &RuntimeBundle<'_>,
    stops: &[JourneyStep<'_, '_>],
) -> bool {
    let destinations = endpoint.route_rules.iter().map(|rule| rule.destination);
    let mut targets = Vec::new();
    for destination in destinations {
        match destination {
            RouteDestination::Target(name) => {
                targets.extend(bundle.target_endpoints.iter().find(|target| target.name == name));
            }
            RouteDestination::Url(_) => {}
            RouteDestination::None | RouteDestination::Integration(_) => return false,
        }
    }
    let faults = targets.iter().all(|target| {
        let connection = child(target.node, "HTTPTargetConnection");
        let properties = connection.and_then(|connection| child(connection, "Properties"));
        let codes = properties.into_iter().flat_map(|properties| children(properties, "Property"));
        connection.is_some() && !codes.into_iter().any(|property| property.attribute("name") == Some("success.codes"))
    });
    let sets_status = |stop: &JourneyStep<'_, '_>| {
        let writes = |name: &str| children(stop.policy.node, name).any(|part| child(part, "StatusCode").is_some());
        let variable =
            stop.policy.node.descendants().any(|node| node.has_tag_name("Name") && text(node).contains("status"));
        is_opaque(stop.policy) || stop.policy.element == "ResponseCache" || writes("Set") || writes("Copy") || variable
    };
    faults && !endpoint.route_rules.is_empty() && !stops.iter().any(sets_status)
}
