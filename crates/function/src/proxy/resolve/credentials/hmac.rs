//! `security.hmac`.

use super::super::context::Context;
use super::super::endpoint::{Credential, Intent};
use super::super::secrets;
use super::{Checked, CredentialPlace, unauthorized};
use crate::spec::security::{Hmac, HmacAlgorithm, HmacEncoding, Location};
use apigee_flux_analysis::policy::hmac::{self as policy, VerifyHmac};
use apigee_flux_model::diag::{Code, Diagnostic};

/// The variable of the key.
const KEY: &str = "private.hmac.key";

/// What is signed by default; documented in `spec::security`.
const MESSAGE: &str = "{request.content}";

pub(super) fn check(
    hmac: &Hmac,
    credential: &Credential<'_>,
    intent: &Intent<'_>,
    context: &mut Context<'_, '_>,
) -> Checked {
    let Credential { at, own, .. } = credential;
    let place = CredentialPlace::new(Location::Header, hmac.header.clone(), &at.key("header"), context.report);
    let message = hmac.message.clone().unwrap_or_else(|| MESSAGE.to_owned());
    if !message.contains('{') {
        context.report.push(
            Diagnostic::error(Code::InvalidValue, "`message` contains no part of the request")
                .at(at.key("message"))
                .help(
                    "refer to the signed parts with variables, for example `{request.verb} {request.path} \
                     {request.content}`",
                ),
        );
    }
    let signature = place.variable();
    // Without a signature to compare with, the policy would only compute one.
    let absent = format!("({signature} = null) or ({signature} = \"\")");
    let refuse = unauthorized(None, &absent, credential, intent, context);
    let map_name = intent.policy_name("KVM", "HmacKey", *own);
    let read = secrets::read(&map_name, &hmac.key, KEY, &at.key("key"), context);
    let verify = VerifyHmac {
        algorithm: match hmac.algorithm {
            HmacAlgorithm::Sha256 => "SHA256",
            HmacAlgorithm::Sha384 => "SHA384",
            HmacAlgorithm::Sha512 => "SHA512",
        },
        key: KEY.to_owned(),
        message,
        signature,
        encoding: match hmac.encoding {
            HmacEncoding::Base64 => "base64",
            HmacEncoding::Hex => "base16",
        },
    };
    let name = intent.policy_name(policy::TYPE.prefix, "Default", *own);
    Checked {
        steps: vec![refuse, read, context.add(&name, &verify, at)],
        // A signature is not a secret, and is valid for this request only.
        removal: None,
        // All callers have the same key.
        verified: None,
        identity: None,
    }
}
