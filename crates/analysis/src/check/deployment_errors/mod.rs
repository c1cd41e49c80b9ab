//! The errors with which Apigee rejects the import or deployment of a policy, if the bundle alone shows them: those that Google's policy
//! pages list under "Deployment errors". Each finding has Apigee's name of the error, which users search for.
//!
//! Rates, units and resources have their own checks.

use std::collections::BTreeSet;

use super::node::{at, child, children, is_template, text};
use super::{Finding, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{Policy, RuntimeBundle};
use apigee_flux_model::xml::Node;

/// What is wrong with a policy: where, what, and the fix.
type Hit<'d> = (Node<'d, 'd>, String, String);

/// One error of one or more policy types.
struct Rule {
    policies: &'static [&'static str],
    /// Apigee's name of the error; empty if its pages do not name it.
    error: &'static str,
    find: for<'d> fn(Node<'d, 'd>) -> Option<Hit<'d>>,
    verdict: Verdict,
}

const fn rule(
    policies: &'static [&'static str],
    error: &'static str,
    find: for<'d> fn(Node<'d, 'd>) -> Option<Hit<'d>>,
) -> Rule {
    Rule { policies, error, find, verdict: Verdict::Refused }
}

/// An error that some versions of Apigee ignore.
const fn broken(
    policies: &'static [&'static str],
    error: &'static str,
    find: for<'d> fn(Node<'d, 'd>) -> Option<Hit<'d>>,
) -> Rule {
    Rule { policies, error, find, verdict: Verdict::Broken }
}

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for policy in bundle.policies.values() {
        for rule in RULES.iter().filter(|rule| rule.policies.contains(&policy.element)) {
            if let Some(hit) = (rule.find)(policy.node) {
                report(policy, rule, hit, findings);
            }
        }
    }
}

/// Why Apigee would reject a policy: Apigee's name of each error, and what is wrong.
pub fn refusals(policy: Node<'_, '_>) -> Vec<String> {
    let element = policy.tag_name().name();
    let ours = RULES.iter().filter(|rule| rule.verdict == Verdict::Refused && rule.policies.contains(&element));
    ours.filter_map(|rule| Some((rule.error, (rule.find)(policy)?.1)))
        .map(|(error, message)| if error.is_empty() { message } else { format!("{error}: {message}") })
        .collect()
}

fn report<'d>(policy: &Policy<'d>, rule: &Rule, (node, message, help): Hit<'d>, findings: &mut Findings<'d>) {
    let error = rule.error;
    let refusal = if error.is_empty() { String::new() } else { format!(" (Apigee's error {error})") };
    let message = format!("the policy `{}` <{}>: {message}{refusal}", policy.name, policy.element);
    findings.add(Finding::new(Code::DeploymentError, rule.verdict, at(policy, node), message).help(help));
}

#[expect(clippy::unnecessary_wraps, reason = "it is the last expression of most rules")]
fn hit<'d>(node: Node<'d, 'd>, message: impl Into<String>, help: impl Into<String>) -> Option<Hit<'d>> {
    Some((node, message.into(), help.into()))
}

/// Reports a missing child.
fn missing<'d>(node: Node<'d, 'd>, name: &str, help: &str) -> Option<Hit<'d>> {
    if child(node, name).is_some() { None } else { hit(node, format!("<{name}> is missing"), help) }
}

/// True for an element with text, a child element or one of these attributes.
fn given(node: Node<'_, '_>, attributes: &[&str]) -> bool {
    let filled = |name: &&str| node.attribute(*name).is_some_and(|value| !value.trim().is_empty());
    !text(node).is_empty() || attributes.iter().any(filled) || node.children().any(|c| c.is_element())
}

/// Reports a child that is missing or has neither text nor a `ref`.
fn missing_value<'d>(node: Node<'d, 'd>, name: &str) -> Option<Hit<'d>> {
    match child(node, name) {
        Some(found) if given(found, &["ref"]) => None,
        found => hit(
            found.unwrap_or(node),
            format!("<{name}> has no value"),
            format!("name the variable that holds it, for example `<{name} ref=\"private.value\"/>`"),
        ),
    }
}

/// The first child with this name that does not contain the element `inner`.
fn first_without<'d>(node: Node<'d, 'd>, name: &str, inner: &str) -> Option<Node<'d, 'd>> {
    children(node, name).find(|found| child(*found, inner).is_none())
}

/// The first descendant with this name whose text is empty.
fn first_empty<'d>(node: Node<'d, 'd>, name: &str) -> Option<Node<'d, 'd>> {
    node.descendants().find(|found| found.has_tag_name(name) && text(*found).is_empty())
}

fn word<'d>(node: Node<'d, 'd>, name: &str) -> Option<&'d str> {
    child(node, name).map(text).filter(|text| !text.is_empty() && !is_template(text))
}

