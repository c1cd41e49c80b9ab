//! `targets`: the backends.

use std::collections::BTreeSet;

use super::super::credential;
use super::context::Context;
use super::endpoint::DEFAULT;
use super::steps::{self, StepOwner};
use super::target_fields::TargetFields;
use super::{integrations, names, servers, target_auth, target_properties, units};
use crate::proxy::model::fault_handling::FaultHandling;
use crate::proxy::model::flow::{Flow, Step};
use crate::proxy::model::target_endpoint::{TargetDestination, TargetEndpoint};
use crate::spec::ApigeeProxySpec;
use crate::spec::target::{Rewrite, Target};
use apigee_flux_analysis::policy::assign_message::{AssignAction, AssignMessage};
use apigee_flux_analysis::policy::ssl_info::SslInfo;
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// The targets of a proxy.
pub(super) fn resolve(spec: &ApigeeProxySpec, context: &mut Context<'_, '_>, at: &FieldPath) -> Vec<TargetEndpoint> {
    let short;
    let (targets, at) = match (&spec.targets, &spec.target) {
        (Some(_), Some(_)) => {
            context.report.push(
                Diagnostic::error(Code::ConflictingFields, "`target` cannot be combined with `targets`")
                    .at(at.key("target"))
                    .help(
                        "`target: URL` is the short form of `targets` with one target named `default`: remove one of \
                         the two",
                    ),
            );
            return Vec::new();
        }
        (None, None) => {
            context.report.push(
                Diagnostic::error(Code::MissingField, "neither `target` nor `targets` is set")
                    .at(at.key("targets"))
                    .help("write `target: URL`, a list of `targets`, or `targets: none` for a proxy without a backend"),
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
                .help("write `targets: none` for a proxy without a backend"),
        );
    }
    let mut names = BTreeSet::new();
    let mut resolved = Vec::new();
    for (index, target) in targets.iter().enumerate() {
        // The short form has one field only, which is the URL.
        let place = at.as_ref().map_or(TargetFields::Short, |at| TargetFields::Long(at.index(index)));
        let name = &target.name;
        names::check_file_name("target", name, &place.key("name"), context.report);
        if name == "none" || !names.insert(name.to_lowercase()) {
            let message = format!("the target name `{name}` is already in use or reserved");
            context.report.push(
                Diagnostic::error(Code::NameCollision, message)
                    .at(place.key("name"))
                    .help("target names are not case-sensitive, and `none` is reserved for a route without a target"),
            );
        }
        context.add_endpoint(format!("targets/{name}.xml"), &place.whole());
        resolved.push(endpoint(target, spec, context, &place));
    }
    resolved
}

fn endpoint(
    target: &Target,
    spec: &ApigeeProxySpec,
    context: &mut Context<'_, '_>,
    place: &TargetFields,
) -> TargetEndpoint {
    let destination = match (&target.url, &target.servers, &target.integration) {
        (Some(url), None, None) => by_url(target, url, place, context.report),
        (None, Some(servers), None) => servers::by_servers(target, servers, place, context.report),
        (None, None, Some(integration)) => integrations::by_integration(target, integration, place, context.report),
        (url, servers, _) => {
            let found = if url.is_some() || servers.is_some() { "several" } else { "none" };
            context.report.push(
                Diagnostic::error(
                    Code::ConflictingFields,
                    format!("a target needs exactly one of `url`, `servers` and `integration`, found {found}"),
                )
                .at(place.whole())
                .help("`servers` are ApigeeTargetServers of the environment; a `url` is the same in every environment"),
            );
            // Routes may refer to it anyway.
            TargetDestination::Url { url: String::new(), ssl_info: Some(SslInfo::default()) }
        }
    };
    let mut timeout = |key: &str, text: Option<&String>| {
        text.and_then(|text| units::duration(text, units::millis, &place.key("timeouts").key(key), context.report))
    };
    let timeouts = target.timeouts.clone().unwrap_or_default();
    let connect_timeout = timeout("connect", timeouts.connect.as_ref());
    let read_timeout = timeout("read", timeouts.read.as_ref());
    let mut request = match target.rewrite {
        None | Some(Rewrite::KeepPathSuffix) => Vec::new(),
        Some(Rewrite::DropPathSuffix) => vec![drop_path_suffix(context, &place.key("rewrite"))],
    };
    let plain = matches!(destination, TargetDestination::Url { ssl_info: None, .. });
    let authentication = target.auth.as_ref().and_then(|auth| {
        let (authentication, mut steps) = target_auth::resolve(auth, &target.name, plain, &place.key("auth"), context);
        request.append(&mut steps);
        authentication
    });
    let properties = target_properties::resolve(target, spec, place, context.report);
    let own = steps::flow(&target.flow, &StepOwner::Target(target.name.clone()), context, &place.key("flow"));
    TargetEndpoint {
        name: target.name.clone(),
        faults: FaultHandling::default(),
        pre_flow: Flow { request: request.into_iter().chain(own.request).collect(), response: Vec::new() },
        post_flow: Flow { request: Vec::new(), response: own.response },
        destination,
        authentication,
        connect_timeout,
        read_timeout,
        properties,
    }
}

fn drop_path_suffix(context: &mut Context<'_, '_>, at: &FieldPath) -> Step {
    let policy = AssignMessage {
        actions: vec![AssignAction::AssignValue {
            name: "target.copy.pathsuffix".to_owned(),
            value: "false".to_owned(),
        }],
    };
    context.add("AM-DropPathSuffix", &policy, at)
}

fn by_url(target: &Target, url: &str, place: &TargetFields, report: &mut Report<'_>) -> TargetDestination {
    check_url(url, &place.key("url"), report);
    for (field, given) in [
        ("path", target.path.is_some()),
        ("maxFailures", target.max_failures.is_some()),
        ("healthCheck", target.health_check.is_some()),
    ] {
        if given {
            let help = if field == "path" {
                "append the path to the `url`"
            } else {
                "only `servers` can be removed from rotation and added back: define an ApigeeTargetServer and refer to \
                 it in `servers`"
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
    TargetDestination::Url {
        url: url.to_owned(),
        // Without it Apigee would accept any certificate.
        ssl_info: https.then_some(SslInfo { trust_store: tls.trust_store, client }),
    }
}

/// Checks a full URL.
pub(super) fn check_url(url: &str, at: &FieldPath, report: &mut Report<'_>) {
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{url}` is not an http or https URL"))
                .at(at)
                .help("write the full URL, for example `https://orders.example.com/v1`"),
        );
        return;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        report.push(
            Diagnostic::error(Code::InlineCredential, "the URL contains a user name or a password").at(at).help(
                "remove the part before the `@`, and set the `Authorization` header from a variable, for example \
                 `{private.backendAuthorization}`, or use `auth`",
            ),
        );
        return;
    }
    if host.is_empty() || url.chars().any(|c| c.is_whitespace() || c.is_control()) {
        report.push(
            Diagnostic::error(Code::InvalidValue, format!("`{url}` is not a valid URL"))
                .at(at)
                .help("it must have a host and must not contain spaces"),
        );
    }
    credential::check_text(url, at, report);
}
