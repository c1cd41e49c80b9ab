//! `security.apiKey`.

use super::super::context::Context;
use super::super::endpoint::{Credential, Intent, Verified};
use super::{CallerVariable, Checked, CredentialPlace};
use crate::spec::security::ApiKey;
use apigee_flux_analysis::policy::verify_api_key::{self as policy, VerifyApiKey};

pub(super) fn check(
    key: &ApiKey,
    credential: &Credential<'_>,
    intent: &Intent<'_>,
    context: &mut Context<'_, '_>,
) -> Checked {
    let Credential { at, own, .. } = credential;
    let place = CredentialPlace::new(key.location, key.name.clone(), &at.key("name"), context.report);
    let name = intent.policy_name(policy::TYPE.prefix, "Default", *own);
    let step = context.add(&name, &VerifyApiKey { key: place.variable() }, at);
    let consumer = format!("verifyapikey.{name}.client_id");
    Checked {
        steps: vec![step],
        removal: Some(("RemoveApiKey", place)),
        identity: Some(CallerVariable { variable: consumer.clone(), certain: true }),
        verified: Some(Verified { policy: name, consumer, product: true }),
    }
}
