//! From an `ApigeeProxy` or an `ApigeeSharedFlow` to the files of its bundle, and from any bundle to what it needs.
//!
//! `spec` says what was written; `resolve` turns it into a model that says what it means (the files named after
//! Apigee's own words), and the model is laid out as files. The order of what runs is decided in one place:
//! `resolve::FEATURES`. There is no input or output here, and no Kubernetes.

mod api_proxy;
mod bundle_files;
mod condition;
mod credential;
mod flow;
mod inspect;
mod path;
mod proxy_endpoint;
mod resolve;
mod shared_flow;
mod target_endpoint;

pub use inspect::{Inspected, inspect};

use crate::bundle::manifest::Requirements;
use crate::bundle::{BundleKind, Files};
use crate::diag::{Code, Diagnostic, FieldPath, Report};
use crate::spec::{ApigeeProxySpec, ApigeeSharedFlowSpec};

/// A bundle that was made from a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The files below `apiproxy` or `sharedflowbundle`.
    pub files: Files,
    /// What must exist in Apigee before it can run.
    pub requires: Requirements,
    /// The paths that it serves.
    pub base_paths: Vec<String>,
    /// Whether it shows a Google credential to a target, so that its deployment must name a service account.
    pub google_auth: bool,
}

/// Gives the bytes of a file that a spec names, as `js/a.js`; the error says why it cannot. The function itself reads no
/// files: the caller takes them from the input, or from the disk.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// Makes the bundle of a proxy; none if an error was reported, or if the spec has a `bundle` of its own: then only its
/// name, and conflicts between that and the other fields, are checked, and the bundle's files are for [`inspect`].
pub fn generate(
    name: &str,
    spec: &ApigeeProxySpec,
    read_file: ReadFile<'_>,
    report: &mut Report<'_>,
) -> Option<Generated> {
    told_once(report, |own| {
        resolve::check_resource(BundleKind::Proxy, name, spec.name.is_some(), own);
        if let Some(source) = &spec.bundle {
            resolve::check_bundle_source(source, &spec.intent_fields(), own);
            return None;
        }
        let proxy = resolve::resolve(name, spec, read_file, own);
        // A model with errors is not laid out: what it lacks would only be reported a second time.
        if own.has_errors() { None } else { lay_out(BundleKind::Proxy, name, proxy.files(), own) }
    })
}

/// Makes the bundle of a shared flow, like [`generate`].
pub fn generate_shared_flow(
    name: &str,
    spec: &ApigeeSharedFlowSpec,
    read_file: ReadFile<'_>,
    report: &mut Report<'_>,
) -> Option<Generated> {
    told_once(report, |own| {
        resolve::check_resource(BundleKind::SharedFlow, name, spec.name.is_some(), own);
        if let Some(source) = &spec.bundle {
            resolve::check_bundle_source(source, &spec.intent_fields(), own);
            return None;
        }
        let flow = resolve::resolve_shared_flow(name, spec, read_file, own);
        if own.has_errors() { None } else { lay_out(BundleKind::SharedFlow, name, flow.files(), own) }
    })
}

/// Reports each finding once: what several endpoints take over from the top of the spec is checked for each of them. With an
/// error among them nothing comes out.
fn told_once(report: &mut Report<'_>, make: impl FnOnce(&mut Report<'_>) -> Option<Generated>) -> Option<Generated> {
    let mut own = Report::new(report.subject());
    let generated = make(&mut own);
    let failed = own.has_errors();
    let mut told: Vec<Diagnostic> = Vec::new();
    for diagnostic in own.into_diagnostics() {
        if !told.contains(&diagnostic) {
            report.push(diagnostic.clone());
            told.push(diagnostic);
        }
    }
    generated.filter(|_| !failed)
}

