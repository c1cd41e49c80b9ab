//! `security.jwt`.

use super::super::context::Context;
use super::super::endpoint::{Credential, Intent, Verified};
use super::super::{secrets, units};
use super::{CallerVariable, Checked, CredentialPlace};
use crate::spec::security::{Jwt, JwtAlgorithm};
use apigee_flux_analysis::policy::PolicyValue;
use apigee_flux_analysis::policy::verify_jwt::{self as policy, JwtKey, KeyKind, VerifyJwt};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::yaml::word_or::WordOr;

/// Seconds by which clocks may differ; documented in `spec::security`.
const LEEWAY: u64 = 30;

/// The variable of the shared secret.
const KEY: &str = "private.jwt.key";

pub(super) fn check(
    jwt: &Jwt,
    credential: &Credential<'_>,
    intent: &Intent<'_>,
    context: &mut Context<'_, '_>,
) -> Checked {
    let Credential { at, own, .. } = credential;
    let place = CredentialPlace::of_token(jwt.location, jwt.name.as_ref(), at, context.report);
    let algorithms = match &jwt.algorithm {
        None => vec![JwtAlgorithm::RS256],
        Some(WordOr::Word(algorithm)) => vec![*algorithm],
        Some(WordOr::Value(algorithms)) => algorithms.clone(),
    };
    check_algorithms(&algorithms, at, context.report);
    for (field, text) in [("issuer", &jwt.issuer), ("audience", &jwt.audience)] {
        if text.trim().is_empty() {
            context.report.push(
                Diagnostic::error(Code::InvalidValue, format!("`{field}` is empty"))
                    .at(at.key(field))
                    .help("an empty value would check nothing: write the value that the tokens contain"),
            );
        }
    }
    let mut steps = Vec::new();
    let symmetric = algorithms.first().is_some_and(|algorithm| algorithm.is_symmetric());
    let key = match (symmetric, &jwt.jwks, &jwt.key) {
        (false, Some(url), None) => jwks(url, &at.key("jwks"), context.report),
        (true, None, Some(secret)) => {
            let name = intent.policy_name("KVM", "JwtKey", *own);
            steps.push(secrets::read(&name, secret, KEY, &at.key("key"), context));
            JwtKey::SecretRef(KEY.to_owned())
        }
        (symmetric, ..) => {
            let (needed, other) = if symmetric { ("key", "jwks") } else { ("jwks", "key") };
            context.report.push(
                Diagnostic::error(
                    Code::ConflictingFields,
                    format!("the algorithm needs `{needed}` and does not use `{other}`"),
                )
                .at(at)
                .help(
                    "HS256, HS384 and HS512 use the shared secret `key`, all other algorithms use the public keys of \
                     `jwks`",
                ),
            );
            JwtKey::SecretRef(KEY.to_owned())
        }
    };
    let leeway = jwt
        .leeway
        .as_ref()
        .map_or(Some(LEEWAY), |text| units::duration(text, units::seconds, &at.key("leeway"), context.report));
    let verify = VerifyJwt {
        algorithms: algorithms.iter().map(|algorithm| algorithm.as_str()).collect(),
        // If the header is named, Apigee reads all of it, with the word `Bearer` in front of the token.
        source: (!place.is_authorization()).then(|| place.variable()),
        key,
        issuer: expected(&jwt.issuer, &at.key("issuer"), context.report),
        audience: expected(&jwt.audience, &at.key("audience"), context.report),
        claims: jwt
            .claims
            .iter()
            .map(|(name, value)| (name.clone(), expected(value, &at.key("claims").key(name.as_str()), context.report)))
            .collect(),
        leeway: leeway.unwrap_or(LEEWAY),
    };
    let name = intent.policy_name(policy::TYPE.prefix, "Default", *own);
    steps.push(context.add(&name, &verify, at));
    let consumer = format!("jwt.{name}.claim.sub");
    Checked {
        steps,
        removal: (!jwt.forward_token).then_some(("RemoveToken", place)),
        // A token need not have a subject.
        identity: Some(CallerVariable { variable: consumer.clone(), certain: false }),
        verified: Some(Verified { policy: name, consumer, product: false }),
    }
}

/// Checks that all algorithms use one kind of key: a public key must never be used as the key of an HS algorithm.
fn check_algorithms(algorithms: &[JwtAlgorithm], at: &FieldPath, report: &mut Report<'_>) {
    let at = at.key("algorithm");
    if algorithms.is_empty() {
        report.push(
            Diagnostic::error(Code::InvalidValue, "the list of algorithms is empty")
                .at(at)
                .help("add one, for example `[RS256]`"),
        );
        return;
    }
    let named = algorithms.iter().map(|algorithm| algorithm.as_str());
    let mut kinds: Vec<(KeyKind, &str)> = named.filter_map(|name| Some((KeyKind::of(name)?, name))).collect();
    kinds.dedup_by_key(|(kind, _)| *kind);
    if let [(kind, first), (other, second), ..] = kinds.as_slice() {
        let message = format!("`{first}` uses {}, but `{second}` uses {}", kind.as_str(), other.as_str());
        report.push(Diagnostic::error(Code::WrongKeyKind, message).at(at).help(
            "list only algorithms with the same kind of key: HS256, HS384, HS512; or RS256, RS384, RS512, PS256, \
             PS384, PS512; or ES256, ES384, ES512",
        ));
    }
}

/// The required value of a claim: a text, or the variable that holds it. Apigee does not expand message templates here.
fn expected(text: &str, at: &FieldPath, report: &mut Report<'_>) -> PolicyValue {
    PolicyValue::parse(text).unwrap_or_else(|| {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{text}` is neither a text nor a single variable"))
                .at(at)
                .help(
                    "Apigee does not expand variables inside a text here: write the text, or a single variable, for \
                     example `{flow.issuer}`",
                ),
        );
        PolicyValue::Text(text.to_owned())
    })
}

fn jwks(url: &str, at: &FieldPath, report: &mut Report<'_>) -> JwtKey {
    if let Some(variable) = url.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        super::names::check_variable("variable", variable, at, report);
        return JwtKey::JwksRef(variable.to_owned());
    }
    let host = url.strip_prefix("https://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    if host.is_empty() || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{url}` is not an https URL"))
                .at(at)
                .help("over `http` an attacker could replace the keys"),
        );
    }
    JwtKey::Jwks(url.to_owned())
}
