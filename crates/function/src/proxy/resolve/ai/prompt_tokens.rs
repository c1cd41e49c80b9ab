//! `ai.promptTokens`.

use super::super::context::Context;
use super::super::endpoint::Draft;
use super::super::{names, units};
use super::{Gateway, PROMPT_TEMPLATE};
use apigee_flux_analysis::policy::prompt_token_limit::{self as policy, PromptTokenLimit};
use apigee_flux_model::diag::{Code, Diagnostic};
use apigee_flux_model::yaml::word_or::WordOr;

/// Adds the limit: like a spike arrest it comes before any step that looks something up.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>, gateway: &Gateway<'_>) {
    let Some(limit) = &gateway.ai.prompt_tokens else {
        return;
    };
    let at = gateway.at.key("promptTokens");
    let (rate, key, rate_at) = match limit {
        WordOr::Word(rate) => (rate, None, at.clone()),
        WordOr::Value(long) => (&long.rate, long.key.clone(), at.key("rate")),
    };
    if !units::is_rate(rate) {
        context.report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{rate}` is not a valid rate")).at(rate_at).help(
                "write tokens per minute or second, for example `1000pm` or `50ps`, or a variable, for example \
                 `{propertyset.limits.tokens}`",
            ),
        );
    }
    if let Some(key) = &key {
        names::check_variable("variable", key, &at.key("key"), context.report);
    }
    let policy = PromptTokenLimit { rate: rate.clone(), key, prompt: PROMPT_TEMPLATE.to_owned() };
    let name = draft.intent.policy_name(policy::TYPE.prefix, "Default", gateway.own);
    draft.endpoint.pre_flow.request.push(context.add(&name, &policy, &at));
}
