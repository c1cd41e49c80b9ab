//! `targets[].auth`: the credential that requests to a target carry.

use super::context::Context;
use super::{names, secrets};
use crate::proxy::model::flow::Step;
use crate::spec::target_auth::{
    BasicCredential, GoogleAccessToken, GoogleAuth, GoogleIdToken, HeaderCredential, TargetAuth,
};
use apigee_flux_analysis::policy::assign_message::{self, AssignAction as Assign, AssignMessage};
use apigee_flux_analysis::policy::authentication::Authentication;
use apigee_flux_analysis::policy::basic_authentication::{self, BasicAuthentication, CredentialOperation};
use apigee_flux_analysis::policy::http_modifier::{self, HttpModifier, ModifierAction};
use apigee_flux_analysis::policy::key_value_map_operations;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::yaml::word_or::WordOr;

/// The scope of all Google APIs.
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The variable of a password or of a header's value.
const SECRET: &str = "private.target.secret";

/// The variable of a user name.
const USER: &str = "private.target.username";

/// The authentication that Apigee performs itself, and the steps that run before it.
pub(super) fn resolve(
    auth: &TargetAuth,
    target: &str,
    plain: bool,
    at: &FieldPath,
    context: &mut Context<'_, '_>,
) -> (Option<Authentication>, Vec<Step>) {
    check_https(plain, at, context.report);
    match (&auth.google_id_token, &auth.google_access_token, &auth.basic, &auth.header) {
        (Some(token), None, None, None) => (Some(id_token(token)), Vec::new()),
        (None, Some(token), None, None) => (Some(access_token(token)), Vec::new()),
        (None, None, Some(basic), None) => (None, by_password(basic, target, &at.key("basic"), context)),
        (None, None, None, Some(header)) => (None, by_header(header, target, &at.key("header"), context)),
        _ => {
            let given = [
                ("googleIdToken", auth.google_id_token.is_some()),
                ("googleAccessToken", auth.google_access_token.is_some()),
                ("basic", auth.basic.is_some()),
                ("header", auth.header.is_some()),
            ];
            not_one(&given, at, context.report);
            (None, Vec::new())
        }
    }
}

/// The Google credential of a callout.
pub(super) fn google(
    auth: &GoogleAuth,
    plain: bool,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Option<Authentication> {
    check_https(plain, at, report);
    match (&auth.google_id_token, &auth.google_access_token) {
        (Some(token), None) => Some(id_token(token)),
        (None, Some(token)) => Some(access_token(token)),
        (id, access) => {
            not_one(&[("googleIdToken", id.is_some()), ("googleAccessToken", access.is_some())], at, report);
            None
        }
    }
}

fn check_https(plain: bool, at: &FieldPath, report: &mut Report<'_>) {
    if plain {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`auth` needs an `https` URL")
                .at(at)
                .help("over `http` the credential can be intercepted"),
        );
    }
}

fn id_token(token: &GoogleIdToken) -> Authentication {
    Authentication::GoogleIdToken(token.audience.clone())
}

fn access_token(token: &GoogleAccessToken) -> Authentication {
    let scopes = if token.scopes.is_empty() { vec![CLOUD_PLATFORM.to_owned()] } else { token.scopes.clone() };
    Authentication::GoogleAccessToken(scopes)
}

/// Reports that not exactly one of the fields is set.
fn not_one(given: &[(&str, bool)], at: &FieldPath, report: &mut Report<'_>) {
    let google = given.len() == 2;
    let found: Vec<String> = given.iter().filter(|(_, given)| *given).map(|(name, _)| format!("`{name}`")).collect();
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    report.push(
        Diagnostic::error(Code::ConflictingFields, format!("`auth` needs exactly one credential, found {found}"))
            .at(at)
            .help(if google {
                "write `googleIdToken` for Cloud Run and similar services, or `googleAccessToken` for Google APIs"
            } else {
                "write `googleIdToken` for Cloud Run and similar services, `googleAccessToken` for Google APIs, \
                 `basic` or `header` for others"
            }),
    );
}

/// The caller's header is removed first: the result must not depend on how it was spelled or how often it was sent.
fn by_password(basic: &BasicCredential, target: &str, at: &FieldPath, context: &mut Context<'_, '_>) -> Vec<Step> {
    let map = |word: &str| format!("{}-Target{word}-{target}", key_value_map_operations::TYPE.prefix);
    let removal = HttpModifier {
        actions: vec![ModifierAction::Remove { headers: vec!["Authorization".to_owned()], query: Vec::new() }],
    };
    let removal = context.add(&format!("{}-RemoveTargetAuth", http_modifier::TYPE.prefix), &removal, at);
    let username = match &basic.username {
        WordOr::Value(secret) => secrets::read(&map("Username"), secret, USER, &at.key("username"), context),
        WordOr::Word(name) => {
            if name.is_empty() || name.contains(':') {
                context.report.push(
                    Diagnostic::error(Code::InvalidValue, format!("`{name}` is not a valid user name"))
                        .at(at.key("username"))
                        .help("it must not be empty and must not contain `:`, which ends the user name"),
                );
            }
            let assign =
                AssignMessage { actions: vec![Assign::AssignValue { name: USER.to_owned(), value: name.clone() }] };
            context.add(
                &format!("{}-TargetUsername-{target}", assign_message::TYPE.prefix),
                &assign,
                &at.key("username"),
            )
        }
    };
    let password = secrets::read(&map("Password"), &basic.password, SECRET, &at.key("password"), context);
    let encode = BasicAuthentication {
        operation: CredentialOperation::Encode,
        user: USER.to_owned(),
        password: SECRET.to_owned(),
        header: "request.header.Authorization".to_owned(),
    };
    let encode = context.add(&format!("{}-Target-{target}", basic_authentication::TYPE.prefix), &encode, at);
    vec![removal, username, password, encode]
}

fn by_header(header: &HeaderCredential, target: &str, at: &FieldPath, context: &mut Context<'_, '_>) -> Vec<Step> {
    names::check_header(&header.name, &at.key("name"), context.report);
    let is_scheme = |scheme: &str| !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if let Some(scheme) = header.scheme.as_deref().filter(|scheme| !is_scheme(scheme)) {
        context.report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{scheme}` is not a valid authorization scheme"))
                .at(at.key("scheme"))
                .help("write one word, for example `Bearer`"),
        );
    }
    let name = format!("{}-TargetSecret-{target}", key_value_map_operations::TYPE.prefix);
    let read = secrets::read(&name, &header.value, SECRET, &at.key("value"), context);
    let value = match &header.scheme {
        Some(scheme) => format!("{scheme} {{{SECRET}}}"),
        None => format!("{{{SECRET}}}"),
    };
    let policy = HttpModifier {
        actions: vec![
            ModifierAction::Remove { headers: vec![header.name.clone()], query: Vec::new() },
            ModifierAction::Set { headers: vec![(header.name.clone(), value)], query: Vec::new() },
        ],
    };
    let set = context.add(&format!("{}-TargetAuth-{target}", http_modifier::TYPE.prefix), &policy, at);
    vec![read, set]
}
