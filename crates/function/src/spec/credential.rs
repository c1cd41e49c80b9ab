//! Finds credentials in a spec.
//!
//! Git keeps everything that was ever committed, so a credential must never be in a spec: specs refer to Secrets.

use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, FieldSegment, Report};
use apigee_flux_model::yaml::{Value, YamlNode};

/// Keys whose literal value is a credential.
const SECRET_KEYS: [&str; 11] = [
    "password",
    "passwd",
    "secret",
    "clientsecret",
    "consumersecret",
    "token",
    "accesstoken",
    "refreshtoken",
    "privatekey",
    "secretkey",
    "apisecret",
];

/// Reports every credential below a node.
pub fn check(node: &YamlNode, report: &mut Report<'_>) {
    walk(node, None, &FieldPath::root(), report);
}

fn walk(node: &YamlNode, key: Option<&str>, at: &FieldPath, report: &mut Report<'_>) {
    match &node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                walk(&entry.value, Some(&entry.key), &at.key(&entry.key), report);
            }
        }
        Value::Sequence(elements) => {
            for (index, element) in elements.iter().enumerate() {
                walk(element, key, &at.index(index), report);
            }
        }
        Value::Scalar(text, _) => {
            // A value that is a credential only because of its key is one only where the field holds a literal.
            if let Some(what) = credential(key.filter(|_| takes_literals(at)), text) {
                report.push(inline(what).at(at.clone()));
            }
        }
    }
}

/// Fields whose values are names of variables, paths into a message or patterns, not literals: each is a mapping, here
/// with the field that contains it.
const NAMES: &[(&str, &str)] = &[
    ("extract", "form"),
    ("extract", "header"),
    ("extract", "json"),
    ("extract", "query"),
    ("extract", "variable"),
    ("extract", "xml"),
    ("kvm", "get"),
];

/// Whether a field holds a literal. The values of policies are checked with the schemas of the policies.
fn takes_literals(at: &FieldPath) -> bool {
    let keys: Vec<&str> = at
        .segments()
        .iter()
        .filter_map(|segment| match segment {
            FieldSegment::Key(key) => Some(key.as_str()),
            FieldSegment::Index(_) => None,
        })
        .collect();
    let in_policy = keys.windows(2).any(|pair| pair == ["spec", "policies"] || pair == ["endpoints", "policies"]);
    !in_policy && !keys.windows(2).any(|pair| NAMES.contains(&(pair[0], pair[1])))
}

/// The finding for a credential.
fn inline(what: &str) -> Diagnostic {
    Diagnostic::error(Code::InlineCredential, format!("{what} is in the spec")).help(
        "remove it from Git and revoke it; keep it in a Secret (Sealed Secrets, External Secrets, Vault) and let the proxy read it at \
         run time, from a key value map (`ApigeeKeyValueMap` takes `valueFrom: {secretKeyRef: {name, key}}`) or a keystore reference",
    )
}

/// The finding for a text where only `{valueFrom: …}` is allowed. It does not repeat the text.
pub fn literal(text: &str, at: &FieldPath) -> Diagnostic {
    let key = match at.segments().last() {
        Some(FieldSegment::Key(key)) => Some(key.as_str()),
        _ => None,
    };
    // `check` reports some of these texts as credentials itself.
    if credential(key, text).is_some() {
        return Diagnostic::error(Code::WrongType, "expected a mapping, found a text")
            .at(at.clone())
            .help("write `valueFrom: {secretKeyRef: {name, key}}`");
    }
    Diagnostic::error(Code::InlineCredential, "a credential is in the spec").at(at.clone()).help(
        "remove it from Git and revoke it; keep it in a Secret (Sealed Secrets, External Secrets, Vault) and write \
         `valueFrom: {secretKeyRef: {name, key}}`",
    )
}

/// The finding for a text where only a reference to a secret that the proxy reads at run time is allowed. It does not
/// repeat the text.
pub fn literal_in_proxy(at: &FieldPath) -> Diagnostic {
    Diagnostic::error(Code::InlineCredential, "a credential is in the spec").at(at.clone()).help(
        "remove it from Git and revoke it; keep it in an ApigeeKeyValueMap, which gets it from a Secret, and write `{kvm: {map, key}}`",
    )
}

/// True for a key whose literal value is a credential.
fn is_secret_name(key: &str) -> bool {
    SECRET_KEYS.contains(&key.to_lowercase().replace(['-', '_'], "").as_str())
}

/// The type of credential that a scalar holds, if any.
pub fn credential(key: Option<&str>, text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    // A spec may contain whole documents: most contain neither marker and need not be split.
    if text.contains("eyJ")
        && text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>')).any(is_jwt)
    {
        return Some("a signed token");
    }
    if text.contains("://") && text.split(char::is_whitespace).any(has_url_password) {
        return Some("a URL with a password");
    }
    if text.contains('?')
        && text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>')).any(has_query_key)
    {
        return Some("a URL with a key");
    }
    if let Some(what) = issued(text) {
        return Some(what);
    }
    // A flow variable, a value of the environment or a reference is not a literal.
    let literal = !text.is_empty() && !text.contains('{') && !text.contains("$(") && !text.starts_with("ref://");
    (literal && is_secret_name(key?)).then_some("a credential")
}

/// Three base64url parts of which the first is a JSON object, as in RFC 7519.
fn is_jwt(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    parts.len() == 3
        && parts[0].starts_with("eyJ")
        && parts
            .iter()
            .all(|part| part.len() > 8 && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)))
}

