//! `security.oauth2`.

use super::super::context::Context;
use super::super::endpoint::{Credential, Intent, Verified};
use super::{CallerVariable, Checked, CredentialPlace};
use crate::spec::security::{Location, OAuth2};
use apigee_flux_analysis::policy::oauth_v2::{self as policy, VerifyAccessToken};
use apigee_flux_model::diag::{Code, Diagnostic};

pub(super) fn check(
    oauth2: &OAuth2,
    credential: &Credential<'_>,
    intent: &Intent<'_>,
    context: &mut Context<'_, '_>,
) -> Checked {
    let Credential { at, own, .. } = credential;
    let place = CredentialPlace::of_token(oauth2.location, oauth2.name.as_ref(), at, context.report);
    for (index, scope) in oauth2.scopes.iter().enumerate() {
        if scope.is_empty() || scope.contains(char::is_whitespace) {
            context.report.push(
                Diagnostic::error(Code::InvalidValue, format!("`{scope}` is not a valid scope"))
                    .at(at.key("scopes").index(index))
                    .help("write each scope as its own list item, without spaces"),
            );
        }
    }
    // Apigee reads only this header by default, and expects `Bearer` before the token.
    let usual = place.location == Location::Header && place.name.eq_ignore_ascii_case("authorization");
    let verify = VerifyAccessToken { token: (!usual).then(|| place.variable()), scopes: oauth2.scopes.clone() };
    let name = intent.policy_name(policy::TYPE.prefix, "Default", *own);
    Checked {
        steps: vec![context.add(&name, &verify, at)],
        removal: (!oauth2.forward_token).then_some(("RemoveToken", place)),
        // The limits of the app apply, but its users may have data of their own, and each user has a token.
        identity: Some(CallerVariable { variable: "access_token".to_owned(), certain: true }),
        verified: Some(Verified { policy: name, consumer: "client_id".to_owned(), product: true }),
    }
}
