//! `targets`: the backends.

use std::collections::BTreeSet;

use super::super::credential;
use super::super::flow::{Flow, Step};
use super::super::target_endpoint::{
    Authentication, Destination, HealthMonitor, LoadBalancer, Server, SslInfo, TargetEndpoint,
};
use super::context::Context;
use super::endpoint::DEFAULT;
use super::{names, units};
use crate::diag::{Code, Diagnostic, FieldPath, Report};
use crate::policy::assign_message::{Action, AssignMessage};
use crate::spec::ApigeeProxySpec;
use crate::spec::target::{HealthCheck, Rewrite, Target, TargetAuth};
use crate::spec::word_or::WordOr;

/// Failures until a server is left out, when its health is checked and nothing else is said.
const MAX_FAILURES: u32 = 5;

/// The scope of all Google APIs.
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The targets of a proxy.
pub(super) fn resolve(spec: &ApigeeProxySpec, context: &mut Context<'_, '_>, at: &FieldPath) -> Vec<TargetEndpoint> {
    let short;
    let (targets, at) = match (&spec.targets, &spec.target) {
        (Some(_), Some(_)) => {
            context.report.push(
                Diagnostic::error(Code::ConflictingFields, "`target` stands beside `targets`")
                    .at(at.key("target"))
                    .help("`target: URL` is short for one of `targets` named `default`: write one of both"),
            );
            return Vec::new();
        }
        (None, None) => {
            context.report.push(
                Diagnostic::error(Code::MissingField, "neither `target` nor `targets` is given")
                    .at(at.key("targets"))
                    .help("write `target: URL`, a list of `targets`, or `targets: none` for a proxy that answers by itself"),
            );
            return Vec::new();
        }
        (None, Some(url)) => {
            short = [Target { name: DEFAULT.to_owned(), url: Some(url.clone()), ..Target::default() }];
            (short.as_slice(), None)
        }
        (Some(targets), None) => match targets.on() {
            Some(list) => (list.as_slice(), Some(at.key("targets"))),
            None => return Vec::new(),
        },
    };
    if let Some(at) = at.as_ref().filter(|_| targets.is_empty()) {
        context.report.push(
            Diagnostic::error(Code::InvalidValue, "the list is empty")
                .at(at)
                .help("write `targets: none` for a proxy that answers by itself"),
        );
    }
    let mut names = BTreeSet::new();
    let mut resolved = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        // The short form has one field only, which is the URL.
        let place = at.as_ref().map_or(Place::Short, |at| Place::Long(at.index(index)));
        let name = &target.name;
        names::check_file_name("target", name, &place.key("name"), context.report);
        if name == "none" || !names.insert(name.to_lowercase()) {
            let message = format!("the target name `{name}` is taken");
            context.report.push(
                Diagnostic::error(Code::NameCollision, message)
                    .at(place.key("name"))
                    .help("names differ in more than upper and lower case, and `none` is a route without a target"),
            );
        }
        resolved.extend(endpoint(target, context, &place));
    }
    resolved
}

/// Where a target's fields stand.
enum Place {
    /// All of it is `spec.target`.
    Short,
    /// Its own mapping.
    Long(FieldPath),
}

impl Place {
    fn key(&self, key: &str) -> FieldPath {
        match self {
            Self::Short => FieldPath::of(&["spec", "target"]),
            Self::Long(at) => at.key(key),
        }
    }

    fn whole(&self) -> FieldPath {
        match self {
            Self::Short => FieldPath::of(&["spec", "target"]),
            Self::Long(at) => at.clone(),
        }
    }
}

fn endpoint(target: &Target, context: &mut Context<'_, '_>, place: &Place) -> Option<TargetEndpoint> {
    let destination = match (&target.url, &target.servers) {
        (Some(url), None) => by_url(target, url, place, context.report),
        (None, Some(servers)) => by_servers(target, servers, place, context.report),
        (url, _) => {
            let found = if url.is_some() { "both" } else { "none" };
            context.report.push(
                Diagnostic::error(
                    Code::ConflictingFields,
                    format!("a target has either `url` or `servers`, found {found}"),
                )
                .at(place.whole())
                .help("`servers` are ApigeeTargetServers of the environment, a `url` is the same in every one"),
            );
            return None;
        }
    };
    let mut timeout = |key: &str, text: Option<&String>| {
        text.and_then(|text| duration(text, units::millis, &place.key("timeouts").key(key), context.report))
    };
    let timeouts = target.timeouts.clone().unwrap_or_default();
    let connect_timeout = timeout("connect", timeouts.connect.as_ref());
    let read_timeout = timeout("read", timeouts.read.as_ref());
    let authentication =
        target.auth.as_ref().and_then(|auth| authentication(auth, &destination, &place.key("auth"), context.report));
    let request = match target.rewrite {
        None | Some(Rewrite::KeepPathSuffix) => Vec::new(),
        Some(Rewrite::DropPathSuffix) => vec![drop_path_suffix(context, &place.key("rewrite"))],
    };
    Some(TargetEndpoint {
        name: target.name.clone(),
        pre_flow: Flow { request, response: Vec::new() },
        destination,
        authentication,
        connect_timeout,
        read_timeout,
    })
}

