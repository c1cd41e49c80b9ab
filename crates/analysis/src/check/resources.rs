//! Resources: missing ones that policies refer to, and unused ones.

use std::collections::{BTreeSet, HashSet};

use super::{At, Finding, Findings, Verdict};
use apigee_flux_model::bundle::{BundlePath, Files};
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::RuntimeBundle;
use apigee_flux_model::xml::Node;

/// The schemes of resources; each is also the folder below `resources`.
const SCHEMES: [&str; 8] = ["graphql", "java", "jsc", "oas", "py", "wsdl", "xsd", "xsl"];

/// The maximum number of bytes of a file that is searched for names; larger files are data.
const LARGEST_SEARCHED: usize = 1 << 20;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    let mut told: BTreeSet<&str> = BTreeSet::new();
    for policy in bundle.policies.values() {
        for node in policy.node.descendants().filter(Node::is_element) {
            let url = super::node::text(node);
            let Some((scheme, path)) = url.split_once("://") else { continue };
            if !SCHEMES.contains(&scheme) || path.contains(['{', ' ']) || path.is_empty() {
                continue;
            }
            let file = format!("resources/{scheme}/{path}");
            if bundle.files.get(&file).is_some() || !told.insert(url) {
                continue;
            }
            // Apigee names the error only for scripts.
            let error =
                if matches!(scheme, "jsc" | "py") { " (Apigee's error InvalidResourceUrlReference)" } else { "" };
            let message = format!("`{url}` names the file `{file}`, which the bundle does not have{error}");
            let finding =
                Finding::new(Code::MissingResource, Verdict::Doubtful, super::node::at(policy, node), message);
            let folder = format!("resources/{scheme}");
            let others =
                bundle.files.iter().filter(|(path, _)| path.folder() == folder).map(|(path, _)| path.file_name());
            findings.add(match nearest(path, others) {
                Some(meant) => finding.propose(format!("{scheme}://{meant}")),
                None => finding.help("add the file, unless it is a resource of the environment"),
            });
        }
    }
    let resources: Vec<&BundlePath> =
        bundle.files.iter().map(|(path, _)| path).filter(|path| is_resource(path)).collect();
    if resources.is_empty() {
        return;
    }
    let words = words(bundle.files);
    for path in resources {
        let name = path.file_name();
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let used = match path.folder() {
            // A JAR may be a dependency of another JAR.
            "resources/java" => words.contains("java"),
            // References may use the name without the extension.
            "resources/properties" | "resources/py" => words.contains(name) || words.contains(stem),
            _ => words.contains(name),
        };
        // Other names cannot be searched for: they are not single words.
        if !used && name.chars().all(is_word) && !stem.contains('.') {
            findings.add(
                Finding::new(
                    Code::UnusedResource,
                    Verdict::Doubtful,
                    At::File(path),
                    "nothing in the bundle refers to this file",
                )
                .help("remove it, or refer to it in a policy"),
            );
        }
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "._-".contains(c)
}

/// The words of all files except the root file, which only lists the others; and the parts of words between dots, as in
/// `propertyset.NAME.KEY`. A file is not searched for its own name.
fn words(files: &Files) -> HashSet<&str> {
    let mut words = HashSet::new();
    for (path, bytes) in files.iter() {
        if path.folder().is_empty() || bytes.len() > LARGEST_SEARCHED {
            continue;
        }
        let Ok(text) = std::str::from_utf8(bytes) else { continue };
        let own = path.file_name();
        for word in text.split(|c: char| !is_word(c)).filter(|word| !word.is_empty() && *word != own) {
            words.insert(word);
            words.extend(word.split('.').filter(|part| part.len() < word.len()));
        }
    }
    words
}

fn is_resource(path: &BundlePath) -> bool {
    let Some(rest) = path.as_str().strip_prefix("resources/") else { return false };
    let scheme = rest.split('/').next().unwrap_or_default();
    SCHEMES.contains(&scheme) || scheme == "properties"
}
