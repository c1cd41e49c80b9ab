//! `security.apiKey`, `oauth2`, `jwt`, `basic` and `hmac`: authentication of callers.
//!
//! To add a kind of credential: add its fields in `spec::security`, a file here, and one line in [`check`].

mod api_key;
mod basic;
mod hmac;
mod jwt;
mod oauth2;

use super::super::condition;
use super::context::Context;
use super::endpoint::{CallerVariable, Credential, Draft, Intent, Verified};
use super::names;
use crate::proxy::model::flow::Step;
use crate::spec::security::{Jwt, Location, Mechanism, OAuth2};
use apigee_flux_analysis::policy::http_modifier::{self, HttpModifier, ModifierAction};
use apigee_flux_analysis::policy::raise_fault::{self, FaultMessage, RaiseFault};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// What a kind of credential adds.
struct Checked {
    /// The steps that refuse a request without the credential, in their order.
    steps: Vec<Step>,
    /// What is removed after them: the word in the policy's name, and the place.
    removal: Option<(&'static str, CredentialPlace)>,
    /// The verified credential, if it identifies a consumer.
    verified: Option<Verified>,
    /// The variable that identifies a caller, if there is one.
    identity: Option<CallerVariable>,
}

/// The place of a credential in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CredentialPlace {
    location: Location,
    name: String,
}

impl CredentialPlace {
    /// Creates a place, and checks the name.
    fn new(location: Location, name: String, at: &FieldPath, report: &mut Report<'_>) -> Self {
        match location {
            Location::Header => names::check_header(&name, at, report),
            Location::Query => names::check_variable("query parameter", &name, at, report),
        }
        Self { location, name }
    }

    /// The place of a token.
    fn of_token(location: Location, name: Option<&String>, at: &FieldPath, report: &mut Report<'_>) -> Self {
        Self::new(location, name.cloned().unwrap_or_else(|| default_name(location).to_owned()), &at.key("name"), report)
    }

    /// Whether it is the header that Apigee reads by default, skipping the word `Bearer`.
    fn is_authorization(&self) -> bool {
        self.location == Location::Header && self.name.eq_ignore_ascii_case("authorization")
    }

    fn variable(&self) -> String {
        match self.location {
            Location::Header => format!("request.header.{}", self.name),
            Location::Query => format!("request.queryparam.{}", self.name),
        }
    }

    fn removal(self) -> HttpModifier {
        let (headers, query) = match self.location {
            Location::Header => (vec![self.name], Vec::new()),
            Location::Query => (Vec::new(), vec![self.name]),
        };
        HttpModifier { actions: vec![ModifierAction::Remove { headers, query }] }
    }
}

/// The name of a token's header or parameter (RFC 6750).
const fn default_name(location: Location) -> &'static str {
    match location {
        Location::Header => "authorization",
        Location::Query => "access_token",
    }
}

/// The header in which callers send a credential.
pub(super) fn header(mechanism: Mechanism<'_>) -> Option<String> {
    let token = |location: Location, name: Option<&String>| {
        (location == Location::Header).then(|| name.cloned().unwrap_or_else(|| default_name(location).to_owned()))
    };
    match mechanism {
        Mechanism::ApiKey(key) => token(key.location, Some(&key.name)),
        Mechanism::OAuth2(oauth2) => token(oauth2.location, oauth2.name.as_ref()),
        Mechanism::Jwt(jwt) => token(jwt.location, jwt.name.as_ref()),
        Mechanism::Basic(_) => token(Location::Header, None),
        Mechanism::Hmac(hmac) => token(Location::Header, Some(&hmac.header)),
    }
}

/// The variable of the request that holds a credential.
pub(super) fn variable(mechanism: Mechanism<'_>) -> String {
    match (header(mechanism), mechanism) {
        (Some(header), _) => format!("request.header.{header}"),
        (None, Mechanism::ApiKey(key)) => format!("request.queryparam.{}", key.name),
        (None, Mechanism::OAuth2(OAuth2 { name, .. }) | Mechanism::Jwt(Jwt { name, .. })) => {
            format!("request.queryparam.{}", name.as_deref().unwrap_or(default_name(Location::Query)))
        }
        (None, Mechanism::Basic(_) | Mechanism::Hmac(_)) => String::new(),
    }
}

/// Adds the checks of the credentials, and after them the steps that remove the credentials: a target that logs its
/// requests must not collect keys.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let credentials = draft.intent.credentials.clone();
    check_combination(&credentials, context.report);
    let mut removals = Vec::new();
    for credential in &credentials {
        let checked = check(credential, &draft.intent, context);
        // A public operation requires no credential, but its target must not receive one either.
        let unless = condition::unless(&draft.public);
        draft.endpoint.pre_flow.request.extend(checked.steps.into_iter().map(|step| step.and(unless.as_deref())));
        if let Some((word, place)) = checked.removal {
            let name = draft.intent.policy_name(http_modifier::TYPE.prefix, word, credential.own);
            removals.push(context.add(&name, &place.removal(), &credential.at));
        }
        // The first credential is for the app, whose limits apply.
        draft.verified = draft.verified.take().or(checked.verified);
        draft.identities.extend(checked.identity);
    }
    draft.endpoint.pre_flow.request.append(&mut removals);
}

fn check(credential: &Credential<'_>, intent: &Intent<'_>, context: &mut Context<'_, '_>) -> Checked {
    match credential.mechanism {
        Mechanism::ApiKey(key) => api_key::check(key, credential, intent, context),
        Mechanism::OAuth2(oauth2) => oauth2::check(oauth2, credential, intent, context),
        Mechanism::Jwt(jwt) => jwt::check(jwt, credential, intent, context),
        Mechanism::Basic(basic) => basic::check(basic, credential, intent, context),
        Mechanism::Hmac(hmac) => hmac::check(hmac, credential, intent, context),
    }
}

/// One kind of credential is enough. An API key is for the app and a signed token for its user, so these two make sense
/// together.
fn check_combination(credentials: &[Credential<'_>], report: &mut Report<'_>) {
    let ([first, second, ..], keys) = (credentials, credentials.iter().map(|given| given.mechanism.key())) else {
        return;
    };
    let both = matches!((first.mechanism, second.mechanism), (Mechanism::ApiKey(_), Mechanism::Jwt(_)));
    if !both || credentials.len() > 2 {
        let found: Vec<String> = keys.map(|key| format!("`{key}`")).collect();
        report.push(
            Diagnostic::error(
                Code::ConflictingFields,
                format!("these kinds of credentials cannot be combined: {}", found.join(", ")),
            )
            .at(&second.at)
            .help(
                "use one of them, or `apiKey` for the app together with `jwt` for the user; for other callers, add an \
                 endpoint",
            ),
        );
    }
}

/// The step that refuses a request without a credential, under a condition.
fn unauthorized(
    challenge: Option<String>,
    refused_if: &str,
    credential: &Credential<'_>,
    intent: &Intent<'_>,
    context: &mut Context<'_, '_>,
) -> Step {
    let policy = RaiseFault {
        status: 401,
        reason: "Unauthorized".to_owned(),
        message: Some(FaultMessage::Text("The credential is missing or wrong".to_owned())),
        headers: challenge.map(|challenge| ("WWW-Authenticate".to_owned(), challenge)).into_iter().collect(),
    };
    let name = intent.policy_name(raise_fault::TYPE.prefix, "Unauthorized", credential.own);
    context.add(&name, &policy, &credential.at).and(Some(refused_if))
}
