//! `ai.modelArmor`.

use super::super::context::Context;
use super::super::endpoint::Draft;
use super::{Gateway, PROMPT_TEMPLATE, sources};
use apigee_flux_analysis::policy::sanitize_model_response::{self, SanitizeModelResponse};
use apigee_flux_analysis::policy::sanitize_user_prompt::{self, SanitizeUserPrompt};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// Adds the checks of both directions.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>, gateway: &Gateway<'_>) {
    let Some(armor) = &gateway.ai.model_armor else {
        return;
    };
    let at = gateway.at.key("modelArmor");
    check(&armor.template, &at.key("template"), context.report);
    if let Some(template) = &armor.response_template {
        check(template, &at.key("responseTemplate"), context.report);
    }
    let prompt = SanitizeUserPrompt { template: armor.template.clone(), prompt: PROMPT_TEMPLATE.to_owned() };
    let name = draft.intent.policy_name(sanitize_user_prompt::TYPE.prefix, "Default", gateway.own);
    draft.endpoint.pre_flow.request.push(context.add(&name, &prompt, &at));
    let response = SanitizeModelResponse {
        template: armor.response_template.clone().unwrap_or_else(|| armor.template.clone()),
        prompt: PROMPT_TEMPLATE.to_owned(),
        response: sources::of_response(gateway.sources.response),
    };
    let name = draft.intent.policy_name(sanitize_model_response::TYPE.prefix, "Default", gateway.own);
    // Also for answers from the cache: the template may have become stricter since.
    draft.endpoint.post_flow.response.push(context.add(&name, &response, &at));
}

fn check(template: &str, at: &FieldPath, report: &mut Report<'_>) {
    // The value of a variable is unknown here.
    if !template.contains('{') && !is_template(template) {
        report.push(
            Diagnostic::error(
                Code::InvalidValue,
                format!("`{template}` is not the full name of a Model Armor template"),
            )
            .at(at)
            .help("write for example `projects/acme/locations/europe-west1/templates/default`"),
        );
    }
}

fn is_template(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    matches!(parts.as_slice(), ["projects", project, "locations", location, "templates", template]
        if [project, location, template].iter().all(|part| !part.is_empty()))
        && !text.contains(char::is_whitespace)
}
