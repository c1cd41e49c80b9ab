//! Resolves a spec: fills in all defaults, and names and attaches all policies.
//!
//! To add a feature: add a file with a [`Feature`] here, and one line in [`FEATURES`]. To add a field of a target: see
//! `targets`. To add a short step: add a file in `steps`, and one line in its list.

mod ai;
mod bundle_source;
mod cache;
mod context;
mod contract;
mod cors;
mod credentials;
mod endpoint;
mod faults;
mod feature;
mod graphql;
mod integrations;
mod logging;
mod names;
mod open_operations;
mod openapi;
mod operation_paths;
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
mod target_fields;
mod target_properties;
mod targets;
mod threats;
mod units;
mod user_steps;

pub(super) use bundle_source::check_bundle_source;
pub use feature::{Ordered, StepPlace};
pub(super) use names::check_resource;
pub(super) use shared_flow::resolve_shared_flow;

use std::collections::BTreeMap;

use super::ReadFile;
use super::origins::Origins;
use crate::proxy::model::api_proxy::ApiProxy;
use crate::proxy::model::target_endpoint::TargetEndpoint;
use crate::spec::ApigeeProxySpec;
use apigee_flux_model::diag::{FieldPath, Report};
use context::Context;
use endpoint::{Draft, Shared};
use feature::Feature;

/// All features in the order in which they run on a request. Those that act on the response or on faults run there in the
/// same order.
const FEATURES: &[Feature] = &[
    Feature {
        add: cors::add,
        adds: Ordered {
            what: "CORS (`cors`)",
            places: &[StepPlace::Request],
            why: "A preflight request carries no credential, so any check before this step would refuse it. The policy \
                  also adds its headers to the errors of all later steps: without them a web page could not read these \
                  errors.",
        },
    },
    Feature {
        add: spike_arrest::add,
        adds: Ordered {
            what: "spike arrest (`traffic.spikeArrest`)",
            places: &[StepPlace::Request],
            why: "It is cheap, so it comes before any step that looks something up.",
        },
    },
    Feature {
        add: credentials::add,
        adds: Ordered {
            what: "check and removal of the credential (`security`)",
            places: &[StepPlace::Request],
            why: "Quotas, caches and logs depend on the consumer, and no other work is done for an unauthenticated \
                  caller. The credential is removed because a backend that logs its requests must not collect keys.",
        },
    },
    Feature {
        add: quota::add,
        adds: Ordered {
            what: "quota (`traffic.quota`)",
            places: &[StepPlace::Request],
            why: "It counts per consumer, so it needs the credential and refers to the step that verified it. A caller \
                  that guesses keys does not use up a quota.",
        },
    },
    Feature {
        add: threats::add,
        adds: Ordered {
            what: "threat protection (`security.threats`)",
            places: &[StepPlace::Request],
            why: "It is the most expensive check, so it parses only requests that passed the checks before it. The \
                  regular expressions on path and query come first, then the checks of the body, which run only if \
                  there is a body.",
        },
    },
    Feature {
        add: graphql::add,
        adds: Ordered {
            what: "GraphQL (`graphql`)",
            places: &[StepPlace::Request],
            why: "It parses the query, so it comes after the limits on size and depth.",
        },
    },
    Feature {
        add: ai::add,
        adds: Ordered {
            what: "policies for a language model (`ai`)",
            places: &[StepPlace::Request, StepPlace::Response],
            why: "Prompts are counted before Model Armor checks them, and checked before an answer is looked up in the \
                  cache. Answers are counted, checked and cached as the model returned them: your own changes come \
                  after.",
        },
    },
    Feature {
        add: user_steps::add,
        adds: Ordered {
            what: "your own steps (`flow`)",
            places: &[StepPlace::Request, StepPlace::Response],
            why: "They run on requests that passed all checks, and on responses before the security headers are set.",
        },
    },
    Feature {
        add: openapi::add,
        adds: Ordered {
            what: "validation against the OpenAPI document (`openapi`)",
            places: &[StepPlace::Operation],
            why: "Only operations of the document can be validated, so it is the first step of each of their flows. \
                  These run after the PreFlow, which limits the size and depth of a body.",
        },
    },
    Feature {
        add: faults::add,
        adds: Ordered {
            what: "fault rules and the error body (`faults`)",
            places: &[StepPlace::Fault],
            why: "Your rules decide what an error is, then the error body is set from it; the security headers come \
                  last.",
        },
    },
    Feature {
        add: security_headers::add,
        adds: Ordered {
            what: "security headers (`security.headers`)",
            places: &[StepPlace::Response, StepPlace::Fault],
            why: "They come last, so no step can overwrite them, on errors too.",
        },
    },
    Feature {
        add: logging::add,
        adds: Ordered {
            what: "logs (`logging`)",
            places: &[StepPlace::PostClient],
            why: "They are written after the response was sent. The caller does not wait for them, and a log that \
                  cannot be written does not fail the request.",
        },
    },
];

