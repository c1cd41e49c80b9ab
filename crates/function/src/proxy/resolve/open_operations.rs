//! Operations for which the OpenAPI document requires credentials, and the proxy does not.

use super::contract::Contract;
use super::endpoint::Intent;
use crate::openapi::{DocumentOperation, OpenApiDocument, SecurityScheme};
use crate::spec::ApigeeProxySpec;
use crate::spec::step::Step;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::yaml::word_or::WordOr;

/// Warns about endpoints that check no credential although the document requires one, unless the spec says that they
/// are public.
pub(super) fn check(
    spec: &ApigeeProxySpec,
    contract: Option<&Contract>,
    endpoints: &[Intent<'_>],
    report: &mut Report<'_>,
    at: &FieldPath,
) {
    let Some(contract) = contract else { return };
    let public = matches!(spec.security, Some(WordOr::Word(_)));
    let open = |intent: &&Intent<'_>| intent.credentials.is_empty() && !intent.own_credentials && !public;
    let Some(intent) = endpoints.iter().find(open) else { return };
    // It is unknown here what a shared flow or a policy that the user wrote does: it may check a credential.
    let may_check = |step: &Step| step.shared_flow.is_some() || step.policy.is_some();
    if spec.flow.request.iter().any(may_check) {
        return;
    }
    let words = |operation: &DocumentOperation| {
        let names = [operation.operation_id.as_deref(), Some(operation.name.as_str())];
        names.into_iter().flatten().find_map(|name| spec.operations.get(name))
    };
    let is_open = |operation: &&DocumentOperation| {
        asks(operation)
            && !words(operation)
                .is_some_and(|words| words.security.is_some() || words.steps.request.iter().any(may_check))
    };
    let operations: Vec<&DocumentOperation> = contract.document.operations.iter().filter(is_open).collect();
    let Some(first) = operations.first() else { return };
    let schemes = schemes(&contract.document, &operations);
    let named: Vec<String> = schemes.iter().take(3).map(|(name, _)| format!("`{name}`")).collect();
    let count = match operations.len() {
        1 => format!("`{} {}`", first.method, first.path),
        more => format!("{more} operations, for example `{} {}`", first.method, first.path),
    };
    let message = format!(
        "the OpenAPI document requires credentials ({}) for {count}, but the endpoint `{}` checks none: anyone can \
         send these requests",
        named.join(", "),
        intent.name
    );
    let help = format!(
        "write {}; if the API is meant to be public, write `security: none` for the proxy or for single operations",
        schemes.iter().find_map(|(_, scheme)| words_for((*scheme)?)).unwrap_or_else(|| {
            "the credential to check in `security`, for example `security: {apiKey: {}}`".to_owned()
        })
    );
    let place = if spec.security.is_some() { at.key("security") } else { contract.at.clone() };
    report.push(Diagnostic::warning(Code::OpenOperations, message).at(place).help(help));
}

/// Whether the operation requires a credential: an alternative without one makes it optional.
fn asks(operation: &DocumentOperation) -> bool {
    let alternatives = operation.security.as_deref().unwrap_or_default();
    !alternatives.is_empty() && alternatives.iter().all(|alternative| !alternative.is_empty())
}

/// The schemes that operations require, each once.
fn schemes<'d>(
    document: &'d OpenApiDocument,
    operations: &[&'d DocumentOperation],
) -> Vec<(&'d str, Option<&'d SecurityScheme>)> {
    let mut found: indexmap::IndexMap<&str, Option<&SecurityScheme>> = indexmap::IndexMap::new();
    for name in operations.iter().flat_map(|o| o.security.iter().flatten()).flat_map(|alternative| alternative.keys()) {
        found.entry(name).or_insert_with(|| document.security_schemes.get(name));
    }
    found.into_iter().collect()
}

/// What to write for a scheme, or `None` if the spec has no fields for it.
fn words_for(scheme: &SecurityScheme) -> Option<String> {
    Some(match scheme {
        SecurityScheme::ApiKey { location, name } if matches!(location.as_str(), "header" | "query") => {
            format!("`security: {{apiKey: {{in: {location}, name: {name}}}}}`")
        }
        SecurityScheme::Http { scheme } if scheme == "basic" => "`security: {basic: …}`".to_owned(),
        SecurityScheme::Http { scheme } if scheme == "bearer" => {
            "`security: {jwt: {issuer: …, audience: …, jwks: …}}`, or `security: {oauth2: {}}` for tokens that Apigee \
             issued"
                .to_owned()
        }
        SecurityScheme::OAuth2 | SecurityScheme::OpenIdConnect { .. } => {
            "`security: {oauth2: {}}` for tokens that Apigee issued, or `security: {jwt: {issuer: …, audience: …, \
             jwks: …}}`"
                .to_owned()
        }
        SecurityScheme::ApiKey { .. } | SecurityScheme::Http { .. } | SecurityScheme::Other(_) => return None,
    })
}
