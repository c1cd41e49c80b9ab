//! `ai.tokenQuota`.

use super::super::context::Context;
use super::super::endpoint::{DEFAULT, Draft};
use super::super::quota;
use super::{Gateway, MODEL_TEMPLATE, sources};
use crate::proxy::model::flow::Step;
use crate::spec::ai::TokenQuotaWord;
use apigee_flux_analysis::policy::llm_token_quota::{self as policy, Half, LlmTokenQuota};
use apigee_flux_analysis::policy::quota::QuotaLimit;
use apigee_flux_model::diag::{Code, Diagnostic};
use apigee_flux_model::yaml::word_or::WordOr;

/// The quota of a product that has no LLM operation with a quota; documented in `spec::ai`.
const FALLBACK: QuotaLimit = QuotaLimit { allow: 1000, interval: 1, unit: "minute" };

/// The counter's name.
const COUNTER: &str = "llm-tokens";

/// Adds both policies: one refuses requests, the other counts the tokens that their answers used.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>, gateway: &Gateway<'_>) {
    let Some(written) = &gateway.ai.token_quota else {
        return;
    };
    let at = gateway.at.key("tokenQuota");
    let verified = draft.verified.as_ref();
    let own = gateway.own || draft.intent.own_credentials;
    let (limit, product, key, counter) = match written {
        WordOr::Word(TokenQuotaWord::Product) => {
            let Some(verified) = verified.filter(|verified| verified.product) else {
                no_consumer(draft, context, gateway);
                return;
            };
            // The variables of the step that has found the product have the same prefix as the consumer's.
            let variables = verified.consumer.strip_suffix("client_id").unwrap_or_default();
            let product = format!("{variables}apiproduct.developer.llmQuota.");
            // An app has one quota, whichever endpoint it calls.
            (FALLBACK, Some(product), None, COUNTER.to_owned())
        }
        WordOr::Value(fixed) => {
            quota::check(fixed.limit, fixed.interval, fixed.key.as_deref(), &at, context);
            let limit =
                QuotaLimit { allow: fixed.limit, interval: fixed.interval.unwrap_or(1), unit: fixed.per.as_str() };
            let key = fixed.key.clone().or_else(|| verified.map(|verified| verified.consumer.clone()));
            let counter = if own { format!("{COUNTER}-{}", draft.intent.name) } else { COUNTER.to_owned() };
            (limit, None, key, counter)
        }
    };
    let half = |half| LlmTokenQuota {
        limit: limit.clone(),
        product: product.clone(),
        key: key.clone(),
        model: MODEL_TEMPLATE.to_owned(),
        half,
        counter: counter.clone(),
    };
    let enforce = draft.intent.policy_name(policy::TYPE.prefix, "Enforce", own);
    draft.endpoint.pre_flow.request.push(context.add(&enforce, &half(Half::Enforce), &at));
    let count = draft.intent.policy_name(policy::TYPE.prefix, "Count", own);
    let usage = sources::of_response(gateway.sources.usage);
    let step = context.add(&count, &half(Half::Count { usage }), &at);
    // An answer from the cache has used no tokens, though it still contains the number of the original answer.
    draft.endpoint.post_flow.response.push(Step { condition: gateway.when_new.clone(), ..step });
}

/// Reports that the endpoint applies the quota of a product but checks no credential of a product.
fn no_consumer(draft: &Draft<'_>, context: &mut Context<'_, '_>, gateway: &Gateway<'_>) {
    let name = &draft.intent.name;
    let message = format!(
        "the endpoint `{name}` checks no credential of an API product, so there is no product whose token quota can be \
         applied"
    );
    context.report.push(if *name != DEFAULT && !gateway.own {
        Diagnostic::warning(Code::ConflictingFields, message).at(draft.intent.at.key("ai")).help(
            "it runs without a token quota: if this is intended, write `ai: none`, otherwise define another \
             `tokenQuota`",
        )
    } else {
        Diagnostic::error(Code::ConflictingFields, message)
            .at(gateway.at.key("tokenQuota"))
            .help("add `security.apiKey`, or define a quota for the proxy, for example `{limit: 100000, per: day}`")
    });
}
