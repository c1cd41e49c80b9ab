//! `routes`.

use std::collections::BTreeMap;

use super::super::condition;
use super::context::Context;
use super::endpoint::{DEFAULT, Intent};
use crate::proxy::model::api_proxy::ApiProxy;
use crate::proxy::model::proxy_endpoint::RouteRule;
use crate::proxy::model::target_endpoint::TargetEndpoint;
use crate::spec::route::Route;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report, nearest};

/// The value of `target` for a route without a target.
const NO_TARGET: &str = "none";

/// The name of a route rule without a target.
const NO_ROUTE: &str = "noroute";

/// The route rules of an endpoint.
pub(super) fn resolve(intent: &Intent<'_>, targets: &[TargetEndpoint], report: &mut Report<'_>) -> Vec<RouteRule> {
    let Some(routes) = &intent.routes else {
        return vec![by_default(targets, report, intent)];
    };
    written(routes.value, &routes.at, targets, report)
}

fn written(routes: &[Route], at: &FieldPath, targets: &[TargetEndpoint], report: &mut Report<'_>) -> Vec<RouteRule> {
    let mut used: BTreeMap<String, usize> = BTreeMap::new();
    let mut rules = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        let at = at.index(index);
        if let Some(fault) = route.when.as_deref().and_then(condition::fault) {
            report.push(fault.at(at.key("when")));
        }
        let target = (route.target != NO_TARGET).then(|| route.target.clone());
        if let Some(name) = &target
            && !targets.iter().any(|target| target.name == *name)
        {
            let known = || targets.iter().map(|target| target.name.as_str());
            let error = Diagnostic::error(Code::MissingTarget, format!("the target `{name}` is not defined"))
                .at(at.key("target"));
            report.push(match nearest(name, known()) {
                Some(meant) => error.propose(meant),
                None => error.help("define it in `spec.targets`, or write `none` for a route without a target"),
            });
        }
        if route.when.is_none() && index + 1 < routes.len() {
            report.push(
                Diagnostic::error(Code::UnreachableRoute, "a route without a condition must be the last one")
                    .at(&at)
                    .help(
                        "routes are tried in order, so the routes after it are never reached: move it to the end, or \
                         add `when`",
                    ),
            );
        }
        let base = target.clone().unwrap_or_else(|| NO_ROUTE.to_owned());
        let count = used.entry(base.clone()).and_modify(|count| *count += 1).or_insert(1);
        let name = if *count == 1 { base } else { format!("{base}-{count}") };
        rules.push(RouteRule { name, condition: route.when.clone(), target, integration: false });
    }
    if routes.last().is_none_or(|route| route.when.is_some()) {
        report.push(Diagnostic::error(Code::MissingField, "there is no route without a condition").at(at).help(
            "a request that matches none fails with RouteFailed: add `{target: NAME}` or `{target: none}` at the end",
        ));
    }
    rules
}

/// Registers the fields of the conditions of an endpoint's routes.
pub(super) fn note_conditions(intent: &Intent<'_>, context: &mut Context<'_, '_>) {
    let Some(routes) = &intent.routes else { return };
    for (index, route) in routes.value.iter().enumerate() {
        if let Some(when) = &route.when {
            context.add_condition(when, routes.at.index(index).key("when"));
        }
    }
}

/// Without `routes`: the only target, or the one named `default`.
fn by_default(targets: &[TargetEndpoint], report: &mut Report<'_>, intent: &Intent<'_>) -> RouteRule {
    let target = match targets {
        [] => None,
        [only] => Some(only),
        several => several.iter().find(|target| target.name == DEFAULT),
    };
    if target.is_none() && targets.len() > 1 && intent.name == DEFAULT {
        let names = targets.iter().map(|target| format!("`{}`", target.name)).collect::<Vec<_>>();
        report.push(
            Diagnostic::error(
                Code::MissingField,
                format!("`routes` is missing, and none of the targets {} is named `default`", names.join(", ")),
            )
            .at(FieldPath::of(&["spec", "routes"]))
            .help("write which target is called, for example `[{target: NAME}]`"),
        );
    }
    RouteRule {
        name: target.map_or(NO_ROUTE, |target| &target.name).to_owned(),
        condition: None,
        target: target.map(|target| target.name.clone()),
        integration: false,
    }
}

/// Warns about targets that no route leads to.
pub(super) fn check_unused_targets(proxy: &ApiProxy, report: &mut Report<'_>, at: &FieldPath) {
    let rules = || proxy.proxy_endpoints.iter().flat_map(|endpoint| &endpoint.route_rules);
    for (index, target) in proxy.target_endpoints.iter().enumerate() {
        if !rules().any(|rule| rule.target.as_ref() == Some(&target.name)) {
            report.push(
                Diagnostic::warning(Code::MissingTarget, format!("no route leads to the target `{}`", target.name))
                    .at(at.key("targets").index(index))
                    .help("add a route, or remove the target"),
            );
        }
    }
}
