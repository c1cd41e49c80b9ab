//! Generates the files of a bundle from an `ApigeeProxy` or an `ApigeeSharedFlow`, and reads from any bundle what it
//! requires.
//!
//! `spec` is what the user wrote; `resolve` turns it into a `model` of Apigee's configuration, whose modules are named after
//! Apigee's elements, and the model is written as files. The order of the steps is defined in one place:
//! `resolve::FEATURES`. This module does no input or output, and has no dependency on Kubernetes.

mod base_path;
mod condition;
pub mod credential;
mod inspect;
mod model;
mod origins;
mod resolve;

pub use inspect::{Inspected, inspect};
pub use origins::{Origins, PartOrigin};
pub use resolve::{Ordered, StepPlace};

use inspect::FaultOrFinding;

use crate::spec::{ApigeeProxySpec, ApigeeSharedFlowSpec};
use apigee_flux_analysis::check::BundleClass;
use apigee_flux_model::bundle::manifest::Requirements;
use apigee_flux_model::bundle::{BundleKind, Files};
use apigee_flux_model::diag::{Code, Diagnostic, FieldPath, Report};

/// A bundle that was generated from a spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The files below `apiproxy` or `sharedflowbundle`.
    pub files: Files,
    /// What must exist in Apigee before it can run.
    pub requires: Requirements,
    /// The base paths that it serves.
    pub base_paths: Vec<String>,
    /// Whether it sends a Google credential to a target, a model, an integration or a log, so that its deployment needs
    /// a service account.
    pub google_auth: bool,
    /// What decides whether it is standard or extensible.
    pub class: BundleClass,
    /// The fields from which its parts were generated.
    pub origins: Origins,
}

/// Whether Apigee can serve a path as the base path of a proxy.
pub fn is_base_path(path: &str) -> bool {
    base_path::fault(path).is_none()
}

/// Returns the bytes of a file that a spec names, for example `js/a.js`; the error says why it cannot. This module
/// reads no files itself: the caller takes them from the input, or from the disk.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// The order of the steps in a generated proxy, and the reasons for it.
pub fn order() -> impl Iterator<Item = Ordered> {
    resolve::order()
}

/// Generates the bundle of a proxy. Returns `None` if an error was reported, or if the spec has a `bundle`: then only
/// the name, and conflicts between `bundle` and other fields, are checked, and [`inspect`] checks the files of the
/// bundle.
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
        let (proxy, origins) = resolve::resolve(name, spec, read_file, own);
        // A model with errors is not written as files: what it lacks would only be reported a second time.
        if own.has_errors() { None } else { lay_out(BundleKind::Proxy, name, proxy.files(), origins, own) }
    })
}

/// Generates the bundle of a shared flow, like [`generate`].
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
        let (flow, origins) = resolve::resolve_shared_flow(name, spec, read_file, own);
        if own.has_errors() { None } else { lay_out(BundleKind::SharedFlow, name, flow.files(), origins, own) }
    })
}

/// Reports each finding once: a field that several endpoints inherit from the top level of the spec is checked for each
/// of them. Returns `None` if there was an error.
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

