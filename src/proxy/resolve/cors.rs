//! `cors`.

use super::context::Context;
use super::credentials;
use super::endpoint::{Draft, Given, Intent};
use super::names;
use crate::diag::{Code, Diagnostic, FieldPath, Report};
use crate::policy::cors as policy;
use crate::spec::cors::Cors;

/// The request headers that Apigee allows by default.
const DEFAULT_HEADERS: [&str; 4] = ["origin", "x-requested-with", "accept", "content-type"];

/// The methods that HTTP knows.
pub(super) const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// Adds the CORS policy: unconditional, so that no preflight passes it.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let Some(Given { value: cors, at, own }) = draft.intent.cors.clone() else {
        return;
    };
    check(cors, &at, context.report);
    let credential_headers = credential_headers(&draft.intent);
    let own = own || (cors.headers.is_none() && draft.intent.own_credentials);
    let policy = policy::Cors {
        origins: cors.origins.clone(),
        methods: cors.methods.clone(),
        headers: headers(cors, credential_headers, &at, context.report),
        expose: cors.expose.clone(),
        max_age: cors.max_age,
        credentials: cors.credentials,
    };
    let name = draft.intent.policy_name(policy::TYPE.prefix, "Default", own);
    draft.endpoint.pre_flow.request.push(context.add(&name, &policy, &at));
}

/// The headers that callers put their credentials in, each with the credential's field.
fn credential_headers(intent: &Intent<'_>) -> Vec<(&'static str, String)> {
    let credentials = intent.credentials.iter().map(|credential| credential.mechanism);
    credentials.filter_map(|mechanism| Some((mechanism.key(), credentials::header(mechanism)?))).collect()
}

fn headers(
    cors: &Cors,
    credential_headers: Vec<(&'static str, String)>,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Vec<String> {
    let Some(headers) = &cors.headers else {
        let credential_headers = credential_headers.into_iter().map(|(_, header)| header);
        return DEFAULT_HEADERS.into_iter().map(str::to_owned).chain(credential_headers).collect();
    };
    let allows = |name: &str| headers.iter().any(|header| header == "*" || header.eq_ignore_ascii_case(name));
    for (key, name) in credential_headers.iter().filter(|(_, name)| !allows(name)) {
        report.push(
            Diagnostic::warning(
                Code::ConflictingFields,
                format!("web pages may not send `{name}`, the header of `security.{key}`"),
            )
            .at(at.key("headers"))
            .help("add it to the list, or no page can show its credential"),
        );
    }
    headers.clone()
}

fn check(cors: &Cors, at: &FieldPath, report: &mut Report<'_>) {
    let origins = at.key("origins");
    if cors.origins.is_empty() {
        report.push(
            Diagnostic::error(Code::InvalidValue, "no origin may call")
                .at(&origins)
                .help("name one, as `https://app.example.com`, or write `cors: none`"),
        );
    }
    let any = cors.origins.iter().any(|origin| origin == "*");
    if any && cors.origins.len() > 1 {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`*` stands beside other origins")
                .at(&origins)
                .help("`*` is all of them: write it alone, or leave it out"),
        );
    }
    if any && cors.credentials {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`credentials: true` needs named origins, found `*`")
                .at(&origins)
                .help("browsers refuse credentials for every origin: name the origins"),
        );
    }
    for (index, origin) in cors.origins.iter().enumerate().filter(|(_, origin)| *origin != "*") {
        if let Some(message) = origin_fault(origin) {
            report.push(
                Diagnostic::error(Code::InvalidValue, message)
                    .at(origins.index(index))
                    .help("write scheme, host and perhaps a port, as `https://app.example.com`"),
            );
        }
    }
    for (index, method) in cors.methods.iter().flatten().enumerate() {
        if method != "*" {
            check_method(method, &at.key("methods").index(index), report);
        }
    }
    for (key, list) in [("headers", &cors.headers), ("expose", &cors.expose)] {
        for (index, header) in list.iter().flatten().enumerate() {
            names::check_header(header, &at.key(key).index(index), report);
        }
    }
}

fn origin_fault(origin: &str) -> Option<String> {
    if origin == "{request.header.origin}" {
        return Some("`{request.header.origin}` allows every origin".to_owned());
    }
    // A variable, as from a property set, is checked where its value stands.
    if origin.starts_with('{') {
        return None;
    }
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "/?#@,".contains(c)) => None,
        _ => Some(format!("`{origin}` is not an origin")),
    }
}

/// Checks a method's name.
pub(super) fn check_method(method: &str, at: &FieldPath, report: &mut Report<'_>) {
    if !METHODS.contains(&method) {
        let error = Diagnostic::error(Code::InvalidValue, format!("`{method}` is not a method of HTTP")).at(at);
        report.push(match crate::diag::nearest(method, METHODS.iter().copied()) {
            Some(meant) => error.propose(meant),
            None => error.help(format!("allowed are {}", METHODS.join(", "))),
        });
    }
}
