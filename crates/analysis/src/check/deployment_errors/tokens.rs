//! The errors of GenerateJWS, GenerateJWT, VerifyJWS and VerifyJWT.

use super::rule::{DeploymentRule, RuleHit, given, hit, missing, rule, word};
use crate::check::node::{child, children, is_template, text};
use apigee_flux_model::xml::Node;

/// The registered claims of RFC 7519, which have their own elements.
const REGISTERED_CLAIMS: &[&str] = &["kid", "iss", "sub", "aud", "iat", "exp", "nbf", "jti"];

const CLAIM_TYPES: &[&str] = &["string", "number", "boolean", "map"];

/// The algorithms that sign a JWT or a JWS.
const SIGNING: &[&str] =
    &["ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];

const JWT: &[&str] = &["GenerateJWT", "VerifyJWT"];

const JWX: &[&str] = &["GenerateJWS", "GenerateJWT", "VerifyJWS", "VerifyJWT"];

/// The rules, in the order of their findings.
pub(super) const RULES: &[DeploymentRule] = &[
    rule(JWT, "InvalidNameForAdditionalClaim", |node| {
        let found = claims(node, "AdditionalClaims")
            .find(|claim| claim.attribute("name").is_some_and(|name| REGISTERED_CLAIMS.contains(&name)))?;
        let name = found.attribute("name").unwrap_or_default();
        hit(found, format!("`{name}` is a registered claim"), "use the element for it, for example <Issuer> for `iss`")
    }),
    rule(JWT, "MissingNameForAdditionalClaim", |node| {
        let found = claims(node, "AdditionalClaims")
            .find(|claim| claim.attribute("name").is_none_or(|name| name.trim().is_empty()))?;
        hit(found, "a <Claim> has no name", "write the attribute `name`")
    }),
    rule(JWT, "InvalidTypeForAdditionalClaim", |node| wrong_type(node, "AdditionalClaims")),
    rule(JWX, "InvalidTypeForAdditionalHeader", |node| wrong_type(node, "AdditionalHeaders")),
    rule(JWX, "InvalidNameForAdditionalHeader", |node| {
        let found =
            claims(node, "AdditionalHeaders").find(|claim| matches!(claim.attribute("name"), Some("alg" | "typ")))?;
        let name = found.attribute("name").unwrap_or_default();
        hit(found, format!("`{name}` is a registered header"), "remove it: the policy sets it")
    }),
    rule(JWX, "InvalidValueOfArrayAttribute", |node| {
        let found = claims(node, "AdditionalClaims").chain(claims(node, "AdditionalHeaders")).find(|claim| {
            claim
                .attribute("array")
                .is_some_and(|value| !is_template(value) && !matches!(value.trim(), "true" | "false"))
        })?;
        hit(found, "the attribute `array` is neither `true` nor `false`", "write `true` or `false`")
    }),
    rule(JWX, "InvalidValueForElement", |node| {
        let found = child(node, "Algorithm")?;
        let wrong = text(found)
            .split(',')
            .map(str::trim)
            .find(|name| !name.is_empty() && !is_template(name) && !SIGNING.contains(name))?;
        hit(found, format!("`{wrong}` is not a supported algorithm"), format!("write one of {}", SIGNING.join(", ")))
    }),
    rule(JWX, "MissingConfigurationElement", |node| {
        let algorithm = word(node, "Algorithm")?;
        let generates = node.tag_name().name().starts_with("Generate");
        let wanted = match (algorithm.get(..2)?, generates) {
            ("HS", _) => "SecretKey",
            ("RS" | "PS" | "ES", true) => "PrivateKey",
            ("RS" | "PS" | "ES", false) => "PublicKey",
            _ => return None,
        };
        missing(node, wanted, &format!("{algorithm} needs the key in <{wanted}>"))
    }),
    rule(JWX, "EmptyElementForKeyConfiguration", |node| {
        let key = node.children().find(|found| {
            matches!(found.tag_name().name(), "SecretKey" | "PrivateKey" | "PublicKey" | "PasswordKey" | "DirectKey")
        })?;
        let found = children(key, "Value")
            .chain(children(key, "JWKS"))
            .chain(children(key, "Certificate"))
            .find(|value| !given(*value, &["ref", "uri", "uriRef"]))?;
        let name = found.tag_name().name();
        hit(
            found,
            format!("<{name}> has no key"),
            format!("name the variable that holds it, for example `<{name} ref=\"private.key\"/>`"),
        )
    }),
    rule(&["VerifyJWS", "VerifyJWT"], "InvalidConfigurationForVerify", |node| {
        let found = child(child(node, "SecretKey")?, "Id")?;
        hit(
            found,
            "<Id> is not allowed in <SecretKey>",
            "remove it: the policy reads the key's identifier from the token",
        )
    }),
];

/// The claims below an element.
fn claims<'d>(node: Node<'d, 'd>, name: &'static str) -> impl Iterator<Item = Node<'d, 'd>> {
    child(node, name).into_iter().flat_map(|found| children(found, "Claim"))
}

fn wrong_type<'d>(node: Node<'d, 'd>, name: &'static str) -> Option<RuleHit<'d>> {
    let found = claims(node, name).find(|claim| {
        claim.attribute("type").is_some_and(|kind| !is_template(kind) && !CLAIM_TYPES.contains(&kind.trim()))
    })?;
    let kind = found.attribute("type").unwrap_or_default();
    hit(found, format!("`{kind}` is not a supported claim type"), format!("write one of {}", CLAIM_TYPES.join(", ")))
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
                (
                    "<GenerateJWT><Algorithm>HS256</Algorithm><SecretKey><Value ref='private.k'/></SecretKey><AdditionalClaims><Claim name='iss'>a</Claim></AdditionalClaims></GenerateJWT>",
                    "InvalidNameForAdditionalClaim",
                ),
                (
                    "<GenerateJWT><AdditionalClaims><Claim>a</Claim></AdditionalClaims></GenerateJWT>",
                    "MissingNameForAdditionalClaim",
                ),
                (
                    "<GenerateJWT><AdditionalClaims><Claim name='a' type='text'>a</Claim></AdditionalClaims></GenerateJWT>",
                    "InvalidTypeForAdditionalClaim",
                ),
                (
                    "<GenerateJWT><AdditionalHeaders><Claim name='a' type='text'>a</Claim></AdditionalHeaders></GenerateJWT>",
                    "InvalidTypeForAdditionalHeader",
                ),
                (
                    "<GenerateJWT><AdditionalHeaders><Claim name='alg'>a</Claim></AdditionalHeaders></GenerateJWT>",
                    "InvalidNameForAdditionalHeader",
                ),
                (
                    "<GenerateJWT><AdditionalClaims><Claim name='a' array='maybe'>a</Claim></AdditionalClaims></GenerateJWT>",
                    "InvalidValueOfArrayAttribute",
                ),
                (
                    "<VerifyJWT><Algorithm>HS999</Algorithm><SecretKey><Value ref='private.k'/></SecretKey></VerifyJWT>",
                    "InvalidValueForElement",
                ),
                ("<VerifyJWT><Algorithm>RS256</Algorithm></VerifyJWT>", "MissingConfigurationElement"),
                (
                    "<VerifyJWT><Algorithm>RS256</Algorithm><PublicKey><JWKS/></PublicKey></VerifyJWT>",
                    "EmptyElementForKeyConfiguration",
                ),
                (
                    "<VerifyJWT><Algorithm>HS256</Algorithm><SecretKey><Id>a</Id><Value ref='private.k'/></SecretKey></VerifyJWT>",
                    "InvalidConfigurationForVerify",
                ),
            ],
        );
    }
}