fn is_true(node: Node<'_, '_>, name: &str) -> bool {
    word(node, name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// The scheme of a resource's URL.
fn scheme(url: &str) -> Option<&str> {
    url.split_once("://").filter(|(scheme, name)| !scheme.is_empty() && !name.is_empty()).map(|(scheme, _)| scheme)
}

/// Reports a resource whose URL is invalid (`wrong_form`) or names another folder.
fn resource<'d>(node: Node<'d, 'd>, names: &[&str], folders: &[&str], wrong_form: bool) -> Option<Hit<'d>> {
    let found = node.children().find(|inner| {
        let url = text(*inner);
        let ours =
            inner.is_element() && names.contains(&inner.tag_name().name()) && !url.is_empty() && !is_template(url);
        ours && match scheme(url) {
            None => wrong_form,
            Some(scheme) => !wrong_form && !folders.contains(&scheme),
        }
    })?;
    let wanted = folders.iter().map(|folder| format!("`{folder}://NAME`")).collect::<Vec<_>>().join(" or ");
    hit(
        found,
        format!("`{}` is not the URL of a resource of the expected type", text(found)),
        format!("write {wanted}"),
    )
}

const START_TIME: &str = "write it as `2026-01-31 12:00:00`";

const HTTP: &str = "write the backend as `<HTTPTargetConnection><URL>https://…</URL></HTTPTargetConnection>`";

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

/// The registered claims of RFC 7519, which have their own elements.
const REGISTERED_CLAIMS: &[&str] = &["kid", "iss", "sub", "aud", "iat", "exp", "nbf", "jti"];

const CLAIM_TYPES: &[&str] = &["string", "number", "boolean", "map"];

/// The algorithms that sign a JWT or a JWS.
const SIGNING: &[&str] =
    &["ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"];

const JWT: &[&str] = &["GenerateJWT", "VerifyJWT"];
const JWX: &[&str] = &["GenerateJWS", "GenerateJWT", "VerifyJWS", "VerifyJWT"];

/// The protocols of a syslog server.
const PROTOCOLS: &[&str] = &["TCP", "UDP"];

const CACHES: &[&str] = &["LookupCache", "ResponseCache"];
const EXPIRING: &[&str] = &["PopulateCache", "ResponseCache"];

/// The elements of which ExtractVariables needs one.
const EXTRACTS: &[&str] = &["URIPath", "QueryParam", "Header", "FormParam", "Variable", "XMLPayload", "JSONPayload"];

/// All rules.
const RULES: &[Rule] = &[
    rule(&["AssignMessage", "RaiseFault"], "InvalidVariableName", |node| {
        let found = node.descendants().filter(|found| found.has_tag_name("AssignVariable"));
        let unnamed = |found: &Node<'_, '_>| child(*found, "Name").is_none_or(|name| text(name).is_empty());
        let found = found.into_iter().find(unnamed)?;
        hit(found, "<AssignVariable> names no variable", "write `<Name>flow.name</Name>`")
    }),
    rule(&["AssignMessage", "RaiseFault"], "InvalidIndex", |node| {
        let parts = node.descendants().filter(|found| {
            let part = matches!(found.tag_name().name(), "Header" | "QueryParam" | "FormParam");
            let taken = found.parent_element().and_then(|above| above.parent_element());
            part && taken.is_some_and(|above| matches!(above.tag_name().name(), "Copy" | "Remove"))
        });
        let index = |found: &Node<'_, '_>| {
            let name = found.attribute("name").unwrap_or_default();
            name.rsplit_once('.').and_then(|(_, index)| index.parse::<i64>().ok()).is_some_and(|index| index < 1)
        };
        let found = parts.into_iter().find(index)?;
        let name = found.attribute("name").unwrap_or_default();
        hit(found, format!("the index in `{name}` is not positive"), "indexes start at 1")
    }),
    rule(&["AccessControl"], "", |node| {
        let found = node.descendants().find(|found| {
            let mask = found.attribute("mask").map(str::trim).filter(|mask| !is_template(mask));
            let most = if text(*found).contains(':') { 128 } else { 32 };
            found.has_tag_name("SourceAddress")
                && mask.is_some_and(|mask| !mask.parse::<u8>().is_ok_and(|bits| bits <= most))
        })?;
        let mask = found.attribute("mask").unwrap_or_default();
        hit(
            found,
            format!("`{mask}` is not a valid mask for `{}`", text(found)),
            "write a prefix length: 0 to 32, or 0 to 128 for IPv6",
        )
    }),
    rule(&["BasicAuthentication"], "UserNameRequired", |node| {
        if word(node, "Operation").is_none_or(|o| o.eq_ignore_ascii_case("Encode")) {
            missing_value(node, "User")
        } else {
            None
        }
    }),
    rule(&["BasicAuthentication"], "PasswordRequired", |node| {
        if word(node, "Operation").is_none_or(|o| o.eq_ignore_ascii_case("Encode")) {
            missing_value(node, "Password")
        } else {
            None
        }
    }),
    rule(&["BasicAuthentication"], "AssignToRequired", |node| {
        let encodes = word(node, "Operation").is_some_and(|operation| operation.eq_ignore_ascii_case("Encode"));
        if encodes && word(node, "AssignTo").is_none() {
            return hit(
                node,
                "<AssignTo> is missing",
                "name the variable that receives the header, for example `<AssignTo>request.header.Authorization</AssignTo>`",
            );
        }
        None
    }),
    rule(&["BasicAuthentication"], "SourceRequired", |node| {
        let decodes = word(node, "Operation").is_some_and(|operation| operation.eq_ignore_ascii_case("Decode"));
        if decodes { missing(node, "Source", "write `<Source>request.header.Authorization</Source>`") } else { None }
    }),
    rule(&["ExtractVariables"], "NothingToExtract", |node| {
        if EXTRACTS.iter().any(|name| child(node, name).is_some()) {
            return None;
        }
        hit(
            node,
            "it extracts nothing",
            format!("add one of {}", EXTRACTS.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(", ")),
        )
    }),
    rule(&["ExtractVariables", "RegularExpressionProtection"], "NoJSONPathsToEvaluate", |node| {
        let payload = child(node, "JSONPayload")?;
        if left_empty(node, payload) {
            return None;
        }
        if payload.descendants().any(|found| found.has_tag_name("JSONPath")) {
            return None;
        }
        hit(payload, "<JSONPayload> has no <JSONPath>", "add one, or remove the element")
    }),
    rule(&["ExtractVariables"], "EmptyJSONPathExpression", |node| {
        let found = first_empty(child(node, "JSONPayload")?, "JSONPath")?;
        hit(found, "a <JSONPath> is empty", "write an expression, for example `$.id`")
    }),
    rule(&["ExtractVariables", "RegularExpressionProtection"], "NoXPathsToEvaluate", |node| {
        let payload = child(node, "XMLPayload")?;
        if left_empty(node, payload) {
            return None;
        }
        if payload.descendants().any(|found| found.has_tag_name("XPath")) {
            return None;
        }
        hit(payload, "<XMLPayload> has no <XPath>", "add one, or remove the element")
    }),
    rule(&["ExtractVariables"], "EmptyXPathExpression", |node| {
        let found = first_empty(child(node, "XMLPayload")?, "XPath")?;
        hit(found, "an <XPath> is empty", "write an expression, for example `/order/id`")
    }),
    rule(&["RegularExpressionProtection"], "EmptyJSONPathExpression", |node| {
        let found = first_empty(child(node, "JSONPayload")?, "Expression")?;
        hit(found, "the <Expression> of a <JSONPath> is empty", "write an expression, for example `$.id`")
    }),
    rule(&["RegularExpressionProtection"], "EmptyXPathExpression", |node| {
        let found = first_empty(child(node, "XMLPayload")?, "Expression")?;
        hit(found, "the <Expression> of an <XPath> is empty", "write an expression, for example `/order/id`")
    }),
    rule(&["ExtractVariables", "RegularExpressionProtection"], "DuplicatePrefix", |node| {
        let mut seen = BTreeSet::new();
        let found = node.descendants().find(|found| {
            found.has_tag_name("Namespace") && found.attribute("prefix").is_some_and(|prefix| !seen.insert(prefix))
        })?;
        let prefix = found.attribute("prefix").unwrap_or_default();
        hit(found, format!("the prefix `{prefix}` is defined more than once"), "give each namespace its own prefix")
    }),
    rule(&["ExtractVariables", "RegularExpressionProtection"], "NonEmptyPrefixMappedToEmptyURI", |node| {
        let found = node.descendants().find(|found| {
            let prefixed = found.attribute("prefix").is_some_and(|prefix| !prefix.is_empty());
            found.has_tag_name("Namespace") && prefixed && text(*found).is_empty()
        })?;
        let prefix = found.attribute("prefix").unwrap_or_default();
        hit(found, format!("the prefix `{prefix}` has no namespace"), "write the namespace's URI into <Namespace>")
    }),
    rule(&["ExtractVariables", "RegularExpressionProtection"], "MissingName", |node| {
        let found = node.children().find(|found| {
            let named = matches!(found.tag_name().name(), "QueryParam" | "Header" | "FormParam" | "Variable");
            named && found.attribute("name").is_none_or(|name| name.trim().is_empty())
        })?;
        hit(found, format!("<{}> has no name", found.tag_name().name()), "write the attribute `name`")
    }),
    rule(&["ExtractVariables"], "PatternWithoutVariable", |node| {
        let found = node.descendants().find(|found| found.has_tag_name("Pattern") && !text(*found).contains('{'))?;
        hit(
            found,
            format!("the pattern `{}` has no variable", text(found)),
            "put the variable's name in braces, for example `/orders/{id}`",
        )
    }),
    rule(&["FlowCallout"], "", |node| {
        if word(node, "SharedFlowBundle").is_some()
            || child(node, "SharedFlowBundle").is_some_and(|found| !text(found).is_empty())
        {
            return None;
        }
        hit(node, "<SharedFlowBundle> is missing", "name the shared flow to call")
    }),
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
    rule(&["JavaCallout"], "NoResourceForURL", |node| {
        missing(node, "ResourceURL", "write `<ResourceURL>java://NAME.jar</ResourceURL>`")
    }),
    rule(&["JavaCallout"], "", |node| {
        missing(node, "ClassName", "write the class to run, for example `<ClassName>com.example.Callout</ClassName>`")
    }),
    rule(&["JavaCallout"], "InvalidResourceUrlFormat", |node| resource(node, &["ResourceURL"], &["java"], true)),
    rule(&["JavaCallout"], "WrongResourceType", |node| resource(node, &["ResourceURL"], &["java"], false)),
    rule(&["Javascript"], "NoResourceForURL", |node| {
        let script =
            ["ResourceURL", "Source"].iter().any(|name| child(node, name).is_some_and(|found| given(found, &[])));
        if script {
            None
        } else {
            hit(node, "it has neither <ResourceURL> nor <Source>", "write `<ResourceURL>jsc://NAME.js</ResourceURL>`")
        }
    }),
    rule(&["Javascript"], "InvalidResourceUrlFormat", |node| {
        resource(node, &["ResourceURL", "IncludeURL"], &["jsc"], true)
    }),
    rule(&["Javascript"], "WrongResourceType", |node| resource(node, &["ResourceURL", "IncludeURL"], &["jsc"], false)),
    rule(&["KeyValueMapOperations"], "InvalidIndex", |node| {
        let found = children(node, "Get").find(|get| {
            get.attribute("index").and_then(|index| index.trim().parse::<i64>().ok()).is_some_and(|index| index < 1)
        })?;
        hit(found, "the index of <Get> is not positive", "indexes start at 1")
    }),
    rule(&["KeyValueMapOperations"], "KeyIsMissing", |node| {
        let operations = ["Get", "Put", "Delete"].into_iter().flat_map(|name| children(node, name));
        let found = operations.into_iter().find(|operation| {
            child(*operation, "Key")
                .and_then(|key| child(key, "Parameter"))
                .is_none_or(|parameter| !given(parameter, &["ref"]))
        })?;
        hit(
            found,
            format!("<{}> names no key", found.tag_name().name()),
            "write `<Key><Parameter>NAME</Parameter></Key>`",
        )
    }),
    rule(&["KeyValueMapOperations"], "ValueIsMissing", |node| {
        let found = first_without(node, "Put", "Value")?;
        hit(found, "<Put> has no value", "write `<Value ref=\"flow.name\"/>`")
    }),
    rule(CACHES, "InvalidTimeout", |node| not_whole(child(node, "CacheLookupTimeoutInSeconds")?)),
    rule(EXPIRING, "InvalidTimeout", |node| {
        let expiry = child(node, "ExpirySettings")?;
        let found = children(expiry, "TimeoutInSec").chain(children(expiry, "TimeoutInSeconds"));
        found.into_iter().find_map(not_whole)
    }),
    rule(&["MessageLogging"], "InvalidProtocol", |node| {
        let found = child(child(node, "Syslog")?, "Protocol")?;
        let protocol = text(found);
        if protocol.is_empty()
            || is_template(protocol)
            || PROTOCOLS.iter().any(|known| known.eq_ignore_ascii_case(protocol))
        {
            return None;
        }
        hit(
            found,
            format!("`{protocol}` is not a supported syslog protocol"),
            format!("write {}", PROTOCOLS.join(" or ")),
        )
    }),
    rule(&["MessageLogging"], "InvalidPort", |node| {
        let found = child(child(node, "Syslog")?, "Port")?;
        let port = text(found);
        if port.is_empty() || is_template(port) || port.parse::<u16>().is_ok_and(|port| port > 0) {
            return None;
        }
        hit(found, format!("`{port}` is not a port"), "write a number from 1 to 65535")
    }),
    rule(&["MessageValidation"], "InvalidResourceType", |node| {
        resource(node, &["ResourceURL"], &["wsdl", "xsd"], true)
            .or_else(|| resource(node, &["ResourceURL"], &["wsdl", "xsd"], false))
    }),
    rule(&["MessageValidation"], "RootElementNameUnspecified", |node| {
        let found = child(node, "Element").filter(|found| text(*found).is_empty())?;
        hit(found, "<Element> is empty", "write the name of the root element, or remove it")
    }),
    rule(&["OASValidation"], "", |node| {
        missing(node, "OASResource", "write `<OASResource>oas://NAME.yaml</OASResource>`")
    }),
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
    rule(&["Quota"], "InvalidQuotaInterval", |node| {
        if child(node, "UseQuotaConfigInAPIProduct").is_some() {
            return None;
        }
        missing(node, "Interval", "write `<Interval>1</Interval>`; the unit is in <TimeUnit>")
    }),
    rule(&["Quota"], "InvalidQuotaTimeUnit", |node| {
        if child(node, "UseQuotaConfigInAPIProduct").is_some() {
            return None;
        }
        missing(node, "TimeUnit", "write `<TimeUnit>minute</TimeUnit>`")
    }),
    rule(&["Quota"], "InvalidQuotaType", |node| {
        let kind = node.attribute("type").map(str::trim).filter(|kind| !kind.is_empty() && !is_template(kind))?;
        if ["calendar", "rollingwindow", "flexi"].contains(&kind) {
            return None;
        }
        hit(
            node,
            format!("`{kind}` is not a supported quota type"),
            "write `calendar`, `rollingwindow` or `flexi`, or remove the attribute",
        )
    }),
    broken(&["Quota"], "InvalidStartTime", |node| {
        let calendar = node.attribute("type").is_some_and(|kind| kind.trim() == "calendar");
        if calendar { missing(node, "StartTime", START_TIME) } else { None }
    }),
    rule(&["Quota"], "InvalidStartTime", |node| {
        let found =
            child(node, "StartTime").filter(|found| !is_template(text(*found)) && !is_start_time(text(*found)))?;
        hit(found, format!("`{}` is not a valid start time", text(found)), START_TIME)
    }),
    rule(&["Quota"], "StartTimeNotSupported", |node| {
        let found = child(node, "StartTime")?;
        let kind = node.attribute("type").map(str::trim).filter(|kind| *kind == "rollingwindow")?;
        hit(
            found,
            format!("a quota of type `{kind}` does not allow <StartTime>"),
            "remove it, or write `type=\"calendar\"`",
        )
    }),
    rule(&["Quota"], "InvalidSynchronizeIntervalForAsyncConfiguration", |node| {
        let found = child(child(node, "AsynchronousConfiguration")?, "SyncIntervalInSeconds")?;
        let seconds = text(found);
        if seconds.is_empty() || is_template(seconds) || seconds.parse::<u64>().is_ok() {
            return None;
        }
        hit(found, format!("`{seconds}` is not a number of seconds"), "write a whole number of at least 10")
    }),
    rule(&["Quota"], "InvalidAsynchronizeConfigurationForSynchronousQuota", |node| {
        let found = child(node, "AsynchronousConfiguration").filter(|_| is_true(node, "Synchronous"))?;
        hit(
            found,
            "a synchronous quota does not allow <AsynchronousConfiguration>",
            "remove it, or write `<Synchronous>false</Synchronous>`",
        )
    }),
    rule(&["LLMTokenQuota", "Quota"], "stepName missing in useQuotaConfigInAPIProduct", |node| {
        let found = child(node, "UseQuotaConfigInAPIProduct")?;
        if found.attribute("stepName").is_some_and(|name| !name.trim().is_empty()) {
            return None;
        }
        hit(
            found,
            "<UseQuotaConfigInAPIProduct> has no `stepName`",
            "name the VerifyAPIKey or OAuthV2 policy that runs before it",
        )
    }),
    rule(&["RegularExpressionProtection"], "NothingToEnforce", |node| {
        if EXTRACTS.iter().any(|name| child(node, name).is_some()) {
            return None;
        }
        hit(
            node,
            "it checks nothing",
            "add <URIPath>, <QueryParam>, <Header>, <FormParam>, <XMLPayload> or <JSONPayload>",
        )
    }),
    rule(&["RegularExpressionProtection"], "NoPatternsToEnforce", |node| {
        let found = node.children().find(|found| {
            let part = found.is_element() && !left_empty(node, *found) && EXTRACTS.contains(&found.tag_name().name());
            part && !found.descendants().any(|inner| inner.has_tag_name("Pattern"))
        })?;
        hit(found, format!("<{}> has no <Pattern>", found.tag_name().name()), "add one, or remove the element")
    }),
    rule(&["ResetQuota"], "InvalidCount", |node| {
        let found = node.descendants().find(|found| {
            let count = text(*found);
            found.has_tag_name("Allow") && !count.is_empty() && !is_template(count) && count.parse::<u64>().is_err()
        })?;
        hit(found, format!("`{}` is not a valid number of requests", text(found)), "write a whole number")
    }),
    rule(&["GenerateSAMLAssertion"], "NullKeyStore", |node| {
        child(node, "KeyStore").map_or_else(
            || hit(node, "<KeyStore> is missing", "write `<KeyStore><Name>ref://…</Name><Alias>…</Alias></KeyStore>`"),
            |store| missing_value(store, "Name"),
        )
    }),
    rule(&["GenerateSAMLAssertion"], "NullKeyStoreAlias", |node| missing_value(child(node, "KeyStore")?, "Alias")),
    rule(&["ValidateSAMLAssertion"], "SourceNotConfigured", |node| {
        missing(node, "Source", "name the message that contains the assertion, for example `<Source name=\"request\">`")
    }),
    rule(&["ValidateSAMLAssertion"], "TrustStoreNotConfigured", |node| missing_value(node, "TrustStore")),
    rule(&["Script"], "NoResourceForURL", |node| {
        missing(node, "ResourceURL", "write `<ResourceURL>py://NAME.py</ResourceURL>`")
    }),
    rule(&["Script"], "InvalidResourceUrlFormat", |node| resource(node, &["ResourceURL", "IncludeURL"], &["py"], true)),
    rule(&["Script"], "WrongResourceType", |node| resource(node, &["ResourceURL", "IncludeURL"], &["py"], false)),
    rule(&["ServiceCallout"], "URLMissing", |node| {
        let connection = child(node, "HTTPTargetConnection")?;
        let url = child(connection, "URL").is_some_and(|url| !text(url).is_empty());
        if url || child(connection, "LoadBalancer").is_some() {
            None
        } else {
            hit(connection, "<HTTPTargetConnection> has no <URL>", HTTP)
        }
    }),
    rule(&["ServiceCallout"], "ConnectionInfoMissing", |node| {
        if child(node, "HTTPTargetConnection").is_some() || child(node, "LocalTargetConnection").is_some() {
            return None;
        }
        hit(node, "it has neither <HTTPTargetConnection> nor <LocalTargetConnection>", HTTP)
    }),
    rule(&["ServiceCallout"], "InvalidTimeoutValue", |node| not_whole(child(node, "Timeout")?)),
    rule(&["PromptTokenLimit", "SpikeArrest"], "InvalidAllowedRate", |node| match child(node, "Rate") {
        Some(rate) if given(rate, &["ref"]) => None,
        found => {
            hit(found.unwrap_or(node), "<Rate> is missing", "write it as `<Rate>100ps</Rate>` or `<Rate>30pm</Rate>`")
        }
    }),
    rule(&["VerifyAPIKey"], "SpecifyValueOrRefApiKey", |node| match child(node, "APIKey") {
        Some(key) if given(key, &["ref"]) => None,
        found => hit(
            found.unwrap_or(node),
            "<APIKey> does not say where the key is",
            "write `<APIKey ref=\"request.header.x-api-key\"/>`",
        ),
    }),
    rule(&["XMLToJSON"], "EitherOptionOrFormat", |node| {
        if child(node, "Options").is_some() || child(node, "Format").is_some() {
            return None;
        }
        hit(node, "it has neither <Options> nor <Format>", "write `<Format>yahoo</Format>`")
    }),
    rule(&["XMLToJSON"], "UnknownFormat", |node| {
        let formats = ["xml.com", "yahoo", "google", "badgerFish"];
        let format = word(node, "Format").filter(|format| !formats.contains(format))?;
        hit(
            child(node, "Format")?,
            format!("`{format}` is not a supported format"),
            format!("write one of {}", formats.join(", ")),
        )
    }),
    rule(&["XSL"], "XSLEmptyResourceUrl", |node| {
        if child(node, "ResourceURL").is_some_and(|found| !text(found).is_empty()) {
            return None;
        }
        hit(
            child(node, "ResourceURL").unwrap_or(node),
            "it names no stylesheet",
            "write `<ResourceURL>xsl://NAME.xsl</ResourceURL>`",
        )
    }),
    rule(&["XSL"], "XSLInvalidResourceType", |node| {
        resource(node, &["ResourceURL"], &["xsl"], true).or_else(|| resource(node, &["ResourceURL"], &["xsl"], false))
    }),
];

/// True for an empty payload next to other parts: Apigee's own editor leaves it there.
fn left_empty(node: Node<'_, '_>, payload: Node<'_, '_>) -> bool {
    let others = EXTRACTS.iter().any(|name| *name != payload.tag_name().name() && child(node, name).is_some());
    others && !payload.children().any(|inner| inner.is_element())
}

/// The claims below an element.
fn claims<'d>(node: Node<'d, 'd>, name: &'static str) -> impl Iterator<Item = Node<'d, 'd>> {
    child(node, name).into_iter().flat_map(|found| children(found, "Claim"))
}

fn wrong_type<'d>(node: Node<'d, 'd>, name: &'static str) -> Option<Hit<'d>> {
    let found = claims(node, name).find(|claim| {
        claim.attribute("type").is_some_and(|kind| !is_template(kind) && !CLAIM_TYPES.contains(&kind.trim()))
    })?;
    let kind = found.attribute("type").unwrap_or_default();
    hit(found, format!("`{kind}` is not a supported claim type"), format!("write one of {}", CLAIM_TYPES.join(", ")))
}

