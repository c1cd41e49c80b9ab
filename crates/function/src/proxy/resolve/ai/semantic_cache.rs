//! `ai.semanticCache`.

use super::super::context::Context;
use super::super::endpoint::{Draft, Intent};
use super::super::units;
use super::{Gateway, PROMPT_TEMPLATE};
use crate::proxy::model::flow::Step;
use crate::spec::ai::Ai;
use apigee_flux_analysis::policy::semantic_cache_lookup::{self as policy, SemanticCacheLookup};
use apigee_flux_analysis::policy::semantic_cache_populate::{self, SemanticCachePopulate};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

fn lookup_name(intent: &Intent<'_>, own: bool) -> String {
    intent.policy_name(policy::TYPE.prefix, "Default", own)
}

/// The condition that an answer does not come from the cache: the response flow also runs for answers from the cache.
pub(super) fn when_new(ai: &Ai, intent: &Intent<'_>, own: bool) -> Option<String> {
    let hit = policy::hit_variable(&lookup_name(intent, own));
    ai.semantic_cache.as_ref().map(|_| format!("not ({hit} = true)"))
}

/// Adds the lookup after all checks, because a hit skips the steps that follow, and the new entry after the check of
/// the answer, so that a refused answer is not cached.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>, gateway: &Gateway<'_>) {
    let Some(cache) = &gateway.ai.semantic_cache else {
        return;
    };
    let at = gateway.at.key("semanticCache");
    let index = resource(&cache.index, "indexes", &at.key("index"), context.report);
    let endpoint = resource(&cache.index_endpoint, "indexEndpoints", &at.key("indexEndpoint"), context.report);
    let id = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    for (key, value, example) in [
        ("host", &cache.host, "1.europe-west1-123.vdb.vertexai.goog"),
        ("deployedIndex", &cache.deployed_index, "answers_1"),
        ("embeddingModel", &cache.embedding_model, "text-embedding-005"),
    ] {
        if value.is_empty() || !value.chars().all(id) {
            context.report.push(
                Diagnostic::error(Code::InvalidValue, format!("`{value}` is not a valid name for `{key}`"))
                    .at(at.key(key))
                    .help(format!("write only the name, for example `{example}`")),
            );
        }
    }
    if !cache.threshold.parse().is_ok_and(|near: f64| (0.0..=1.0).contains(&near)) {
        context.report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{}` is not a number from 0 to 1", cache.threshold))
                .at(at.key("threshold"))
                .help("the closer to 1, the more similar two prompts must be: start with 0.95"),
        );
    }
    let ttl = units::duration(&cache.ttl, units::seconds, &at.key("ttl"), context.report);
    let (Some((project, location)), Some((_, _)), Some(ttl)) = (index, endpoint, ttl) else {
        return;
    };
    let api = format!("https://{location}-aiplatform.googleapis.com/v1");
    let lookup = SemanticCacheLookup {
        prompt: PROMPT_TEMPLATE.to_owned(),
        embeddings: format!(
            "{api}/projects/{project}/locations/{location}/publishers/google/models/{}:predict",
            cache.embedding_model
        ),
        neighbors: format!("https://{}/v1/{}:findNeighbors", cache.host, cache.index_endpoint),
        deployed_index: cache.deployed_index.clone(),
        threshold: cache.threshold.clone(),
    };
    let name = lookup_name(&draft.intent, gateway.own);
    draft.endpoint.pre_flow.request.push(context.add(&name, &lookup, &at));
    let populate = SemanticCachePopulate { upsert: format!("{api}/{}:upsertDatapoints", cache.index), ttl };
    let name = draft.intent.policy_name(semantic_cache_populate::TYPE.prefix, "Default", gateway.own);
    let step = context.add(&name, &populate, &at);
    draft.endpoint.post_flow.response.push(Step { condition: gateway.when_new.clone(), ..step });
}

/// Project and location of a resource of Vertex AI.
fn resource<'t>(
    text: &'t str,
    collection: &str,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Option<(&'t str, &'t str)> {
    let parts: Vec<&str> = text.split('/').collect();
    let plain = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
    if let ["projects", project, "locations", location, found, _] = parts.as_slice()
        && *found == collection
        && parts.iter().all(plain)
    {
        return Some((project, location));
    }
    report.push(
        Diagnostic::error(
            Code::InvalidValue,
            format!("`{text}` is not the full name of a Vertex AI resource in `{collection}`"),
        )
        .at(at)
        .help(format!("write for example `projects/123/locations/europe-west1/{collection}/456`")),
    );
    None
}
