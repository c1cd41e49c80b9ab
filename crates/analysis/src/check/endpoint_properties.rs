//! Endpoint properties that Apigee does not support: it ignores them.

use super::node::{child, children};
use super::{At, Finding, Findings, Verdict};
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::{BundlePlace, RuntimeBundle};
use apigee_flux_model::xml::Node;

/// Properties of target endpoints, from Google's page "Endpoint properties reference".
const TARGET: &[&str] = &[
    "allow.tls.session.resumption",
    "compression.algorithm",
    "connect.timeout.millis",
    "h2c.upgrade.enabled",
    "http.ssl.trustAll",
    "HTTPHeader.allowDuplicates",
    "HTTPHeader.multiValued",
    "ignore.allow.header.for.405",
    "io.timeout.millis",
    "io.timeout.units",
    "keepalive.timeout.millis",
    "request.retain.headers",
    "request.retain.headers.enabled",
    "request.retain.queryparams",
    "request.retain.queryparams.enabled",
    "request.streaming.enabled",
    "response.payload.parse.limit",
    "response.retain.headers",
    "response.retain.headers.enabled",
    "response.streaming.enabled",
    "retain.queryparams",
    "retain.queryparams.enabled",
    "return204.with.body",
    "sni.server.name",
    "success.codes",
    "supports.http10",
    "supports.http11",
    "target.copy.pathsuffix",
    "target.copy.queryparams",
    "use.proxy",
    "use.proxy.tunneling",
    "use.proxy.host.header.with.target.uri",
];

/// Properties of proxy endpoints, from the same page.
const PROXY: &[&str] = &[
    "allow.http.method.*",
    "allow.http10",
    "allow.http11",
    "allow.post.without.content.length",
    "allow.put.without.content.length",
    "api.timeout",
    "compression.algorithm",
    "HTTPHeader.allowDuplicates",
    "HTTPHeader.multiValued",
    "request.payload.parse.limit",
    "request.queryparams.ignore.content.type.charset",
    "request.streaming.enabled",
    "response.payload.parse.limit",
    "response.streaming.enabled",
    "X-Forwarded-For",
];

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for endpoint in &bundle.proxy_endpoints {
        properties(endpoint.place, endpoint.node, "HTTPProxyConnection", PROXY, findings);
    }
    for endpoint in &bundle.target_endpoints {
        properties(endpoint.place, endpoint.node, "HTTPTargetConnection", TARGET, findings);
    }
}

fn properties<'d>(
    place: BundlePlace<'d>,
    node: Node<'d, 'd>,
    connection: &str,
    known: &[&str],
    findings: &mut Findings<'d>,
) {
    let lists = children(node, connection).filter_map(|connection| child(connection, "Properties"));
    for property in lists.flat_map(|list| children(list, "Property")) {
        let name = property.attribute("name").unwrap_or_default().trim();
        let is =
            |known: &&str| *known == name || known.strip_suffix('*').is_some_and(|prefix| name.starts_with(prefix));
        // A name that is similar to no known one may be newer than the list.
        let Some(meant) = nearest(name, known.iter().copied()).filter(|_| !known.iter().any(is)) else {
            continue;
        };
        let message = format!("<{connection}> has no property `{name}`: Apigee ignores it");
        let at = At::Place(BundlePlace::of(place.path, property));
        findings.add(Finding::new(Code::PolicySchema, Verdict::Doubtful, at, message).propose(meant));
    }
}
