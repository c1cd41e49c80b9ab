//! Names inside files that differ from the files' own, and names that Apigee does not take.

use super::{At, Finding, Findings, Gravity};
use crate::diag::Code;
use crate::runtime::{Bundle, Place};

/// Apigee's naming guidelines: characters of a policy's name.
const LONGEST: usize = 255;

pub(super) fn run<'d>(bundle: &Bundle<'d>, findings: &mut Findings<'d>) {
    let policies = bundle.policies.values().map(|policy| ("policy", policy.name, policy.place));
    let proxies = bundle.proxy_endpoints.iter().map(|endpoint| ("proxy endpoint", endpoint.name, endpoint.place));
    let targets = bundle.target_endpoints.iter().map(|endpoint| ("target endpoint", endpoint.name, endpoint.place));
    for (what, name, place) in policies.chain(proxies).chain(targets) {
        names(what, name, place, findings);
    }
}

fn names<'d>(what: &str, name: &str, place: Place<'d>, findings: &mut Findings<'d>) {
    let file = place.path.file_name();
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let mut fault = |message: String, help: String| {
        findings.add(Finding::new(Code::WrongFileName, Gravity::Doubtful, At::Place(place), message).help(help));
    };
    if stem != name {
        fault(
            format!("the {what} calls itself `{name}`, its file `{stem}`"),
            format!("steps and routes go by the name inside the file: rename the file to `{name}.xml`"),
        );
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
    if what == "policy" && (name.len() > LONGEST || name.is_empty() || !name.chars().all(legal)) {
        fault(
            format!("`{name}` is not a name for a policy"),
            format!("use up to {LONGEST} letters, digits, spaces, `.`, `_` and `-`"),
        );
    }
}