fn lay_out(kind: BundleKind, name: &str, files: Result<Files, String>, report: &mut Report<'_>) -> Option<Generated> {
    let files = match files {
        Ok(files) => files,
        Err(why) => {
            report.push(
                Diagnostic::error(Code::InvalidValue, format!("the bundle cannot be written: {why}"))
                    .at(FieldPath::of(&["spec"]))
                    .help("remove the character from the field that gives this text"),
            );
            return None;
        }
    };
    // What we made is read as a stranger's bundle is: a fault found here is ours.
    let (inspected, findings) = inspect::read(kind, name, &files);
    for finding in findings {
        report
            .push(Diagnostic::error(Code::Internal, format!("the generated bundle is not sound: {}", finding.message)));
    }
    Some(Generated {
        files,
        requires: inspected.requires,
        base_paths: inspected.base_paths,
        google_auth: inspected.google_auth,
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::diag::Subject;
    use crate::xml::{Document, Node as XmlNode, parse_bytes};
    use crate::yaml::{Node, decode};

    fn generated(yaml: &str) -> Generated {
        let node = Node::parse(yaml, 0..yaml.len()).unwrap();
        let spec: ApigeeProxySpec = decode::decode(node.get("spec").unwrap()).unwrap();
        let subject = Subject::default();
        let mut report = Report::new(&subject);
        let generated = generate("test", &spec, &|_| Err("no files".to_owned()), &mut report);
        generated.unwrap_or_else(|| panic!("{yaml}\n{:?}", report.into_diagnostics()))
    }

    /// The names of the steps below a path of elements, in the order in which they run.
    fn steps(document: &Document<'_>, path: &[&str]) -> Vec<String> {
        let mut node = document.root_element();
        for name in path {
            match node.children().find(|child| child.has_tag_name(*name)) {
                Some(child) => node = child,
                None => return Vec::new(),
            }
        }
        node.children()
            .filter(|child| child.has_tag_name("Step"))
            .filter_map(|step| step.children().find(|child| child.has_tag_name("Name")))
            .map(|name| name.text().unwrap().to_owned())
            .collect()
    }

    /// Who runs on a request must come in this order, whatever else is there.
    const REQUEST: [&str; 6] =
        ["CORS-Default", "SA-Default", "VA-Default", "HTTPM-RemoveApiKey", "Q-Default", "HTTPM-SetRequest"];

    #[test]
    fn the_order_holds_for_every_choice_of_words() {
        let words = [
            ("  cors: {origins: ['https://a.example.com']}\n", "CORS-Default"),
            ("  traffic: {spikeArrest: 1ps, quota: {limit: 1, per: hour}}\n", "SA-Default"),
            ("  security: {apiKey: {}, headers: default}\n", "VA-Default"),
            (
                "  flow: {request: [{set: {headers: {a: b}}}], response: [{set: {headers: {c: d}}}]}\n",
                "HTTPM-SetRequest",
            ),
            ("  faults: none\n", ""),
        ];
        for choice in 0..1_u32 << words.len() {
            let mut yaml = "spec:\n  basePath: /x\n  target: https://example.com\n".to_owned();
            let chosen: Vec<_> =
                (0..words.len()).filter(|index| choice & (1 << index) != 0).map(|index| words[index]).collect();
            // The words stand the other way round than they run.
            for (text, _) in chosen.iter().rev() {
                write!(yaml, "{text}").unwrap();
            }
            let generated = generated(&yaml);
            let document = parse_bytes(generated.files.get("proxies/default.xml").unwrap()).unwrap();
            let request = steps(&document, &["PreFlow", "Request"]);
            let request: Vec<&str> = request.iter().map(String::as_str).filter(|name| *name != "Q-Product").collect();
            let expected: Vec<&str> = REQUEST.into_iter().filter(|name| request.contains(name)).collect();
            assert_eq!(request, expected, "{yaml}");
            for (_, policy) in chosen.iter().filter(|(_, policy)| !policy.is_empty()) {
                assert!(request.contains(policy), "{policy} is missing\n{yaml}");
            }
            let response = steps(&document, &["PostFlow", "Response"]);
            assert!(
                ["HTTPM-SetResponse", "HTTPM-SecurityHeaders"]
                    .iter()
                    .filter(|name| response.contains(&(**name).to_owned()))
                    .eq(response.iter()),
                "{yaml}"
            );
            let faults = steps(&document, &["DefaultFaultRule"]);
            assert!(
                ["AM-FaultJson", "HTTPM-SecurityHeaders"]
                    .iter()
                    .filter(|name| faults.contains(&(**name).to_owned()))
                    .eq(faults.iter()),
                "{yaml}"
            );
            assert_eq!(
                faults.first().is_some_and(|first| first == "AM-FaultJson"),
                !yaml.contains("faults: none"),
                "{yaml}"
            );
        }
    }

    #[test]
    fn the_steps_of_the_whole_example_run_in_their_order() {
        let generated = generated(include_str!("../../testdata/bundles/orders/proxy.yaml"));
        let document = parse_bytes(generated.files.get("proxies/default.xml").unwrap()).unwrap();
        assert_eq!(
            steps(&document, &["PreFlow", "Request"]),
            ["CORS-Default", "SA-Default", "VA-Default", "HTTPM-RemoveApiKey", "Q-Product", "HTTPM-SetRequest"]
        );
        assert_eq!(steps(&document, &["PostFlow", "Response"]), ["DC-Orders", "HTTPM-SecurityHeaders"]);
        assert_eq!(steps(&document, &["DefaultFaultRule"]), ["AM-FaultJson", "HTTPM-SecurityHeaders"]);
        let texts = |name: &str| {
            let nodes = document.descendants().filter(|node| node.has_tag_name(name));
            nodes.filter_map(|node: XmlNode<'_, '_>| node.text()).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(texts("AlwaysEnforce"), ["true"]);
        // A preflight carries no credential: the first step must run for it too.
        let first = document
            .descendants()
            .find(|node| node.has_tag_name("Step") && node.ancestors().any(|a| a.has_tag_name("PreFlow")));
        assert!(!first.unwrap().children().any(|child| child.has_tag_name("Condition")));
        // The quota counts for the consumer that the step before has found.
        let quota = parse_bytes(generated.files.get("policies/Q-Product.xml").unwrap()).unwrap();
        let step = quota.descendants().find_map(|node| node.attribute("stepName"));
        assert_eq!(step, Some("VA-Default"));
    }

    #[test]
    fn no_fault_rule_raises_a_fault() {
        for case in [
            include_str!("../../testdata/bundles/orders/proxy.yaml"),
            include_str!("../../testdata/bundles/no-target/proxy.yaml"),
            include_str!("../../testdata/bundles/endpoints/proxy.yaml"),
        ] {
            let generated = generated(case);
            for (_, bytes) in generated.files.iter().filter(|(path, _)| path.folder() == "proxies") {
                let document = parse_bytes(bytes).unwrap();
                for step in steps(&document, &["DefaultFaultRule"]) {
                    let policy = generated.files.get(&format!("policies/{step}.xml")).unwrap();
                    assert!(!parse_bytes(policy).unwrap().root_element().has_tag_name("RaiseFault"), "{step}");
                }
            }
        }
    }

    #[test]
    fn an_endpoint_more_leaves_the_files_of_the_others_alone() {
        let one = "spec:\n  basePath: /x\n  target: https://example.com\n  security: {apiKey: {}}\n  traffic: {spikeArrest: 1ps}\n";
        let two = format!(
            "{one}  endpoints: [{{name: b, basePath: /b, security: {{apiKey: {{name: k}}}}, traffic: {{spikeArrest: 2ps}}}}]\n"
        );
        let (one, two) = (generated(one), generated(&two));
        for (path, bytes) in one.files.iter() {
            assert_eq!(two.files.get(path.as_str()), Some(bytes), "{path}");
        }
        assert!(two.files.len() > one.files.len());
    }
}
