//! What a spec means: every default filled in, every policy named and attached at its place.
//!
//! To add a word of intent: a file here with a [`Feature`], and one line in [`FEATURES`]. To add a target's word: `targets`.
//! To add a short step: a file in `steps` and one line in its list.

mod ai;
mod bundle_source;
mod cache;
mod context;
mod cors;
mod credentials;
mod endpoint;
mod faults;
mod graphql;
mod integrations;
mod logging;
mod names;
mod openapi;
mod operations;
mod policies;
mod properties;
mod public_operations;
mod quota;
mod routes;
mod secrets;
mod security_headers;
mod servers;
mod shared_flow;
mod spike_arrest;
mod steps;
mod target_auth;
mod target_properties;
mod targets;
mod threats;
mod units;
mod user_steps;

pub(super) use bundle_source::check_bundle_source;
pub(super) use names::check_resource;
pub(super) use shared_flow::resolve_shared_flow;

use std::collections::BTreeMap;

use super::ReadFile;
use super::api_proxy::ApiProxy;
use super::origins::Origins;
use crate::diag::{FieldPath, Report};
use crate::spec::ApigeeProxySpec;
use context::Context;
use endpoint::{Draft, Shared};

/// What one word of intent adds to a proxy endpoint.
type Feature = fn(&mut Draft<'_>, &mut Context<'_, '_>);

/// All features in the order in which they run on a request. Those that act on the response or on faults run there in the
/// same order. The reasons:
///
/// 1. CORS answers preflights, which carry no credential, and marks errors of all that follows as readable.
/// 2. The spike arrest costs nothing, so it comes before whatever looks something up.
/// 3. Credentials are checked before anything works for the caller, and then removed so that the target does not see them.
/// 4. The quota needs the consumer that the credential is for; who only guesses keys uses up nobody's.
/// 5. Threats cost the most: expressions are searched, bodies are parsed. Strangers and those beyond their quota cannot cause
///    that. Inside, what looks at the path comes before what parses a body.
/// 6. A schema is compared with what is known to be harmless: GraphQL here, an OpenAPI document in the flows of its operations.
/// 7. A language model's answers are counted, judged and kept as the model gave them; what users change comes after.
/// 8. The user's own steps work on requests that are let through.
/// 9. The body of an error is written before the headers are set that every response has, errors included.
/// 10. Logs are written when all is said.
const FEATURES: &[Feature] = &[
    cors::add,
    spike_arrest::add,
    credentials::add,
    quota::add,
    threats::add,
    openapi::add,
    graphql::add,
    ai::add,
    user_steps::add,
    faults::add,
    security_headers::add,
    logging::add,
];

/// What needs to know all endpoints, because they share it.
type Finish = fn(&ApigeeProxySpec, &mut [Draft<'_>], &mut Context<'_, '_>);

/// What is added when all endpoints are drafted, routes included:
///
/// 1. A cache is one for all endpoints, and must keep the callers of each apart.
const FINISHING: &[Finish] = &[cache::add];

/// Resolves a proxy. With errors in the report, what comes out is incomplete.
pub(super) fn resolve(
    name: &str,
    spec: &ApigeeProxySpec,
    read_file: ReadFile<'_>,
    report: &mut Report<'_>,
) -> (ApiProxy, Origins) {
    let at = FieldPath::of(&["spec"]);
    let mut context = Context::new(read_file, report);
    policies::add(&spec.policies, &mut context, &at);
    policies::add_resources(&spec.resources, &mut context, &at);
    properties::add(&spec.properties, &mut context, &at);
    let mut target_endpoints = targets::resolve(spec, &mut context, &at);
    let contract = openapi::resolve(spec, &mut context, &at);
    let operations = operations::resolve(spec, contract.as_ref(), &mut context, &at);
    let public = public_operations::conditions(spec, &operations, context.report, &at);
    let steps = user_steps::resolve(spec, &mut context, &at);
    let fault_rules = faults::resolve(spec, &mut context, &at);
    let base_path = openapi::base_path(spec, contract.as_ref(), context.report, &at);
    let shared = Shared { contract, operations, public, steps, fault_rules };
    let endpoints = endpoint::intents(spec, base_path.as_deref(), context.report, &at);
    let mut drafts: Vec<Draft<'_>> = endpoints.into_iter().map(|intent| Draft::new(intent, &shared)).collect();
    for draft in &mut drafts {
        for feature in FEATURES {
            feature(draft, &mut context);
        }
        draft.endpoint.route_rules = routes::resolve(&draft.intent, &target_endpoints, context.report);
        integrations::add(draft, &target_endpoints, &mut context);
        routes::note_conditions(&draft.intent, &mut context);
        context.add_endpoint(format!("proxies/{}.xml", draft.intent.name), &draft.intent.at);
    }
    for finish in FINISHING {
        finish(spec, &mut drafts, &mut context);
    }
    faults::add_to_targets(&drafts, &mut target_endpoints);
    let proxy_endpoints = drafts.into_iter().map(|draft| draft.endpoint).collect();
    let mut proxy = ApiProxy {
        name: name.to_owned(),
        display_name: spec.display_name.clone().unwrap_or_else(|| name.to_owned()),
        description: spec.description.clone(),
        policies: BTreeMap::new(),
        resources: BTreeMap::new(),
        proxy_endpoints,
        target_endpoints,
    };
    context.check_references();
    // Behind an error much looks unused that is only misspelt.
    if !context.report.has_errors() {
        let attached: Vec<&str> = proxy.steps().map(|step| step.policy.as_str()).collect();
        context.check_unattached(&attached, "`spec.flow` or to an operation");
        routes::check_unused_targets(&proxy, context.report, &at);
    }
    let origins;
    (proxy.policies, proxy.resources, origins) = context.into_parts();
    (proxy, origins)
}
