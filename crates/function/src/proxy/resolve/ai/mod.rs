//! `ai`: the steps of a gateway in front of a language model.
//!
//! The order on a request: cheap checks come first, then those that call Google. On the response the tokens are counted
//! before any step can refuse the answer, because the model has used them anyway. An error of the target skips all of
//! these steps: the fault rules handle it.

mod model_armor;
mod prompt_tokens;
mod semantic_cache;
mod sources;
mod token_quota;

use super::context::Context;
use super::endpoint::{Draft, Given};
use crate::spec::ai::Ai;
use apigee_flux_analysis::policy::assign_message::{self, AssignAction, AssignMessage};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath};
use sources::{Model, Sources};

/// The variable that holds the model's name.
const MODEL: &str = "flow.ai.model";

/// The variable that holds the prompt.
const PROMPT: &str = "flow.ai.prompt";

/// The message templates that read both variables.
const MODEL_TEMPLATE: &str = "{flow.ai.model}";
const PROMPT_TEMPLATE: &str = "{flow.ai.prompt}";

/// The field `ai`, and what is derived from it.
struct Gateway<'s> {
    ai: &'s Ai,
    at: FieldPath,
    own: bool,
    sources: Sources<'s>,
    /// The condition that an answer does not come from the cache, if there is one.
    when_new: Option<String>,
}

/// Adds the steps.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let Some(Given { value: ai, at, own }) = draft.intent.ai.clone() else {
        return;
    };
    let needs = Needs::of(ai);
    if needs.prompt.is_none() && needs.model.is_none() {
        context.report.push(
            Diagnostic::error(Code::MissingField, "`ai` enables none of its features")
                .at(&at)
                .help("write `promptTokens`, `tokenQuota`, `modelArmor` or `semanticCache`, or `ai: none`"),
        );
        return;
    }
    let Some(sources) = Sources::resolve(ai, &needs, &at, context.report) else {
        return;
    };
    let when_new = semantic_cache::when_new(ai, &draft.intent, own);
    let gateway = Gateway { ai, at, own, sources, when_new };
    extract(draft, context, &gateway, &needs);
    prompt_tokens::add(draft, context, &gateway);
    token_quota::add(draft, context, &gateway);
    model_armor::add(draft, context, &gateway);
    semantic_cache::add(draft, context, &gateway);
}

/// What must be read from requests and responses, each with the field that needs it.
struct Needs {
    prompt: Option<&'static str>,
    model: Option<&'static str>,
    usage: Option<&'static str>,
    response: Option<&'static str>,
}

impl Needs {
    fn of(ai: &Ai) -> Self {
        let quota = ai.token_quota.as_ref().map(|_| "tokenQuota");
        let armor = ai.model_armor.as_ref().map(|_| "modelArmor");
        let limit = ai.prompt_tokens.as_ref().map(|_| "promptTokens");
        let cache = ai.semantic_cache.as_ref().map(|_| "semanticCache");
        Self { prompt: limit.or(armor).or(cache), model: quota, usage: quota, response: armor }
    }
}

/// Reads model and prompt into variables, once for all steps that need them.
fn extract(draft: &mut Draft<'_>, context: &mut Context<'_, '_>, gateway: &Gateway<'_>, needs: &Needs) {
    let template = |name: &str, template: String| AssignAction::AssignTemplate { name: name.to_owned(), template };
    let mut actions = match gateway.sources.model {
        _ if needs.model.is_none() => Vec::new(),
        Model::Name(name) => vec![AssignAction::AssignValue { name: MODEL.to_owned(), value: name.to_owned() }],
        Model::At(path) => vec![template(MODEL, sources::of_request(path))],
        // `/v1beta/models/gemini-flash:generateContent`; functions cannot be nested.
        Model::InPath => vec![
            template(MODEL, "{replaceFirst(proxy.pathsuffix,'^.*/models/','')}".to_owned()),
            template(MODEL, "{replaceFirst(flow.ai.model,':.*$','')}".to_owned()),
        ],
    };
    if needs.prompt.is_some() {
        actions.push(template(PROMPT, sources::of_request(gateway.sources.prompt)));
    }
    let name = draft.intent.policy_name(assign_message::TYPE.prefix, "AiRequest", gateway.own);
    draft.endpoint.pre_flow.request.push(context.add(&name, &AssignMessage { actions }, &gateway.at));
}
