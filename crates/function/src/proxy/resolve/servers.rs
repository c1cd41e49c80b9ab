//! `targets[].servers`: target servers that share the load.

use std::collections::BTreeSet;

use super::target_fields::TargetFields;
use super::{names, units};
use crate::proxy::model::target_endpoint::{BalancedServer, HealthMonitor, LoadBalancer, TargetDestination};
use crate::spec;
use crate::spec::target::{HealthCheck, Target};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};
use apigee_flux_model::yaml::word_or::WordOr;

/// The default number of failures after which a server is removed from rotation, if there is a health check.
const MAX_FAILURES: u32 = 5;

/// Target servers, with their weights, failure count and health check.
pub(super) fn by_servers(
    target: &Target,
    servers: &[WordOr<String, spec::target::Server>],
    place: &TargetFields,
    report: &mut Report<'_>,
) -> TargetDestination {
    let at = place.key("servers");
    let servers = load(servers, &at, report);
    if target.tls.is_some() {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`tls` cannot be combined with `servers`")
                .at(place.key("tls"))
                .help("TLS of a server is configured in its ApigeeTargetServer: move it there"),
        );
    }
    if let Some(path) = target.path.as_deref().filter(|path| !path.starts_with('/')) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{path}` does not start with `/`"))
                .at(place.key("path"))
                .help("write the path on the servers, for example `/api/orders`"),
        );
    }
    let several = servers.len() > 1;
    let monitored = target.health_check.as_ref().filter(|_| several);
    let max_failures = target.max_failures.or(monitored.map(|_| MAX_FAILURES));
    check_failures(target, &servers, max_failures, place, report);
    let health_check = target.health_check.as_ref();
    TargetDestination::LoadBalancer {
        load_balancer: LoadBalancer { servers, max_failures },
        path: target.path.clone(),
        health_monitor: health_check.map(|check| health_monitor(check, &place.key("healthCheck"), report)),
    }
}

/// Reports failure counts and health checks that have no effect or an unexpected one.
fn check_failures(
    target: &Target,
    servers: &[BalancedServer],
    max: Option<u32>,
    place: &TargetFields,
    report: &mut Report<'_>,
) {
    let at = place.key("maxFailures");
    let counted = max.is_some_and(|count| count > 0);
    let several = servers.len() > 1;
    if counted && !several {
        report.push(
            Diagnostic::error(Code::ConflictingFields, "`maxFailures` needs several servers, found one").at(&at).help(
                "if the only server is removed from rotation, every request fails: remove `maxFailures`, or add a \
                 server",
            ),
        );
    } else if counted && target.health_check.is_none() {
        report.push(
            Diagnostic::warning(Code::ConflictingFields, "`maxFailures` is set without `healthCheck`").at(&at).help(
                "a server that is removed from rotation is never added back: add `healthCheck: {path: /healthz}`",
            ),
        );
    }
    if !several && target.health_check.is_some() {
        report.push(
            Diagnostic::warning(Code::ConflictingFields, "`healthCheck` has no effect with one server")
                .at(place.key("healthCheck"))
                .help("the only server is never removed from rotation: remove `healthCheck`, or add a server"),
        );
    }
    if several && !counted {
        for (given, what) in [
            (target.health_check.is_some(), "`healthCheck`"),
            (servers.iter().any(|server| server.fallback), "`fallback`"),
        ] {
            if given {
                let message = format!("{what} has no effect without `maxFailures`");
                report.push(Diagnostic::warning(Code::ConflictingFields, message).at(&at).help(
                    "no server is ever removed from rotation: write after how many failures one is, for example \
                     `maxFailures: 5`",
                ));
            }
        }
    }
}

fn load(
    servers: &[WordOr<String, spec::target::Server>],
    at: &FieldPath,
    report: &mut Report<'_>,
) -> Vec<BalancedServer> {
    let weighted = servers.iter().any(|server| matches!(server, WordOr::Value(long) if long.weight.is_some()));
    let mut names = BTreeSet::new();
    let mut load: Vec<BalancedServer> = Vec::new();
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
                format!("the server `{name}` is in the list more than once"),
                "to send it more requests, set its `weight`",
            );
        }
        if weight == Some(0) {
            fault(
                Code::InvalidValue,
                "`weight` is 0".to_owned(),
                "write a whole number, 1 or greater, or remove the server",
            );
        }
        if fallback && weight.is_some() {
            fault(
                Code::ConflictingFields,
                "`weight` cannot be combined with `fallback`".to_owned(),
                "a fallback has no share of the load: it is called only when all other servers are removed from \
                 rotation",
            );
        }
        if fallback && load.iter().any(|other| other.fallback) {
            fault(
                Code::ConflictingFields,
                "more than one server is a fallback".to_owned(),
                "only one fallback is allowed",
            );
        }
        load.push(BalancedServer {
            name: name.clone(),
            weight: if fallback { None } else { weight.or(weighted.then_some(1)) },
            fallback,
        });
    }
    if load.iter().all(|server| server.fallback) {
        let message = if load.is_empty() { "the list is empty" } else { "the only server is a fallback" };
        report.push(Diagnostic::error(Code::InvalidValue, message).at(at).help("add a server that is not a fallback"));
    }
    load
}

fn health_monitor(check: &HealthCheck, at: &FieldPath, report: &mut Report<'_>) -> HealthMonitor {
    let mut seconds = |key: &str, text: Option<&String>, default| match text {
        None => default,
        Some(text) => units::duration(text, units::seconds, &at.key(key), report).unwrap_or(default),
    };
    let interval = seconds("every", check.every.as_ref(), 10);
    let timeout = seconds("timeout", check.timeout.as_ref(), 3);
    if !check.path.starts_with('/') {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{}` does not start with `/`", check.path))
                .at(at.key("path"))
                .help("write the path to GET, for example `/healthz`"),
        );
    }
    let expect = check.expect.clone().unwrap_or_else(|| vec![200]);
    if expect.is_empty() || !expect.iter().all(|status| (100..=599).contains(status)) {
        report.push(
            Diagnostic::error(Code::InvalidValue, "`expect` needs status codes from 100 to 599")
                .at(at.key("expect"))
                .help("write the codes of a healthy server, for example `[200]`"),
        );
    }
    if expect.len() > 1 {
        report.push(
            Diagnostic::error(
                Code::SeveralResponseCodes,
                format!("`expect` has {} status codes; Apigee compares with only one <ResponseCode>", expect.len()),
            )
            .at(at.key("expect"))
            .help("write the one that a healthy server returns, for example `[200]`"),
        );
    }
    HealthMonitor { interval, timeout, port: check.port, path: check.path.clone(), expect }
}
