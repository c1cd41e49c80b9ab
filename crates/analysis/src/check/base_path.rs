//! Base paths.

use super::{At, Finding, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{PlacedText, RuntimeBundle};

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let mut seen: Vec<PlacedText<'d>> = Vec::new();
    for endpoint in &bundle.proxy_endpoints {
        let mut fault = |verdict, at, message: String, help: &str| {
            findings.add(Finding::new(Code::InvalidBasePath, verdict, at, message).help(help));
        };
        match endpoint.base_paths.as_slice() {
            [] => fault(
                Verdict::Broken,
                At::Place(endpoint.place),
                format!("the proxy endpoint `{}` has no base path", endpoint.name),
                "add `<HTTPProxyConnection><BasePath>/…</BasePath></HTTPProxyConnection>`",
            ),
            [_] => {}
            [_, second, ..] => fault(
                Verdict::Broken,
                At::Place(second.place),
                format!("the proxy endpoint `{}` has more than one base path", endpoint.name),
                "exactly one is allowed: create a proxy endpoint for each",
            ),
        }
        for path in &endpoint.base_paths {
            if path.value.is_empty() {
                let message = format!("the base path of the proxy endpoint `{}` is empty", endpoint.name);
                fault(
                    Verdict::Broken,
                    At::Place(path.place),
                    message,
                    "write the path that follows the host, for example `/v1/orders`",
                );
            } else if !path.value.starts_with('/') {
                let message = format!("the base path `{}` does not start with `/`", path.value);
                fault(
                    Verdict::Broken,
                    At::Place(path.place),
                    message,
                    "write the path that follows the host, for example `/v1/orders`",
                );
            } else if path.value.len() > 1 && path.value.ends_with('/') {
                let message = format!("the base path `{}` ends in `/`", path.value);
                fault(
                    Verdict::Doubtful,
                    At::Place(path.place),
                    message,
                    "remove the `/`: requests with and without it are served",
                );
            }
        }
        for path in &endpoint.base_paths {
            if seen.iter().any(|other| other.value.trim_end_matches('/') == path.value.trim_end_matches('/')) {
                let message = format!("more than one proxy endpoint of the bundle has the base path `{}`", path.value);
                findings.add(
                    Finding::new(Code::DuplicateBasePath, Verdict::Broken, At::Place(path.place), message)
                        .help("give each endpoint its own base path"),
                );
            }
            seen.push(*path);
        }
    }
}
