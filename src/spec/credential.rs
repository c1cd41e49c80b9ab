//! Finds credentials that stand in a spec.
//!
//! Git keeps what was once committed, so a credential must never stand there: specs refer to Secrets.

use crate::diag::{Code, Diagnostic, FieldPath, Report, Segment};
use crate::yaml::{Node, Value};

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
pub fn check(node: &Node, report: &mut Report<'_>) {
    walk(node, None, &FieldPath::root(), report);
}

fn walk(node: &Node, key: Option<&str>, at: &FieldPath, report: &mut Report<'_>) {
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
            if let Some(what) = credential(key, text) {
                report.push(inline(what).at(at.clone()));
            }
        }
    }
}

/// The finding on a credential.
fn inline(what: &str) -> Diagnostic {
    Diagnostic::error(Code::InlineCredential, format!("{what} stands in the spec")).help(
        "remove it from Git and revoke it; keep it in a Secret (Sealed Secrets, External Secrets, Vault) and let the proxy read it at \
         run time, from a key value map (`ApigeeKeyValueMap` takes `valueFrom: {secretKeyRef: {name, key}}`) or a keystore reference",
    )
}

/// The finding on a text where only `{valueFrom: …}` may stand. It does not repeat the text.
pub fn literal(text: &str, at: &FieldPath) -> Diagnostic {
    let key = match at.segments().last() {
        Some(Segment::Key(key)) => Some(key.as_str()),
        _ => None,
    };
    // `check` says of some by themselves that they are credentials.
    if credential(key, text).is_some() {
        return Diagnostic::error(Code::WrongType, "expected a mapping, found a text")
            .at(at.clone())
            .help("write `valueFrom: {secretKeyRef: {name, key}}`");
    }
    Diagnostic::error(Code::InlineCredential, "a credential stands in the spec").at(at.clone()).help(
        "remove it from Git and revoke it; keep it in a Secret (Sealed Secrets, External Secrets, Vault) and write \
         `valueFrom: {secretKeyRef: {name, key}}`",
    )
}

/// True for a key whose literal value is a credential.
fn is_secret_name(key: &str) -> bool {
    SECRET_KEYS.contains(&key.to_lowercase().replace(['-', '_'], "").as_str())
}

/// What credential a scalar holds, if any.
pub fn credential(key: Option<&str>, text: &str) -> Option<&'static str> {
    if text.contains("-----BEGIN") && text.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    // Whole documents stand in specs: most have neither, and need not be taken apart.
    if text.contains("eyJ")
        && text.split(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>')).any(is_jwt)
    {
        return Some("a signed token");
    }
    if text.contains("://") && text.split(char::is_whitespace).any(has_url_password) {
        return Some("a URL with a password");
    }
    // A flow variable, a value of the environment or a reference is no literal.
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
        ] {
            assert_eq!(credential(key, text), None, "{text}");
        }
    }
}