/// Reports text that is not a positive whole number.
fn not_whole<'d>(found: Node<'d, 'd>) -> Option<Hit<'d>> {
    let value = text(found);
    if value.is_empty() || is_template(value) || value.parse::<u64>().is_ok_and(|value| value > 0) {
        return None;
    }
    hit(
        found,
        format!("`{value}` in <{}> is not a positive number", found.tag_name().name()),
        "write a whole number of at least 1",
    )
}

/// The lifetime of a token: milliseconds, or -1 for one that does not expire.
fn expiry<'d>(node: Node<'d, 'd>, name: &str) -> Option<Hit<'d>> {
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
fn not_for<'d>(node: Node<'d, 'd>, name: &str, operations: &[&str]) -> Option<Hit<'d>> {
    let operation = word(node, "Operation")?;
    let found = child(node, name).filter(|_| operations.iter().any(|prefix| operation.starts_with(prefix)))?;
    hit(found, format!("<{name}> is not allowed for the operation {operation}"), "remove it")
}

/// `yyyy-MM-dd HH:mm:ss`; the parts may be written without leading zeros.
fn is_start_time(text: &str) -> bool {
    let number = |part: &str, most: u32| part.parse::<u32>().is_ok_and(|number| number <= most);
    let Some((date, time)) = text.split_once(' ') else { return false };
    let date: Vec<&str> = date.split('-').collect();
    let time: Vec<&str> = time.trim().split(':').collect();
    let [year, month, day] = date.as_slice() else { return false };
    let [hour, minute, second] = time.as_slice() else { return false };
    year.len() == 4
        && number(year, 9999)
        && number(month, 12)
        && number(day, 31)
        && number(hour, 24)
        && number(minute, 59)
        && number(second, 59)
}

#[cfg(test)]
mod tests {
    use super::*;
    use apigee_flux_model::xml::parse;

    /// The errors of a policy, by Apigee's names.
    fn errors(policy: &str) -> Vec<&'static str> {
        let document = parse(policy).unwrap();
        let root = document.root_element();
        let ours = RULES.iter().filter(|rule| rule.policies.contains(&root.tag_name().name()));
        ours.filter(|rule| (rule.find)(root).is_some()).map(|rule| rule.error).collect()
    }

    /// For each error, a policy that has this error and no other.
    const EXAMPLES: &[(&str, &str)] = &[
        (
            "<AccessControl><IPRules noRuleMatchAction='ALLOW'><MatchRule action='DENY'><SourceAddress mask='33'>10.0.0.1</SourceAddress></MatchRule></IPRules></AccessControl>",
            "",
        ),
        ("<AssignMessage><AssignVariable><Value>a</Value></AssignVariable></AssignMessage>", "InvalidVariableName"),
        ("<AssignMessage><Remove><Headers><Header name='a.0'/></Headers></Remove></AssignMessage>", "InvalidIndex"),
        (
            "<BasicAuthentication><Operation>Encode</Operation><Password ref='p'/><AssignTo>a</AssignTo></BasicAuthentication>",
            "UserNameRequired",
        ),
        (
            "<BasicAuthentication><Operation>Encode</Operation><User ref='u'/><AssignTo>a</AssignTo></BasicAuthentication>",
            "PasswordRequired",
        ),
        (
            "<BasicAuthentication><Operation>Encode</Operation><User ref='u'/><Password ref='p'/></BasicAuthentication>",
            "AssignToRequired",
        ),
        (
            "<BasicAuthentication><Operation>Decode</Operation><User ref='u'/><Password ref='p'/></BasicAuthentication>",
            "SourceRequired",
        ),
        ("<ExtractVariables><Source>request</Source></ExtractVariables>", "NothingToExtract"),
        ("<ExtractVariables><JSONPayload/></ExtractVariables>", "NoJSONPathsToEvaluate"),
        (
            "<ExtractVariables><JSONPayload><Variable name='a'><JSONPath/></Variable></JSONPayload></ExtractVariables>",
            "EmptyJSONPathExpression",
        ),
        ("<ExtractVariables><XMLPayload/></ExtractVariables>", "NoXPathsToEvaluate"),
        (
            "<ExtractVariables><XMLPayload><Variable name='a'><XPath/></Variable></XMLPayload></ExtractVariables>",
            "EmptyXPathExpression",
        ),
        (
            "<ExtractVariables><XMLPayload><Namespaces><Namespace prefix='a'>x</Namespace><Namespace prefix='a'>y</Namespace></Namespaces><Variable name='a'><XPath>/a</XPath></Variable></XMLPayload></ExtractVariables>",
            "DuplicatePrefix",
        ),
        (
            "<ExtractVariables><XMLPayload><Namespaces><Namespace prefix='a'/></Namespaces><Variable name='a'><XPath>/a</XPath></Variable></XMLPayload></ExtractVariables>",
            "NonEmptyPrefixMappedToEmptyURI",
        ),
        ("<ExtractVariables><Header><Pattern>{a}</Pattern></Header></ExtractVariables>", "MissingName"),
        ("<ExtractVariables><URIPath><Pattern>/a</Pattern></URIPath></ExtractVariables>", "PatternWithoutVariable"),
        ("<FlowCallout><Parameters/></FlowCallout>", ""),
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
        ("<JavaCallout><ClassName>a.B</ClassName></JavaCallout>", "NoResourceForURL"),
        ("<JavaCallout><ResourceURL>java://a.jar</ResourceURL></JavaCallout>", ""),
        (
            "<JavaCallout><ClassName>a.B</ClassName><ResourceURL>a.jar</ResourceURL></JavaCallout>",
            "InvalidResourceUrlFormat",
        ),
        (
            "<JavaCallout><ClassName>a.B</ClassName><ResourceURL>jsc://a.jar</ResourceURL></JavaCallout>",
            "WrongResourceType",
        ),
        ("<Javascript timeLimit='200'/>", "NoResourceForURL"),
        ("<Javascript><ResourceURL>a.js</ResourceURL></Javascript>", "InvalidResourceUrlFormat"),
        ("<Javascript><ResourceURL>py://a.js</ResourceURL></Javascript>", "WrongResourceType"),
        (
            "<KeyValueMapOperations><Get assignTo='v' index='0'><Key><Parameter>k</Parameter></Key></Get></KeyValueMapOperations>",
            "InvalidIndex",
        ),
        ("<KeyValueMapOperations><Get assignTo='v'/></KeyValueMapOperations>", "KeyIsMissing"),
        (
            "<KeyValueMapOperations><Put><Key><Parameter>k</Parameter></Key></Put></KeyValueMapOperations>",
            "ValueIsMissing",
        ),
        ("<LookupCache><CacheLookupTimeoutInSeconds>abc</CacheLookupTimeoutInSeconds></LookupCache>", "InvalidTimeout"),
        (
            "<ResponseCache><ExpirySettings><TimeoutInSec>abc</TimeoutInSec></ExpirySettings></ResponseCache>",
            "InvalidTimeout",
        ),
        ("<MessageLogging><Syslog><Protocol>HTTP</Protocol></Syslog></MessageLogging>", "InvalidProtocol"),
        ("<MessageLogging><Syslog><Port>99999</Port></Syslog></MessageLogging>", "InvalidPort"),
        ("<MessageValidation><ResourceURL>oas://a.yaml</ResourceURL></MessageValidation>", "InvalidResourceType"),
        ("<MessageValidation><Element/></MessageValidation>", "RootElementNameUnspecified"),
        ("<OASValidation><Source>request</Source></OASValidation>", ""),
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
        ("<Quota><Allow count='1'/><TimeUnit>minute</TimeUnit></Quota>", "InvalidQuotaInterval"),
        ("<Quota><Allow count='1'/><Interval>1</Interval></Quota>", "InvalidQuotaTimeUnit"),
        ("<Quota type='foo'><Interval>1</Interval><TimeUnit>minute</TimeUnit></Quota>", "InvalidQuotaType"),
        ("<Quota type='calendar'><Interval>1</Interval><TimeUnit>minute</TimeUnit></Quota>", "InvalidStartTime"),
        (
            "<Quota type='calendar'><Interval>1</Interval><TimeUnit>minute</TimeUnit><StartTime>soon</StartTime></Quota>",
            "InvalidStartTime",
        ),
        (
            "<Quota type='rollingwindow'><Interval>1</Interval><TimeUnit>minute</TimeUnit><StartTime>2026-1-1 00:00:00</StartTime></Quota>",
            "StartTimeNotSupported",
        ),
        (
            "<Quota><Interval>1</Interval><TimeUnit>minute</TimeUnit><AsynchronousConfiguration><SyncIntervalInSeconds>-1</SyncIntervalInSeconds></AsynchronousConfiguration></Quota>",
            "InvalidSynchronizeIntervalForAsyncConfiguration",
        ),
        (
            "<Quota><Interval>1</Interval><TimeUnit>minute</TimeUnit><Synchronous>true</Synchronous><AsynchronousConfiguration/></Quota>",
            "InvalidAsynchronizeConfigurationForSynchronousQuota",
        ),
        ("<Quota><UseQuotaConfigInAPIProduct/></Quota>", "stepName missing in useQuotaConfigInAPIProduct"),
        ("<RegularExpressionProtection><Source>request</Source></RegularExpressionProtection>", "NothingToEnforce"),
        ("<RegularExpressionProtection><URIPath/></RegularExpressionProtection>", "NoPatternsToEnforce"),
        (
            "<RegularExpressionProtection><JSONPayload><JSONPath><Expression/><Pattern>a</Pattern></JSONPath></JSONPayload></RegularExpressionProtection>",
            "EmptyJSONPathExpression",
        ),
        (
            "<RegularExpressionProtection><XMLPayload><XPath><Expression/><Pattern>a</Pattern></XPath></XMLPayload></RegularExpressionProtection>",
            "EmptyXPathExpression",
        ),
        (
            "<ResetQuota><Quota name='q'><Identifier name='i'><Allow>10.0</Allow></Identifier></Quota></ResetQuota>",
            "InvalidCount",
        ),
        ("<GenerateSAMLAssertion/>", "NullKeyStore"),
        ("<GenerateSAMLAssertion><KeyStore><Name>k</Name></KeyStore></GenerateSAMLAssertion>", "NullKeyStoreAlias"),
        ("<ValidateSAMLAssertion><TrustStore>t</TrustStore></ValidateSAMLAssertion>", "SourceNotConfigured"),
        ("<ValidateSAMLAssertion><Source name='request'/></ValidateSAMLAssertion>", "TrustStoreNotConfigured"),
        ("<Script/>", "NoResourceForURL"),
        ("<Script><ResourceURL>a.py</ResourceURL></Script>", "InvalidResourceUrlFormat"),
        ("<Script><ResourceURL>jsc://a.py</ResourceURL></Script>", "WrongResourceType"),
        ("<ServiceCallout><HTTPTargetConnection/></ServiceCallout>", "URLMissing"),
        ("<ServiceCallout><Request variable='r'/></ServiceCallout>", "ConnectionInfoMissing"),
        (
            "<ServiceCallout><Timeout>-1</Timeout><HTTPTargetConnection><URL>https://a</URL></HTTPTargetConnection></ServiceCallout>",
            "InvalidTimeoutValue",
        ),
        ("<SpikeArrest><Identifier ref='client.ip'/></SpikeArrest>", "InvalidAllowedRate"),
        ("<VerifyAPIKey><APIKey/></VerifyAPIKey>", "SpecifyValueOrRefApiKey"),
        ("<XMLToJSON/>", "EitherOptionOrFormat"),
        ("<XMLToJSON><Format>json</Format></XMLToJSON>", "UnknownFormat"),
        ("<XSL><Source>response</Source></XSL>", "XSLEmptyResourceUrl"),
        ("<XSL><ResourceURL>jsc://a.xsl</ResourceURL></XSL>", "XSLInvalidResourceType"),
    ];

    #[test]
    fn every_error_is_found_by_its_name() {
        for (policy, error) in EXAMPLES {
            assert_eq!(errors(policy), [*error], "{policy}");
        }
        for rule in RULES {
            assert!(EXAMPLES.iter().any(|(_, error)| *error == rule.error), "{} has no example", rule.error);
        }
    }

    #[test]
    fn what_deploys_is_passed_over() {
        for policy in [
            "<ExtractVariables><QueryParam name='a'><Pattern>{a}</Pattern></QueryParam><JSONPayload/></ExtractVariables>",
            "<Quota type='flexi'><Interval ref='a'>1</Interval><TimeUnit ref='b'>minute</TimeUnit><StartTime>2021-4-8 12:00:00</StartTime></Quota>",
            "<Quota><UseQuotaConfigInAPIProduct stepName='VA'/></Quota>",
            "<OAuthV2><Operation>VerifyAccessToken</Operation><SupportedGrantTypes/></OAuthV2>",
            "<OAuthV2><Operation>GenerateAccessToken</Operation><ExpiresIn ref='a'>-1</ExpiresIn></OAuthV2>",
            "<VerifyJWT><Algorithm>RS256,RS512</Algorithm><PublicKey><JWKS uriRef='a'/></PublicKey></VerifyJWT>",
            "<GenerateJWT><Algorithms><Key>RSA-OAEP-256</Key><Content>A128GCM</Content></Algorithms></GenerateJWT>",
            "<ServiceCallout><HTTPTargetConnection><LoadBalancer><Server name='a'/></LoadBalancer></HTTPTargetConnection></ServiceCallout>",
            "<ServiceCallout><LocalTargetConnection><Path>/a</Path></LocalTargetConnection></ServiceCallout>",
            "<SpikeArrest><Rate ref='flow.rate'/></SpikeArrest>",
            "<Javascript><Source>print(1)</Source></Javascript>",
            "<AssignMessage><Remove><Headers><Header name='a.1'/></Headers></Remove></AssignMessage>",
        ] {
            assert_eq!(errors(policy), [] as [&str; 0], "{policy}");
        }
    }
}