/// The order of the steps, and the reasons for it.
pub(super) fn order() -> impl Iterator<Item = Ordered> {
    FEATURES.iter().map(|feature| feature.adds).chain(FINISHING.iter().map(|(adds, _)| *adds))
}

/// Adds a feature that all endpoints share, so it needs all of them.
type Finish = fn(&ApigeeProxySpec, &mut [Draft<'_>], &mut Context<'_, '_>);

/// The features that are added after all endpoints are built, including their routes.
const FINISHING: &[(Ordered, Finish)] = &[(
    Ordered {
        what: "response cache (`cache`)",
        places: &[StepPlace::Operation],
        why: "It answers authenticated callers, with the consumer in its key, and is attached in both directions: the \
              request looks up a response, the response stores it. All endpoints share it, and its key separates their \
              callers.",
    },
    cache::add,
)];

/// What all endpoints share, the targets, and the base path if there is one.
fn shared(
    spec: &ApigeeProxySpec,
    context: &mut Context<'_, '_>,
    at: &FieldPath,
) -> (Shared, Vec<TargetEndpoint>, Option<String>) {
    policies::add(&spec.policies, context, at);
    policies::add_resources(&spec.resources, context, at);
    properties::add(&spec.properties, context, at);
    let target_endpoints = targets::resolve(spec, context, at);
    let contract = openapi::resolve(spec, context, at);
    let operations = operations::resolve(spec, contract.as_ref(), context, at);
    let public = public_operations::conditions(spec, &operations, context.report, at);
    let steps = user_steps::resolve(spec, context, at);
    let fault_rules = faults::resolve(spec, context, at);
    let base_path = openapi::base_path(spec, contract.as_ref(), context.report, at);
    operation_paths::check(spec, contract.as_ref(), base_path.as_deref(), context.report, at);
    let shared = Shared { contract, operations, public, steps, fault_rules };
    (shared, target_endpoints, base_path)
}

/// Resolves a proxy. If an error was reported, the result is incomplete.
pub(super) fn resolve(
    name: &str,
    spec: &ApigeeProxySpec,
    read_file: ReadFile<'_>,
    report: &mut Report<'_>,
) -> (ApiProxy, Origins) {
    let at = FieldPath::of(&["spec"]);
    let mut context = Context::new(read_file, report);
    let (shared, mut target_endpoints, base_path) = shared(spec, &mut context, &at);
    let endpoints = endpoint::intents(spec, base_path.as_deref(), context.report, &at);
    open_operations::check(spec, shared.contract.as_ref(), &endpoints, context.report, &at);
    let mut drafts: Vec<Draft<'_>> = endpoints.into_iter().map(|intent| Draft::new(intent, &shared)).collect();
    for draft in &mut drafts {
        for feature in FEATURES {
            (feature.add)(draft, &mut context);
        }
        draft.endpoint.route_rules = routes::resolve(&draft.intent, &target_endpoints, context.report);
        integrations::add(draft, &target_endpoints, &mut context);
        routes::note_conditions(&draft.intent, &mut context);
        context.add_endpoint(format!("proxies/{}.xml", draft.intent.name), &draft.intent.at);
    }
    for (_, finish) in FINISHING {
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
    // After an error, names that are only misspelled look unused.
    if !context.report.has_errors() {
        let attached: Vec<&str> = proxy.steps().map(|step| step.policy.as_str()).collect();
        context.check_unattached(&attached, "`spec.flow` or to an operation");
        routes::check_unused_targets(&proxy, context.report, &at);
    }
    let origins;
    (proxy.policies, proxy.resources, origins) = context.into_parts();
    (proxy, origins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::model::flow::{ConditionalFlow, Step};
    use apigee_flux_model::diag::Subject;
    use apigee_flux_model::yaml::{YamlNode, decode};

    /// Every step of a draft by its place; those of operations in both directions.
    fn places(draft: &Draft<'_>) -> BTreeMap<StepPlace, Vec<Step>> {
        let endpoint = &draft.endpoint;
        let operations = endpoint.flows.iter().flat_map(|flow: &ConditionalFlow| flow.flow.steps());
        BTreeMap::from([
            (StepPlace::Request, endpoint.pre_flow.request.clone()),
            (StepPlace::Operation, operations.cloned().collect()),
            (StepPlace::Response, endpoint.post_flow.response.clone()),
            (StepPlace::Fault, endpoint.faults.steps().cloned().collect()),
            (StepPlace::PostClient, endpoint.post_client_flow.clone()),
        ])
    }

    /// Each feature adds steps only to the places that its line names, and after the steps that are there: so the order
    /// of the list is the order in an endpoint, and on the page of the documentation.
    #[test]
    fn every_feature_adds_where_its_line_says_and_behind_the_others() {
        let yaml = include_str!("../../../../../testdata/bundles/every-feature/proxy.yaml");
        let node = YamlNode::parse(yaml, 0..yaml.len()).unwrap();
        let spec: ApigeeProxySpec = decode::decode(node.get("spec").unwrap()).unwrap();
        let subject = Subject::default();
        let mut report = Report::new(&subject);
        let at = FieldPath::of(&["spec"]);
        let read_file = |_: &str| Err("no files".to_owned());
        let mut context = Context::new(&read_file, &mut report);
        let (shared, _, base_path) = shared(&spec, &mut context, &at);
        let intent = endpoint::intents(&spec, base_path.as_deref(), context.report, &at).remove(0);
        let mut draft = Draft::new(intent, &shared);
        let mut drafts = Vec::new();
        for feature in FEATURES {
            let before = places(&draft);
            (feature.add)(&mut draft, &mut context);
            compare(&before, &places(&draft), feature.adds);
        }
        drafts.push(draft);
        for (adds, finish) in FINISHING {
            let before = places(&drafts[0]);
            finish(&spec, &mut drafts, &mut context);
            compare(&before, &places(&drafts[0]), *adds);
        }
        assert!(!report.has_errors(), "{:?}", report.into_diagnostics());
    }

    fn compare(before: &BTreeMap<StepPlace, Vec<Step>>, after: &BTreeMap<StepPlace, Vec<Step>>, adds: Ordered) {
        let grown: Vec<StepPlace> =
            after.iter().filter(|(place, steps)| before[*place].len() < steps.len()).map(|(place, _)| *place).collect();
        assert_eq!(grown, adds.places, "{}", adds.what);
        for (place, steps) in after {
            // In operations a step may come before the user's steps.
            if *place != StepPlace::Operation {
                assert!(steps.starts_with(&before[place]), "{} moves what was there in {place:?}", adds.what);
            }
        }
    }
}
