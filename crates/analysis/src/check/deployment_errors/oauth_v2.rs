//! The errors of OAuthV2.

use super::rule::{DeploymentRule, RuleHit, given, hit, rule, word};
use crate::check::node::{child, children, is_template, text};
use apigee_flux_model::xml::Node;

const OAUTH_OPERATIONS: &[&str] = &[
    "GenerateAccessToken",
    "GenerateAccessTokenImplicitGrant",
    "GenerateAuthorizationCode",
    "GenerateJWTAccessToken",
    "GenerateJWTAccessTokenImplicitGrant",
    "InvalidateToken",
    "RefreshAccessToken",
    "RefreshJWTAccessToken",
    "ValidateToken",
    "VerifyAccessToken",
    "VerifyJWTAccessToken",
];

const GRANT_TYPES: &[&str] = &["authorization_code", "client_credentials", "implicit", "password", "refresh_token"];

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(&["OAuthV2"], "OperationRequired", |node| {
        if child(node, "Operation").is_some_and(|found| !text(found).is_empty()) {
            return None;
        }
        hit(node, "<Operation> is missing", format!("write one of {}", OAUTH_OPERATIONS.join(", ")))
    }),
    rule(&["OAuthV2"], "InvalidOperation", |node| {
        let operation = word(node, "Operation").filter(|operation| !OAUTH_OPERATIONS.contains(operation))?;
        let help = match apigee_flux_model::diag::nearest(operation, OAUTH_OPERATIONS.iter().copied()) {
            Some(meant) => format!("write `{meant}`"),
            None => format!("write one of {}", OAUTH_OPERATIONS.join(", ")),
        };
        hit(child(node, "Operation")?, format!("`{operation}` is not a supported operation"), help)
    }),
    rule(&["OAuthV2"], "InvalidGrantType", |node| {
        let found = children(child(node, "SupportedGrantTypes")?, "GrantType").find(|grant| {
            let grant = text(*grant);
            !is_template(grant) && !GRANT_TYPES.contains(&grant)
        })?;
        hit(
            found,
            format!("`{}` is not a supported grant type", text(found)),
            format!("write one of {}", GRANT_TYPES.join(", ")),
        )
    }),
    rule(&["OAuthV2"], "InvalidValueForExpiresIn", |node| expiry(node, "ExpiresIn")),
    rule(&["OAuthV2"], "InvalidValueForRefreshTokenExpiresIn", |node| expiry(node, "RefreshTokenExpiresIn")),
    rule(&["OAuthV2"], "ExpiresInNotApplicableForOperation", |node| {
        not_for(node, "ExpiresIn", &["Verify", "Invalidate", "Validate"])
    }),
    rule(&["OAuthV2"], "RefreshTokenExpiresInNotApplicableForOperation", |node| {
        not_for(node, "RefreshTokenExpiresIn", &["Verify", "Invalidate", "Validate", "GenerateAuthorizationCode"])
    }),
    rule(&["OAuthV2"], "GrantTypesNotApplicableForOperation", |node| {
        child(child(node, "SupportedGrantTypes")?, "GrantType")?;
        not_for(node, "SupportedGrantTypes", &["Verify", "Invalidate", "Validate"])
    }),
    rule(&["OAuthV2"], "TokenValueRequired", |node| {
        let operation = word(node, "Operation")?;
        if !matches!(operation, "InvalidateToken" | "ValidateToken") {
            return None;
        }
        let token = child(node, "Tokens").and_then(|tokens| child(tokens, "Token"));
        if token.is_some_and(|token| given(token, &["ref"])) {
            return None;
        }
        hit(
            token.unwrap_or(node),
            "<Token> names no variable",
            "write `<Tokens><Token type=\"accesstoken\">flow.token</Token></Tokens>`",
        )
    }),
];

/// The lifetime of a token: milliseconds, or -1 for one that does not expire.
fn expiry<'d>(node: Node<'d, 'd>, name: &str) -> Option<RuleHit<'d>> {
    let found = child(node, name)?;
    let value = text(found);
    if value.is_empty() || is_template(value) || value == "-1" || value.parse::<u64>().is_ok_and(|value| value > 0) {
        return None;
    }
    hit(
        found,
        format!("`{value}` in <{name}> is not a valid lifetime"),
        "write milliseconds, or -1 for a token that does not expire",
    )
}

/// Reports an element that is not allowed for an operation.
fn not_for<'d>(node: Node<'d, 'd>, name: &str, operations: &[&str]) -> Option<RuleHit<'d>> {
    let operation = word(node, "Operation")?;
    let found = child(node, name).filter(|_| operations.iter().any(|prefix| operation.starts_with(prefix)))?;
    hit(found, format!("<{name}> is not allowed for the operation {operation}"), "remove it")
}

#[cfg(test)]
mod tests {
    use super::RULES;
    use crate::check::deployment_errors::testing::assert_examples;

    #[test]
    fn every_error_is_found_by_its_name() {
        assert_examples(
            RULES,
            &[
                ("<OAuthV2/>", "OperationRequired"),
                ("<OAuthV2><Operation>VerifyTokens</Operation></OAuthV2>", "InvalidOperation"),
                (
                    "<OAuthV2><Operation>GenerateAccessToken</Operation><SupportedGrantTypes><GrantType>nope</GrantType></SupportedGrantTypes></OAuthV2>",
                    "InvalidGrantType",
                ),
                (
                    "<OAuthV2><Operation>GenerateAccessToken</Operation><ExpiresIn>soon</ExpiresIn></OAuthV2>",
                    "InvalidValueForExpiresIn",
                ),
                (
                    "<OAuthV2><Operation>GenerateAccessToken</Operation><RefreshTokenExpiresIn>-5</RefreshTokenExpiresIn></OAuthV2>",
                    "InvalidValueForRefreshTokenExpiresIn",
                ),
                (
                    "<OAuthV2><Operation>VerifyAccessToken</Operation><ExpiresIn>1</ExpiresIn></OAuthV2>",
                    "ExpiresInNotApplicableForOperation",
                ),
                (
                    "<OAuthV2><Operation>VerifyAccessToken</Operation><RefreshTokenExpiresIn>1</RefreshTokenExpiresIn></OAuthV2>",
                    "RefreshTokenExpiresInNotApplicableForOperation",
                ),
                (
                    "<OAuthV2><Operation>VerifyAccessToken</Operation><SupportedGrantTypes><GrantType>password</GrantType></SupportedGrantTypes></OAuthV2>",
                    "GrantTypesNotApplicableForOperation",
                ),
                (
                    "<OAuthV2><Operation>InvalidateToken</Operation><Tokens><Token type='accesstoken'/></Tokens></OAuthV2>",
                    "TokenValueRequired",
                ),
            ],
        );
    }
}