fn lay_out(
    kind: BundleKind,
    name: &str,
    files: Result<Files, String>,
    origins: Origins,
    report: &mut Report<'_>,
) -> Option<Generated> {
    let files = match files {
        Ok(files) => files,
        Err(why) => {
            report.push(
                Diagnostic::error(Code::InvalidValue, format!("the bundle cannot be written: {why}"))
                    .at(FieldPath::of(&["spec"]))
                    .help("remove the character from the field that contains this text"),
            );
            return None;
        }
    };
    // The generated bundle is read like any other: an error found here is a defect of apigee-flux.
    let inspected = inspect::read(kind, name, &files, &mut |found| match found {
        FaultOrFinding::Fault(fault) => {
            let message = format!("the generated bundle is invalid: {}", fault.text());
            report.push(Diagnostic::error(Code::Internal, message));
        }
        FaultOrFinding::Finding(finding) => {
            if let Some(diagnostic) = origins.diagnostic(finding) {
                report.push(diagnostic);
            }
        }
    });
    Some(Generated {
        files,
        requires: inspected.requires,
        base_paths: inspected.base_paths,
        google_auth: inspected.google_auth,
        class: inspected.class,
        origins,
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use apigee_flux_model::diag::Subject;
    use apigee_flux_model::xml::{Document, Node as XmlNode, parse_bytes};
    use apigee_flux_model::yaml::{YamlNode, decode};

    fn generated(yaml: &str) -> Generated {
        let node = YamlNode::parse(yaml, 0..yaml.len()).unwrap();
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

    /// The steps on a request must have this order, whatever other steps there are.
    const REQUEST: [&str; 28] = [
        "CORS-Default",
        "SA-Default",
        "VA-Default",
        "OAuthV2-Default",
        "RF-Unauthorized",
        "KVM-JwtKey",
        "VJWT-Default",
        "BA-Default",
        "KVM-BasicPasswords",
        // Again for the user, and for the password.
        "RF-Unauthorized",
        "RF-Unauthorized",
        "KVM-HmacKey",
        "HMAC-Default",
        "HTTPM-RemoveApiKey",
        "HTTPM-RemoveToken",
        "HTTPM-RemoveAuthorization",
        "Q-Product",
        "Q-Default",
        "RE-Threats",
        "JTP-Default",
        "XTP-Default",
        "GQL-Default",
        "AM-AiRequest",
        "PTL-Default",
        "LTQ-Enforce",
        "SUP-Default",
        "SCL-Default",
        "HTTPM-SetRequest",
    ];

    /// The order on a response: the model's answer is counted before it is checked, and checked before it is cached.
    const RESPONSE: [&str; 5] =
        ["LTQ-Count", "SMR-Default", "SCP-Default", "HTTPM-SetResponse", "HTTPM-SecurityHeaders"];

    /// The kinds of credentials, and the policies that each must have.
    const CREDENTIALS: [(&str, &[&str]); 8] = [
        ("", &[]),
        ("apiKey: {}, ", &["VA-Default", "HTTPM-RemoveApiKey"]),
        ("oauth2: {}, ", &["OAuthV2-Default", "HTTPM-RemoveToken"]),
        ("jwt: {issuer: i, audience: a, jwks: 'https://i/'}, ", &["VJWT-Default"]),
        (
            "jwt: {issuer: i, audience: a, algorithm: HS256, key: {kvm: {map: m, key: k}}}, ",
            &["KVM-JwtKey", "VJWT-Default"],
        ),
        ("jwt: {issuer: i, audience: a, jwks: 'https://i/'}, apiKey: {}, ", &["VA-Default", "VJWT-Default"]),
        ("basic: {kvm: m}, ", &["BA-Default", "KVM-BasicPasswords", "RF-Unauthorized", "HTTPM-RemoveAuthorization"]),
        ("hmac: {header: h, key: {kvm: {map: m, key: k}}}, ", &["RF-Unauthorized", "KVM-HmacKey", "HMAC-Default"]),
    ];

    #[test]
    fn the_order_holds_for_every_choice_of_words() {
        let words: [(&str, &[&str]); 6] = [
            ("  cors: {origins: ['https://a.example.com']}\n", &["CORS-Default"]),
            ("  traffic: {spikeArrest: 1ps, quota: {limit: 1, per: hour}}\n", &["SA-Default", "Q-Default"]),
            (
                "  flow: {request: [{set: {headers: {a: b}}}], response: [{set: {headers: {c: d}}}]}\n",
                &["HTTPM-SetRequest"],
            ),
            ("  faults: none\n", &[]),
            ("  graphql: {maxDepth: 5}\n", &["GQL-Default"]),
            (
                "  ai: {provider: openai, promptTokens: 9pm, tokenQuota: {limit: 9, per: day}, modelArmor: {template: '{a}'}, \
              semanticCache: {index: projects/p/locations/l/indexes/1, indexEndpoint: projects/p/locations/l/indexEndpoints/1, \
              host: h, deployedIndex: d}}\n",
                &["AM-AiRequest"],
            ),
        ];
        let more: [(&str, &[&str]); 3] = [
            ("", &[]),
            ("threats: {xml: {}, json: {}, patterns: [sql]}, ", &["RE-Threats", "JTP-Default", "XTP-Default"]),
            ("headers: default, ", &[]),
        ];
        let securities = CREDENTIALS.iter().flat_map(|credential| more.iter().map(move |more| (credential, more)));
        for (choice, (credential, more)) in
            (0..1_u32 << words.len()).flat_map(|choice| securities.clone().map(move |security| (choice, security)))
        {
            let mut yaml = "spec:\n  basePath: /x\n  target: https://example.com\n".to_owned();
            let chosen: Vec<_> =
                (0..words.len()).filter(|index| choice & (1 << index) != 0).map(|index| words[index]).collect();
            // The fields are written in the reverse order of their steps.
            for (text, _) in chosen.iter().rev() {
                write!(yaml, "{text}").unwrap();
            }
            writeln!(yaml, "  security: {{{}{}}}", more.0, credential.0).unwrap();
            let generated = generated(&yaml);
            let document = parse_bytes(generated.files.get("proxies/default.xml").unwrap()).unwrap();
            let request = steps(&document, &["PreFlow", "Request"]);
            let request: Vec<&str> = request.iter().map(String::as_str).collect();
            let mut order = REQUEST.iter();
            assert!(request.iter().all(|name| order.any(|next| next == name)), "{request:?}\n{yaml}");
            for policy in chosen.iter().flat_map(|(_, policies)| *policies).chain(credential.1).chain(more.1) {
                assert!(request.contains(policy), "{policy} is missing\n{yaml}");
            }
            let response = steps(&document, &["PostFlow", "Response"]);
            assert!(
                RESPONSE.iter().filter(|name| response.contains(&(**name).to_owned())).eq(response.iter()),
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
    fn a_public_operation_frees_its_own_requests_only_and_no_credential_passes() {
        for (credential, policies) in CREDENTIALS {
            let generated = generated(&format!(
                "spec:\n  basePath: /x\n  target: https://example.com\n  security: {{{credential}}}\n  \
                 operations: {{health: {{match: {{path: /health, methods: [GET]}}, security: none}}}}\n"
            ));
            let document = parse_bytes(generated.files.get("proxies/default.xml").unwrap()).unwrap();
            let flow = document.descendants().find(|node| node.attribute("name") == Some("health")).unwrap();
            let condition =
                flow.children().find(|child| child.has_tag_name("Condition")).and_then(|c| c.text()).unwrap();
            let pre_flow = document.descendants().find(|node| node.has_tag_name("PreFlow")).unwrap();
            for step in pre_flow.descendants().filter(|node| node.has_tag_name("Step")) {
                let text = |name| step.children().find(|child| child.has_tag_name(name)).and_then(|child| child.text());
                let name = text("Name").unwrap();
                if name.starts_with("HTTPM-Remove") {
                    assert_eq!(text("Condition"), None, "{name}");
                } else {
                    assert!(text("Condition").unwrap().contains(&format!("!({condition})")), "{name}");
                }
            }
            assert_eq!(steps(&document, &["PreFlow", "Request"]).is_empty(), policies.is_empty());
        }
    }

    #[test]
    fn a_cache_stands_behind_the_credential_and_keeps_callers_apart() {
        let generated = generated(include_str!("../../../../testdata/bundles/cache/proxy.yaml"));
        let policy = |name: &str| String::from_utf8(generated.files.get(name).unwrap().to_vec()).unwrap();
        for operation in ["listOrders", "getOrder", "news"] {
            let cache = policy(&format!("policies/RC-{operation}.xml"));
            for variable in
                ["verifyapikey.VA-Default.client_id", "jwt.VJWT-internal.claim.sub", "request.header.x-sandbox"]
            {
                assert!(cache.contains(&format!("ref=\"{variable}\"")), "{operation} {variable}");
            }
        }
        for endpoint in ["default", "internal"] {
            let text = policy(&format!("proxies/{endpoint}.xml"));
            let document = parse_bytes(text.as_bytes()).unwrap();
            assert!(steps(&document, &["PreFlow", "Request"]).iter().all(|step| !step.starts_with("RC-")));
            let flow = document.descendants().find(|node| node.attribute("name") == Some("getOrder")).unwrap();
            let names = flow.descendants().filter(|node| node.has_tag_name("Name")).filter_map(|name| name.text());
            assert_eq!(
                names.collect::<Vec<_>>(),
                ["HTTPM-getOrder-1", "RC-getOrder", "HTTPM-getOrder-2", "RC-getOrder"],
                "{endpoint}"
            );
        }
    }

    #[test]
    fn the_steps_of_the_whole_example_run_in_their_order() {
        let generated = generated(include_str!("../../../../testdata/bundles/orders/proxy.yaml"));
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
        // A preflight request carries no credential: the first step must run for it too.
        let first = document
            .descendants()
            .find(|node| node.has_tag_name("Step") && node.ancestors().any(|a| a.has_tag_name("PreFlow")));
        assert!(!first.unwrap().children().any(|child| child.has_tag_name("Condition")));
        // The quota counts for the consumer that an earlier step has authenticated.
        let quota = parse_bytes(generated.files.get("policies/Q-Product.xml").unwrap()).unwrap();
        let step = quota.descendants().find_map(|node| node.attribute("stepName"));
        assert_eq!(step, Some("VA-Default"));
    }

    #[test]
    fn tokens_are_counted_for_the_consumer_and_not_for_answers_from_the_cache() {
        let generated = generated(include_str!("../../../../testdata/bundles/ai-provider/proxy.yaml"));
        let text = |path: &str| String::from_utf8(generated.files.get(path).unwrap().to_vec()).unwrap();
        // Both policies use one counter.
        for policy in ["policies/LTQ-Enforce.xml", "policies/LTQ-Count.xml"] {
            assert!(text(policy).contains("<SharedName>llm-tokens</SharedName>"), "{policy}");
            assert!(text(policy).contains("<Identifier ref=\"verifyapikey.VA-Default.client_id\"/>"), "{policy}");
        }
        let endpoint = text("proxies/default.xml");
        let endpoint = parse_bytes(endpoint.as_bytes()).unwrap();
        for (policy, conditional) in [("LTQ-Count", true), ("SMR-Default", false), ("SCP-Default", true)] {
            let name = endpoint.descendants().find(|node| node.text() == Some(policy)).unwrap();
            let condition = name.parent().unwrap().children().find(|child| child.has_tag_name("Condition"));
            let expected = conditional.then_some("not (SemanticCacheLookup.SCL-Default.cache_hit = true)");
            assert_eq!(condition.and_then(|node| node.text()), expected, "{policy}");
        }
    }

    #[test]
    fn a_token_quota_stands_in_for_the_default_quota_of_calls() {
        let spec = |more: &str| {
            format!("spec:\n  basePath: /x\n  target: https://example.com\n  security: {{apiKey: {{}}}}\n{more}")
        };
        let ai = "  ai: {provider: openai, tokenQuota: product}\n";
        for (more, counted) in [
            (String::new(), true),
            (ai.to_owned(), false),
            (format!("{ai}  traffic: {{quota: product}}\n"), true),
            ("  ai: {provider: openai, promptTokens: 9pm}\n".to_owned(), true),
        ] {
            let files = generated(&spec(&more)).files;
            assert_eq!(files.get("policies/Q-Product.xml").is_some(), counted, "{more}");
        }
    }

    #[test]
    fn only_what_callers_can_do_without_may_fail() {
        for (case, may_fail) in [
            (include_str!("../../../../testdata/bundles/ai-provider/proxy.yaml"), vec!["SCL-Default", "SCP-Default"]),
            (
                include_str!("../../../../testdata/bundles/logging/proxy.yaml"),
                vec!["ML-CloudLogging-partners", "ML-CloudLogging"],
            ),
        ] {
            let generated = generated(case);
            let policies = generated.files.iter().filter(|(path, _)| path.folder() == "policies");
            let found: Vec<String> = policies
                .filter_map(|(_, bytes)| {
                    let document = parse_bytes(bytes).unwrap();
                    let root = document.root_element();
                    let goes_on = root.attribute("continueOnError") == Some("true");
                    goes_on.then(|| root.attribute("name").unwrap().to_owned())
                })
                .collect();
            assert_eq!(found, may_fail);
        }
    }

    #[test]
    fn the_first_integration_that_a_route_leads_to_sets_the_request_last() {
        let generated = generated(include_str!("../../../../testdata/bundles/integration/proxy.yaml"));
        let document = parse_bytes(generated.files.get("proxies/default.xml").unwrap()).unwrap();
        assert_eq!(steps(&document, &["PostFlow", "Request"]), ["SIR-default", "SIR-bulk"]);
    }

    #[test]
    fn no_fault_rule_raises_a_fault() {
        for case in [
            include_str!("../../../../testdata/bundles/orders/proxy.yaml"),
            include_str!("../../../../testdata/bundles/no-target/proxy.yaml"),
            include_str!("../../../../testdata/bundles/endpoints/proxy.yaml"),
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
        let one = "spec:\n  basePath: /x\n  target: https://example.com\n  security: {apiKey: {}}\n  traffic: {spikeArrest: 1ps}\n  ai: {provider: openai, tokenQuota: product}\n  graphql: {}\n  logging: {syslog: {host: h}}\n";
        let two = format!(
            "{one}  endpoints: [{{name: b, basePath: /b, security: {{apiKey: {{name: k}}}}, traffic: {{spikeArrest: 2ps}}, \
             graphql: {{maxDepth: 2}}, ai: {{provider: openai, promptTokens: 9pm}}, logging: {{syslog: {{host: i}}}}}}]\n"
        );
        let (one, two) = (generated(one), generated(&two));
        for (path, bytes) in one.files.iter() {
            assert_eq!(two.files.get(path.as_str()), Some(bytes), "{path}");
        }
        assert!(two.files.len() > one.files.len());
    }
}
