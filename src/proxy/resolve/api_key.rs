//! `security.apiKey`.

use super::context::Context;
use super::endpoint::{Draft, Given, Verified};
use super::names;
use crate::policy::http_modifier::{self, Action, HttpModifier};
use crate::policy::verify_api_key::{self as policy, VerifyApiKey};
use crate::spec::security::KeyLocation;

/// Adds the check of the key, and the removal of the key behind it: a target that logs its requests must not collect keys.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let Some(Given { value: key, at, own }) = draft.intent.api_key.clone() else {
        return;
    };
    let (variable, headers, query) = match key.location {
        KeyLocation::Header => {
            names::check_header(&key.name, &at.key("name"), context.report);
            (format!("request.header.{}", key.name), vec![key.name.clone()], Vec::new())
        }
        KeyLocation::Query => {
            names::check_variable("query parameter", &key.name, &at.key("name"), context.report);
            (format!("request.queryparam.{}", key.name), Vec::new(), vec![key.name.clone()])
        }
    };
    let name = draft.intent.policy_name(policy::TYPE.prefix, "Default", own);
    let verify = context.add(&name, &VerifyApiKey { key: variable }, &at);
    let removal = HttpModifier { actions: vec![Action::Remove { headers, query }] };
    let remove_name = draft.intent.policy_name(http_modifier::TYPE.prefix, "RemoveApiKey", own);
    let remove = context.add(&remove_name, &removal, &at);
    draft.endpoint.pre_flow.request.extend([verify, remove]);
    draft.verified =
        Some(Verified { consumer: format!("verifyapikey.{name}.client_id"), policy: name, product: true, own });
}
