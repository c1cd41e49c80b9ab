//! Resources: those that policies name, and those that nothing names.

use std::collections::BTreeSet;

use super::{At, Finding, Findings, Gravity};
use crate::bundle::{BundlePath, Files};
use crate::diag::{Code, nearest};
use crate::runtime::Bundle;

/// The schemes of resources; each is also the folder below `resources`.
const SCHEMES: [&str; 8] = ["graphql", "java", "jsc", "oas", "py", "wsdl", "xsd", "xsl"];

/// Larger files are not searched for names: they are data.
const LARGEST_SEARCHED: usize = 1 << 20;

pub(super) fn run<'d>(bundle: &Bundle<'d>, findings: &mut Findings<'d>) {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for policy in bundle.policies.values() {
        for node in policy.node.descendants().filter(|node| node.is_element()) {
            let url = super::node::text(node);
            let Some((scheme, path)) = url.split_once("://") else { continue };
            if !SCHEMES.contains(&scheme) || path.contains(['{', ' ']) || path.is_empty() {
                continue;
            }
            let file = format!("resources/{scheme}/{path}");
            if bundle.files.get(&file).is_some() || !told.insert(url) {
                continue;
            }
            let message = format!("`{url}` names the file `{file}`, which the bundle does not have");
            let finding =
                Finding::new(Code::MissingResource, Gravity::Doubtful, super::node::at(policy, node), message);
            let folder = format!("resources/{scheme}");
            let others =
                bundle.files.iter().filter(|(path, _)| path.folder() == folder).map(|(path, _)| path.file_name());
            findings.add(match nearest(path, others) {
                Some(meant) => finding.propose(format!("{scheme}://{meant}")),
                None => finding.help("add the file, unless it is a resource of the environment"),
            });
        }
    }
    for (path, _) in bundle.files.iter().filter(|(path, _)| is_resource(path)) {
        if !is_used(path, bundle.files) {
            findings.add(
                Finding::new(
                    Code::UnusedResource,
                    Gravity::Doubtful,
                    At::File(path),
                    "nothing in the bundle names this file",
                )
                .help("remove it, or name it in a policy"),
            );
        }
    }
}

fn is_resource(path: &BundlePath) -> bool {
    let Some(rest) = path.as_str().strip_prefix("resources/") else { return false };
    let scheme = rest.split('/').next().unwrap_or_default();
    SCHEMES.contains(&scheme) || scheme == "properties"
}

/// True if the file's name stands anywhere but in the root file, which only lists what there is. A property set goes by its
/// name alone; a jar may be there for another one.
fn is_used(path: &BundlePath, files: &Files) -> bool {
    let name = path.file_name();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let wanted = match path.folder() {
        "resources/java" => "java://",
        "resources/properties" | "resources/py" => stem,
        _ => name,
    };
    files
        .iter()
        .filter(|(other, bytes)| *other != path && !other.folder().is_empty() && bytes.len() <= LARGEST_SEARCHED)
        .any(|(_, bytes)| contains(bytes, wanted.as_bytes()))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    !wanted.is_empty() && bytes.windows(wanted.len()).any(|window| window == wanted)
}
