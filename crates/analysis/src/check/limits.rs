//! The limits on Google's page "Limits" that a single bundle can exceed.

use super::{At, Finding, Findings, Verdict};
use apigee_flux_model::diag::Code;
use apigee_flux_model::limits::counts;
use apigee_flux_model::runtime::RuntimeBundle;

const PROXY_ENDPOINTS: usize = counts::PROXY_ENDPOINTS.max;
const FLOWS: usize = counts::FLOWS.max;
const PROPERTY_SET_BYTES: usize = counts::PROPERTY_SET_BYTES.max;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let mut fault = |verdict, at, message: String, help: &str| {
        findings.add(Finding::new(Code::LimitExceeded, verdict, at, message).help(help));
    };
    if let Some(first) = bundle.proxy_endpoints.get(PROXY_ENDPOINTS) {
        let count = bundle.proxy_endpoints.len();
        fault(
            Verdict::Broken,
            At::Place(first.place),
            format!("the bundle has {count} proxy endpoints; Apigee's limit is {PROXY_ENDPOINTS}"),
            "turn some of them into flows, or split the proxy",
        );
    }
    let targets = bundle.target_endpoints.iter().flat_map(|endpoint| &endpoint.flows);
    let mut flows = bundle.proxy_endpoints.iter().flat_map(|endpoint| &endpoint.flows).chain(targets);
    if let Some(first) = flows.nth(FLOWS) {
        let count = FLOWS + 1 + flows.count();
        fault(
            Verdict::Doubtful,
            At::Place(first.place),
            format!("the bundle has {count} flows; Apigee's limit is {FLOWS}"),
            "split the proxy",
        );
    }
    for (path, bytes) in bundle.files.iter().filter(|(path, _)| path.folder() == "resources/properties") {
        if bytes.len() > PROPERTY_SET_BYTES {
            fault(
                Verdict::Doubtful,
                At::File(path),
                format!("the property set has {} bytes; Apigee's limit is {PROPERTY_SET_BYTES}", bytes.len()),
                "split it",
            );
        }
    }
}
