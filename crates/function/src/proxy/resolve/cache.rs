//! `operations.X.cache`.

use super::context::Context;
use super::endpoint::Draft;
use super::{names, units};
use crate::proxy::condition;
use crate::spec::ApigeeProxySpec;
use crate::spec::cache::Cache;
use apigee_flux_analysis::policy::response_cache::{self as policy, ResponseCache};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// The value of `vary` for the headers of content negotiation.
const ACCEPT: &str = "accept";

/// Adds the caches to the flows of the operations. There they run after the check of the credential, and last in both
/// directions: on the request after the operation's own steps, which may refuse a caller; on the response after the
/// steps that change it, so that a response is cached as it is sent.
pub(super) fn add(spec: &ApigeeProxySpec, drafts: &mut [Draft<'_>], context: &mut Context<'_, '_>) {
    let caches = spec.operations.iter().filter_map(|(name, operation)| Some((name, operation.cache.as_ref()?)));
    for (operation, cache) in caches {
        let at = FieldPath::of(&["spec", "operations"]).key(operation.as_str()).key("cache");
        let mut flows = drafts.iter().flat_map(|draft| &draft.endpoint.flows).filter(|flow| flow.name == *operation);
        let Some(condition) = flows.find_map(|flow| flow.condition.as_deref()) else {
            // The error in the operation was already reported.
            continue;
        };
        let methods = condition::verbs(condition);
        check_methods(&methods, operation, &at, context.report);
        let policy = ResponseCache {
            key: key(cache, &methods, drafts, &at, context.report),
            ttl: units::duration(&cache.ttl, units::seconds, &at.key("ttl"), context.report).unwrap_or(1),
            by_accept: cache.vary.iter().flatten().any(|word| word == ACCEPT),
        };
        let step = context.add(&format!("{}-{operation}", policy::TYPE.prefix), &policy, &at);
        for draft in &mut *drafts {
            let Some(flow) = draft.endpoint.flows.iter_mut().find(|flow| flow.name == *operation) else { continue };
            // Callers that cannot be distinguished do not use the cache.
            let uncertain = draft.identities.iter().filter(|identity| !identity.certain);
            let step = uncertain.fold(step.clone(), |step, identity| {
                step.and(Some(&format!("({0} != null) and ({0} != \"\")", identity.variable)))
            });
            flow.flow.request.push(step.clone());
            flow.flow.response.push(step);
        }
    }
}

fn check_methods(methods: &[&str], operation: &str, at: &FieldPath, report: &mut Report<'_>) {
    if methods.is_empty() || methods.iter().any(|method| !matches!(*method, "GET" | "HEAD")) {
        report.push(
            Diagnostic::error(
                Code::ConflictingFields,
                format!("`{operation}` has a cache but matches methods other than GET and HEAD"),
            )
            .at(at)
            .help(
                "other methods change data, and a cached response would hide the change: write `methods: [GET]` or \
                 remove `cache`",
            ),
        );
    }
}

/// The variables on whose values a response depends.
fn key(cache: &Cache, methods: &[&str], drafts: &[Draft<'_>], at: &FieldPath, report: &mut Report<'_>) -> Vec<String> {
    // Endpoints may lead to different targets.
    let mut key = vec!["proxy.basepath".to_owned(), "proxy.pathsuffix".to_owned()];
    if drafts.iter().any(|draft| draft.intent.base_path.contains('*')) {
        key.push("request.uri".to_owned());
    }
    if methods.len() > 1 {
        key.push("request.verb".to_owned());
    }
    match &cache.vary {
        None => key.push("request.querystring".to_owned()),
        Some(variables) => {
            for (index, variable) in variables.iter().enumerate().filter(|(_, variable)| *variable != ACCEPT) {
                names::check_variable("variable", variable, &at.key("vary").index(index), report);
                key.push(variable.clone());
            }
        }
    }
    let routes = drafts.iter().flat_map(|draft| &draft.endpoint.route_rules);
    key.extend(routes.filter_map(|rule| rule.condition.as_deref()).flat_map(condition::variables));
    key.extend(drafts.iter().flat_map(|draft| &draft.identities).map(|identity| identity.variable.clone()));
    let mut unique: Vec<String> = Vec::new();
    for variable in key {
        if !unique.contains(&variable) {
            unique.push(variable);
        }
    }
    unique
}
