//! `security.headers`.

use super::super::credential;
use super::context::Context;
use super::endpoint::{Draft, Given};
use super::names;
use crate::spec::security::HeadersWord;
use apigee_flux_analysis::policy::http_modifier::{self, HttpModifier, ModifierAction};
use apigee_flux_model::yaml::word_or::WordOr;

/// `default`: HTTPS for a year, no content type sniffing, no frames, no copy in a cache.
const DEFAULT: [(&str, &str); 4] = [
    ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cache-Control", "no-store"),
];

/// Adds the headers to responses and to errors.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let Some(Given { value, at, own }) = draft.intent.headers.clone() else {
        return;
    };
    let headers: Vec<(String, String)> = match value {
        WordOr::Word(HeadersWord::None) => return,
        WordOr::Word(HeadersWord::Default) => DEFAULT.map(|(name, value)| (name.into(), value.into())).into(),
        WordOr::Value(headers) => {
            for (name, value) in headers {
                names::check_header_value(name, value, &at.key(name.as_str()), context.report);
                credential::check_named(name, value, &at.key(name.as_str()), context.report);
            }
            headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
        }
    };
    let policy = HttpModifier {
        actions: vec![
            // These headers tell an attacker which software is in use.
            ModifierAction::Remove { headers: vec!["Server".to_owned(), "X-Powered-By".to_owned()], query: Vec::new() },
            ModifierAction::Set { headers, query: Vec::new() },
        ],
    };
    let name = draft.intent.policy_name(http_modifier::TYPE.prefix, "SecurityHeaders", own);
    let step = context.add(&name, &policy, &at);
    draft.endpoint.faults.default.push(step.clone());
    draft.endpoint.post_flow.response.push(step);
}
