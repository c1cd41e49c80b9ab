//! TLS to backends.

use super::node::{child, is_template, text};
use super::{At, Finding, Findings, Verdict};
use apigee_flux_model::bundle::BundlePath;
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{BundlePlace, RuntimeBundle};
use apigee_flux_model::xml::Node;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let targets = bundle.target_endpoints.iter().map(|target| (target.node, target.place.path));
    let callouts =
        bundle.policies.values().filter(|policy| policy.enabled).map(|policy| (policy.node, policy.place.path));
    for (node, path) in targets.chain(callouts) {
        if let Some(connection) = child(node, "HTTPTargetConnection") {
            check(connection, path, findings);
        }
    }
}

fn check<'d>(connection: Node<'d, 'd>, path: &'d BundlePath, findings: &mut Findings<'d>) {
    // A target server has its own TLS configuration in the environment.
    let Some(node) = child(connection, "URL") else { return };
    let url = text(node);
    let mut fault = |node, message: String, help: &str| {
        let at = At::Place(BundlePlace::of(path, node));
        findings.add(Finding::new(Code::WeakTls, Verdict::Doubtful, at, message).help(help));
    };
    if let Some(rest) = url.strip_prefix("http://") {
        let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
        if !is_template(host) && !is_private(host) {
            fault(
                node,
                format!("requests to `{host}` are not encrypted"),
                "use `https`, unless the network is private",
            );
        }
        return;
    }
    if !url.starts_with("https://") {
        return;
    }
    let Some(info) = child(connection, "SSLInfo") else {
        fault(
            node,
            "the validation of the backend's certificate is not enforced".to_owned(),
            "add `<SSLInfo><Enabled>true</Enabled><Enforce>true</Enforce></SSLInfo>`",
        );
        return;
    };
    let is = |name: &str, value: &str| {
        child(info, name).is_some_and(|node| text(node).eq_ignore_ascii_case(value) || is_template(text(node)))
    };
    if is("IgnoreValidationErrors", "true") {
        fault(
            info,
            "validation errors of the backend's certificate are ignored".to_owned(),
            "remove <IgnoreValidationErrors>; put your own certificate authority in a <TrustStore>",
        );
    } else if !is("Enabled", "true") || !is("Enforce", "true") {
        fault(
            info,
            "the validation of the backend's certificate is not enforced: TLS is not both enabled and enforced"
                .to_owned(),
            "write `<Enabled>true</Enabled><Enforce>true</Enforce>`",
        );
    }
}

/// Suffixes of host names that are not public.
const ENDS: [&str; 6] = [".internal", ".local", ".localhost", ".svc", ".lan", ".test"];

/// True for hosts without a public name or address.
fn is_private(host: &str) -> bool {
    if let Ok(address) = host.parse::<core::net::Ipv4Addr>() {
        return address.is_private() || address.is_loopback() || address.is_link_local();
    }
    !host.contains('.') || ENDS.iter().any(|end| host.ends_with(end)) || host.contains(".svc.")
}

#[cfg(test)]
mod tests {
    use super::is_private;

    #[test]
    fn private_hosts() {
        for host in [
            "localhost",
            "orders",
            "10.1.2.3",
            "192.168.0.1",
            "127.0.0.1",
            "orders.prod.svc",
            "a.svc.cluster.local",
            "x.internal",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in ["example.com", "8.8.8.8", "httpbin.org"] {
            assert!(!is_private(host), "{host}");
        }
    }
}
