//! Names inside files that differ from the file names, and names that Apigee rejects.

use super::{At, Finding, Findings, Verdict};
use apigee_flux_model::bundle::FileKind;
use apigee_flux_model::diag::Code;
use apigee_flux_model::runtime::{BundlePlace, RuntimeBundle};

/// The maximum length of a policy's name, from Apigee's naming guidelines.
const LONGEST: usize = 255;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let policies = bundle.policies.values().map(|policy| ("policy", policy.name, policy.place));
    let proxies = bundle.proxy_endpoints.iter().map(|endpoint| ("proxy endpoint", endpoint.name, endpoint.place));
    let targets = bundle.target_endpoints.iter().map(|endpoint| ("target endpoint", endpoint.name, endpoint.place));
    for (path, _) in bundle.files.iter().filter(|(path, _)| FileKind::of(path) == FileKind::NotXml) {
        let finding = if path.looks_like_xml() {
            Finding::new(
                Code::WrongFileName,
                Verdict::Refused,
                At::File(path),
                format!("Apigee does not read `{path}`: the name of an XML file must end in `.xml`, in lower case"),
            )
            .help("rename it")
        } else {
            Finding::new(
                Code::WrongFileName,
                Verdict::Doubtful,
                At::File(path),
                format!("Apigee does not read `{path}`: the names of the files in this folder must end in `.xml`"),
            )
            .help("move or remove it")
        };
        findings.add(finding);
    }
    for (what, name, place) in policies.chain(proxies).chain(targets) {
        names(what, name, place, findings);
    }
}

fn names<'d>(what: &str, name: &str, place: BundlePlace<'d>, findings: &mut Findings<'d>) {
    let stem = place.path.xml_stem().unwrap_or_default();
    let mut fault = |message: String, help: String| {
        findings.add(Finding::new(Code::WrongFileName, Verdict::Doubtful, At::Place(place), message).help(help));
    };
    if stem != name {
        fault(
            format!("the {what} has the name `{name}`, but its file has the name `{stem}`"),
            format!("steps and routes use the name inside the file: rename the file to `{name}.xml`"),
        );
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || " ._-".contains(c);
    if what == "policy" && (name.len() > LONGEST || name.is_empty() || !name.chars().all(legal)) {
        fault(
            format!("`{name}` is not a valid policy name"),
            format!("use up to {LONGEST} letters, digits, spaces, `.`, `_` and `-`"),
        );
    }
}
