//! Health checks of load balancers.

use super::node::child;
use super::{At, Finding, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{BundlePlace, RuntimeBundle};

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let targets = bundle.target_endpoints.iter().map(|target| (target.node, target.place.path));
    let callouts =
        bundle.policies.values().filter(|policy| policy.enabled).map(|policy| (policy.node, policy.place.path));
    for (node, path) in targets.chain(callouts) {
        let success = child(node, "HTTPTargetConnection")
            .and_then(|connection| child(connection, "HealthMonitor"))
            .and_then(|monitor| child(monitor, "HTTPMonitor"))
            .and_then(|monitor| child(monitor, "SuccessResponse"));
        let mut codes = success.into_iter().flat_map(|success| super::node::children(success, "ResponseCode"));
        if let Some(second) = codes.nth(1) {
            findings.add(
                Finding::new(
                    Code::SeveralResponseCodes,
                    Verdict::Broken,
                    At::Place(BundlePlace::of(path, second)),
                    "<SuccessResponse> has more than one <ResponseCode>; Apigee uses only one",
                )
                .help("keep the status code that the path answers with when the server is healthy"),
            );
        }
    }
}