/// `scheme://user:password@host` with a literal password.
fn has_url_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority
        .rsplit_once('@')
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty() && !password.contains('{'))
}

/// Credentials whose prefix identifies their issuer: the prefix, the minimum number of characters after it, and the
/// type of credential.
const ISSUED: &[(&str, usize, &str)] = &[
    ("AIza", 35, "a Google API key"),
    ("GOCSPX-", 24, "a Google client secret"),
    ("ya29.", 40, "a Google access token"),
    ("AKIA", 16, "an AWS access key"),
    ("ASIA", 16, "an AWS access key"),
    ("ghp_", 36, "a GitHub token"),
    ("gho_", 36, "a GitHub token"),
    ("ghs_", 36, "a GitHub token"),
    ("github_pat_", 40, "a GitHub token"),
    ("glpat-", 20, "a GitLab token"),
    ("xoxb-", 20, "a Slack token"),
    ("xoxp-", 20, "a Slack token"),
    ("sk_live_", 16, "a Stripe key"),
];

/// The type of credential of [`ISSUED`] that a text contains.
fn issued(text: &str) -> Option<&'static str> {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    ISSUED.iter().find_map(|(prefix, length, what)| {
        let mut found = text.match_indices(prefix).map(|(at, _)| at);
        let is_one = |at: usize| {
            let before = text[..at].chars().next_back();
            let behind = text[at + prefix.len()..].chars().take_while(|c| in_token(*c)).count();
            !before.is_some_and(in_token) && behind >= *length
        };
        found.any(is_one).then_some(*what)
    })
}

/// Query parameters whose literal value is a credential.
const QUERY_KEYS: [&str; 10] =
    ["access_token", "api-key", "api_key", "apikey", "client_secret", "key", "password", "secret", "sig", "token"];

/// The minimum length of a credential; no issuer uses shorter ones.
const SHORTEST_KEY: usize = 8;

/// `…?key=LITERAL`.
fn has_query_key(text: &str) -> bool {
    let Some((_, query)) = text.split_once('?') else { return false };
    let query = query.split('#').next().unwrap_or_default();
    query.split('&').filter_map(|pair| pair.split_once('=')).any(|(name, value)| {
        let known = QUERY_KEYS.iter().any(|key| key.eq_ignore_ascii_case(name));
        let issued = |c: char| c.is_ascii_alphanumeric() || "._~-+/=%".contains(c);
        // A word alone is a placeholder, for example `api_key=your_api_key`.
        let random = value.contains(|c: char| c.is_ascii_digit());
        known && value.len() >= SHORTEST_KEY && random && value.chars().all(issued)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found() {
        let jwt = format!("Bearer eyJhbGciOiJIUzI1NiJ9.{}.{}", "eyJzdWIiOiIxIn0abc", "c2lnbmF0dXJlX2hlcmU");
        for (key, text) in [
            (None, "-----BEGIN RSA PRIVATE KEY-----\nMII"),
            (None, "https://user:hunter2@example.com/x"),
            (None, jwt.as_str()),
            (Some("password"), "hunter2"),
            (Some("client-secret"), "abc"),
            (None, "https://example.com/x?key=4f3c2b1a9d8e"),
            (None, "see /x?a=b&api_key=4f3c2b1a9d8e now"),
            (None, "key: AIzaSyA1234567890abcdefghijklmnopqrstuvw"),
            (None, "AKIAIOSFODNN7EXAMPLE"),
            (None, "token ghp_0123456789abcdefghijklmnopqrstuvwxyz"),
        ] {
            assert!(credential(key, text).is_some(), "{text}");
        }
    }

    #[test]
    fn a_literal_is_found_once_and_not_repeated() {
        for (key, code) in [("key", Code::InlineCredential), ("password", Code::WrongType)] {
            let found = literal("hunter2", &FieldPath::of(&["spec", key]));
            assert_eq!(found.code, code);
            assert!(!found.text().contains("hunter2"));
        }
    }

    #[test]
    fn what_only_looks_like_one_is_not() {
        for (key, text) in [
            (None, "-----BEGIN CERTIFICATE-----"),
            (None, "https://user@example.com/a:b@c"),
            (None, "a.b.c"),
            (Some("password"), "{private.password}"),
            (Some("token"), "$(values.token)"),
            (Some("keyStore"), "ref://store"),
            (Some("tokenQuota"), "product"),
            (None, "https://example.com/x?key={private.key}"),
            (None, "https://example.com/x?key=1"),
            (None, "https://example.com/x?api_key=your_api_key_here"),
            (None, "AIzaTooShort"),
            (None, "MAKIAIOSFODNN7EXAMPLE"),
        ] {
            assert_eq!(credential(key, text), None, "{text}");
        }
    }

    #[test]
    fn a_variable_is_no_literal() {
        let spec = "spec:\n  flow:\n    request:\n    - kvm: {map: m, get: {password: private.password}}\n    - extract: {json: {token: $.token}}\n    \
                    - set: {variables: {token: abc}}\n  policies: {O: {OAuthV2: {AccessToken: flow.token, password: a.b}}}\n";
        let node = YamlNode::parse(spec, 0..spec.len()).unwrap();
        let subject = apigee_flux_model::diag::Subject::default();
        let mut report = Report::new(&subject);
        check(&node, &mut report);
        let found: Vec<String> = report.into_diagnostics().iter().map(|found| found.field.to_string()).collect();
        assert_eq!(found, ["spec.flow.request[2].set.variables.token"]);
    }
}