fn drop_path_suffix(context: &mut Context<'_, '_>, at: &FieldPath) -> Step {
    let policy = AssignMessage {
        actions: vec![Action::AssignValue { name: "target.copy.pathsuffix".to_owned(), value: "false".to_owned() }],
    };
    context.add("AM-DropPathSuffix", &policy, at)
}

fn duration(
    text: &str,
    parse: fn(&str) -> Result<u64, String>,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Option<u64> {
    match parse(text) {
        Ok(value) => Some(value),
        Err(message) => {
            report.error(Code::InvalidValue, at, message);
            None
        }
    }
}

fn by_url(target: &Target, url: &str, place: &Place, report: &mut Report<'_>) -> Destination {
    check_url(url, &place.key("url"), report);
    for (field, given) in [
        ("path", target.path.is_some()),
        ("maxFailures", target.max_failures.is_some()),
        ("healthCheck", target.health_check.is_some()),
    ] {
        if given {
            let help = if field == "path" {
                "write the path at the end of the `url`"
            } else {
                "only `servers` can be left out and come back: define an ApigeeTargetServer and name it"
            };
            report.push(
                Diagnostic::error(Code::ConflictingFields, format!("`{field}` needs `servers`, found `url`"))
                    .at(place.key(field))
                    .help(help),
            );
        }
    }
    let https = url.starts_with("https://");
    if !https && target.tls.is_some() {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`tls` needs an `https` URL")
                .at(place.key("tls"))
                .help("write `https://` in the `url`, or remove `tls`"),
        );
    }
    let tls = target.tls.clone().unwrap_or_default();
    let client = tls.mtls.map(|mtls| (mtls.key_store, mtls.key_alias));
    Destination::Url {
        url: url.to_owned(),
        // Without it Apigee would take any certificate.
        ssl_info: https.then_some(SslInfo { trust_store: tls.trust_store, client }),
    }
}

fn check_url(url: &str, at: &FieldPath, report: &mut Report<'_>) {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{url}` is not an http or https URL"))
                .at(at)
                .help("write it in full, as `https://orders.example.com/v1`"),
        );
        return;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        report.push(Diagnostic::error(Code::InlineCredential, "the URL holds a user or a password").at(at).help(
            "remove what stands before the `@` and set the `Authorization` header from a variable, as in \
                       `{private.backendAuthorization}`, or use `auth`",
        ));
    } else if host.is_empty() || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{url}` is not a URL"))
                .at(at)
                .help("it needs a host and holds no spaces"),
        );
    }
    credential::check_text(url, at, report);
}

fn by_servers(
    target: &Target,
    servers: &[WordOr<String, crate::spec::target::Server>],
    place: &Place,
    report: &mut Report<'_>,
) -> Destination {
    let at = place.key("servers");
    let servers = load(servers, &at, report);
    if target.tls.is_some() {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`tls` stands beside `servers`")
                .at(place.key("tls"))
                .help("TLS of a server stands in its ApigeeTargetServer: move it there"),
        );
    }
    if let Some(path) = target.path.as_deref().filter(|path| !path.starts_with('/')) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{path}` does not start with `/`"))
                .at(place.key("path"))
                .help("write the path on the servers, as `/api/orders`"),
        );
    }
    let several = servers.len() > 1;
    let monitored = target.health_check.as_ref().filter(|_| several);
    let max_failures = target.max_failures.or(monitored.map(|_| MAX_FAILURES));
    check_failures(target, &servers, max_failures, place, report);
    let health_check = target.health_check.as_ref();
    Destination::LoadBalancer {
        load_balancer: LoadBalancer { servers, max_failures },
        path: target.path.clone(),
        health_monitor: health_check.map(|check| health_monitor(check, &place.key("healthCheck"), report)),
    }
}

