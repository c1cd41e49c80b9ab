//! What a spec means: every default filled in, every policy named and attached at its place.
//!
//! To add a word of intent: a file here with a [`Feature`], and one line in [`FEATURES`]. To add a target's word: `targets`.
//! To add a short step: a file in `steps` and one line in its list.

mod api_key;
mod bundle_source;
mod context;
mod cors;
mod endpoint;
mod faults;
mod names;
mod openapi;
mod operations;
mod policies;
mod quota;
mod routes;
mod security_headers;
mod servers;
mod spike_arrest;
mod steps;
mod targets;
mod units;
mod user_steps;

pub(super) use bundle_source::check_bundle_source;
pub(super) use names::check_proxy;

use std::collections::BTreeMap;

use super::ReadFile;
use super::api_proxy::ApiProxy;
use crate::diag::{FieldPath, Report};
use crate::spec::ApigeeProxySpec;
use context::Context;
use endpoint::Draft;

/// What one word of intent adds to a proxy endpoint.
type Feature = fn(&mut Draft<'_>, &mut Context<'_, '_>);

/// All features in the order in which they run on a request. Those that act on the response or on faults run there in the
/// same order. The reasons:
///
/// 1. CORS answers preflights, which carry no credential, and marks errors of all that follows as readable.
/// 2. The spike arrest costs nothing, so it comes before whatever looks something up.
/// 3. The credential is checked, and removed so that the target does not see it.
/// 4. The quota needs the consumer that the credential is for.
/// 5. The check against the OpenAPI document reads the body, which costs more than all before it. It stands in the flows of
///    the operations.
/// 6. The user's own steps work on requests that are let through.
/// 7. The body of an error is written before the headers are set that every response has, errors included.
const FEATURES: &[Feature] = &[
    cors::add,
    spike_arrest::add,
    api_key::add,
    quota::add,
    openapi::add,
    user_steps::add,
    faults::add,
    security_headers::add,
];

/// Resolves a proxy. With errors in the report, what comes out is incomplete.
pub(super) fn resolve(
    name: &str,
    spec: &ApigeeProxySpec,
    read_file: ReadFile<'_>,
    report: &mut Report<'_>,
) -> ApiProxy {
    let at = FieldPath::of(&["spec"]);
    let mut context = Context::new(read_file, report);
    policies::add(spec, &mut context, &at);
    let target_endpoints = targets::resolve(spec, &mut context, &at);
    let contract = openapi::resolve(spec, &mut context, &at);
    let operations = operations::resolve(spec, contract.as_ref(), &mut context, &at);
    let steps = user_steps::resolve(spec, &mut context, &at);
    let base_path = openapi::base_path(spec, contract.as_ref(), context.report, &at);
    let endpoints = endpoint::intents(spec, base_path.as_deref(), context.report, &at);
    let mut drafts: Vec<Draft<'_>> =
        endpoints.into_iter().map(|intent| Draft::new(intent, &operations, contract.as_ref(), &steps)).collect();
    for draft in &mut drafts {
        for feature in FEATURES {
            feature(draft, &mut context);
        }
        draft.endpoint.route_rules = routes::resolve(&draft.intent, &target_endpoints, context.report);
    }
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
        context.check_unattached(&proxy);
        routes::check_unused_targets(&proxy, context.report, &at);
    }
    (proxy.policies, proxy.resources) = context.into_parts();
    proxy
}
