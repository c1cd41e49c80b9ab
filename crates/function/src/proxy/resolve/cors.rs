//! `cors`.

use std::collections::BTreeSet;

use super::super::condition;
use super::context::Context;
use super::credentials;
use super::endpoint::{Draft, Given, Intent};
use super::names;
use crate::spec::cors::Cors;
use apigee_flux_analysis::check::cors::{DEFAULT_METHODS, origin_fault};
use apigee_flux_analysis::policy::cors as policy;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// The request headers that Apigee allows by default.
const DEFAULT_HEADERS: [&str; 4] = ["origin", "x-requested-with", "accept", "content-type"];

/// The HTTP methods.
pub(super) const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];

/// Adds the CORS policy without a condition, so that it answers every preflight request.
pub(super) fn add(draft: &mut Draft<'_>, context: &mut Context<'_, '_>) {
    let Some(Given { value: cors, at, own }) = draft.intent.cors.clone() else {
        return;
    };
    check(cors, &at, context.report);
    let credential_headers = credential_headers(&draft.intent);
    let own = own || (cors.headers.is_none() && draft.intent.own_credentials);
    let policy = policy::Cors {
        origins: cors.origins.clone(),
        methods: cors.methods.clone().or_else(|| methods(draft)),
        headers: headers(cors, credential_headers, &at, context.report),
        expose: cors.expose.clone(),
        max_age: cors.max_age,
        credentials: cors.credentials,
    };
    let name = draft.intent.policy_name(policy::TYPE.prefix, "Default", own);
    draft.endpoint.pre_flow.request.push(context.add(&name, &policy, &at));
}

/// The methods that Apigee allows by default, and the further ones of the operations; `None` if the default is enough.
fn methods(draft: &Draft<'_>) -> Option<Vec<String>> {
    let conditions = draft.endpoint.flows.iter().filter_map(|flow| flow.condition.as_deref());
    let used: BTreeSet<&str> = conditions.flat_map(condition::verbs).collect();
    let more = METHODS.iter().filter(|method| used.contains(*method) && !DEFAULT_METHODS.contains(method));
    let all: Vec<String> = DEFAULT_METHODS.iter().chain(more).map(|method| (*method).to_owned()).collect();
    (all.len() > DEFAULT_METHODS.len()).then_some(all)
}

/// The headers in which callers send their credentials, each with the field of the credential.
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
                format!("CORS does not allow web pages to send `{name}`, the header of `security.{key}`"),
            )
            .at(at.key("headers"))
            .help("add it to the list: without it no web page can send its credential"),
        );
    }
    headers.clone()
}

fn check(cors: &Cors, at: &FieldPath, report: &mut Report<'_>) {
    let origins = at.key("origins");
    if cors.origins.is_empty() {
        report.push(
            Diagnostic::error(Code::InvalidValue, "no origin is allowed")
                .at(&origins)
                .help("add one, for example `https://app.example.com`, or write `cors: none`"),
        );
    }
    let any = cors.origins.iter().any(|origin| origin == "*");
    if any && cors.origins.len() > 1 {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`*` cannot be combined with other origins")
                .at(&origins)
                .help("`*` allows every origin: remove it or the other origins"),
        );
    }
    if any && cors.credentials {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`credentials: true` cannot be combined with the origin `*`")
                .at(&origins)
                .help("browsers refuse credentials if every origin is allowed: list the origins"),
        );
    }
    for (index, origin) in cors.origins.iter().enumerate().filter(|(_, origin)| *origin != "*") {
        check_origin(origin, &origins.index(index), report);
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

fn check_origin(origin: &str, at: &FieldPath, report: &mut Report<'_>) {
    // A variable, for example from a property set, is checked where its value is defined.
    let every = origin == "{request.header.origin}";
    if origin.starts_with('{') && !every {
        return;
    }
    if let Some((why, help)) = origin_fault(origin) {
        let message = format!("the origin `{origin}` matches no page: {why}");
        report.push(Diagnostic::error(Code::CorsMismatch, message).at(at).help(help));
        return;
    }
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let sound =
        host.is_some_and(|host| !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "@,".contains(c)));
    if !sound {
        let message = if every {
            "`{request.header.origin}` allows every origin".to_owned()
        } else {
            format!("`{origin}` is not a valid origin")
        };
        report.push(
            Diagnostic::error(Code::InvalidValue, message)
                .at(at)
                .help("write the scheme, the host and, if needed, a port, for example `https://app.example.com`"),
        );
    }
}

/// Checks a method's name.
pub(super) fn check_method(method: &str, at: &FieldPath, report: &mut Report<'_>) {
    if !METHODS.contains(&method) {
        let error = Diagnostic::error(Code::InvalidValue, format!("`{method}` is not an HTTP method")).at(at);
        report.push(match apigee_flux_model::diag::nearest(method, METHODS.iter().copied()) {
            Some(meant) => error.propose(meant),
            None => error.help(format!("allowed methods: {}", METHODS.join(", "))),
        });
    }
}