/// Reports failure counts that do not do what they seem to.
fn check_failures(target: &Target, servers: &[Server], max: Option<u32>, place: &Place, report: &mut Report<'_>) {
    let at = place.key("maxFailures");
    let counted = max.is_some_and(|count| count > 0);
    let several = servers.len() > 1;
    if counted && !several {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`maxFailures` needs several servers, found one")
                .at(&at)
                .help("leaving out the only server answers every call with an error: remove it, or add a server"),
        );
    } else if counted && target.health_check.is_none() {
        report.push(
            Diagnostic::warning(Code::ConflictingFields, "`maxFailures` has no `healthCheck` beside it")
                .at(&at)
                .help("a server that is left out never comes back by itself: add `healthCheck: {path: /healthz}`"),
        );
    }
    if several && !counted {
        for (given, what) in [
            (target.health_check.is_some(), "`healthCheck`"),
            (servers.iter().any(|server| server.fallback), "`fallback`"),
        ] {
            if given {
                let message = format!("{what} has no effect without `maxFailures`");
                report.push(
                    Diagnostic::warning(Code::ConflictingFields, message)
                        .at(&at)
                        .help("no server is ever left out: write after how many failures one is, as `maxFailures: 5`"),
                );
            }
        }
    }
}

fn load(
    servers: &[WordOr<String, crate::spec::target::Server>],
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Vec<Server> {
    let weighted = servers.iter().any(|server| matches!(server, WordOr::Value(long) if long.weight.is_some()));
    let mut names = BTreeSet::new();
    let mut load: Vec<Server> = Vec::new();
    for (index, server) in servers.iter().enumerate() {
        let at = at.index(index);
        let (name, weight, fallback) = match server {
            WordOr::Word(name) => (name, None, false),
            WordOr::Value(long) => (&long.name, long.weight, long.fallback),
        };
        names::check_file_name("target server", name, &at, report);
        let mut fault = |code, message: String, help| {
            report.push(Diagnostic::error(code, message).at(&at).help(help));
        };
        if !names.insert(name) {
            fault(
                Code::ConflictingFields,
                format!("the server `{name}` stands twice in the list"),
                "give it a `weight` to send it more",
            );
        }
        if weight == Some(0) {
            fault(Code::InvalidValue, "`weight` is 0".to_owned(), "write a number from 1, or remove the server");
        }
        if fallback && weight.is_some() {
            fault(
                Code::ConflictingFields,
                "`weight` stands beside `fallback`".to_owned(),
                "a fallback takes no share: it is called only when all others are left out",
            );
        }
        if fallback && load.iter().any(|other| other.fallback) {
            fault(Code::ConflictingFields, "a second server is a fallback".to_owned(), "one is allowed");
        }
        load.push(Server {
            name: name.clone(),
            weight: if fallback { None } else { weight.or(weighted.then_some(1)) },
            fallback,
        });
    }
    if load.iter().all(|server| server.fallback) {
        let message = if load.is_empty() { "the list is empty" } else { "the only server is a fallback" };
        report.push(
            Diagnostic::error(Code::InvalidValue, message)
                .at(at)
                .help("name a server that is called in the first place"),
        );
    }
    load
}

fn health_monitor(check: &HealthCheck, at: &FieldPath, report: &mut Report<'_>) -> HealthMonitor {
    let mut seconds = |key: &str, text: Option<&String>, default| match text {
        None => default,
        Some(text) => duration(text, units::seconds, &at.key(key), report).unwrap_or(default),
    };
    let interval = seconds("every", check.every.as_ref(), 10);
    let timeout = seconds("timeout", check.timeout.as_ref(), 3);
    if !check.path.starts_with('/') {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{}` does not start with `/`", check.path))
                .at(at.key("path"))
                .help("write the path to GET, as `/healthz`"),
        );
    }
    let expect = check.expect.clone().unwrap_or_else(|| vec![200]);
    if expect.is_empty() || !expect.iter().all(|status| (100..=599).contains(status)) {
        report.push(
            Diagnostic::error(Code::InvalidValue, "`expect` needs status codes from 100 to 599")
                .at(at.key("expect"))
                .help("write the codes that mean well, as `[200]`"),
        );
    }
    HealthMonitor { interval, timeout, port: check.port, path: check.path.clone(), expect }
}

fn authentication(
    auth: &TargetAuth,
    destination: &Destination,
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Option<Authentication> {
    if matches!(destination, Destination::Url { ssl_info: None, .. }) {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`auth` needs an `https` URL")
                .at(at)
                .help("over `http` anybody on the way could take the token"),
        );
    }
    match (&auth.google_id_token, &auth.google_access_token) {
        (Some(token), None) => Some(Authentication::GoogleIdToken(token.audience.clone())),
        (None, Some(token)) => {
            let scopes = if token.scopes.is_empty() { vec![CLOUD_PLATFORM.to_owned()] } else { token.scopes.clone() };
            Some(Authentication::GoogleAccessToken(scopes))
        }
        (id, _) => {
            let found = if id.is_some() { "both" } else { "none" };
            report.push(
                Diagnostic::error(
                    Code::ConflictingFields,
                    format!("`auth` needs exactly one credential, found {found}"),
                )
                .at(at)
                .help("write `googleIdToken` for Cloud Run and the like, or `googleAccessToken` for Google APIs"),
            );
            None
        }
    }
}
