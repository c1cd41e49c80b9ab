//! Elements, attributes and values that the schema of a policy does not allow. Apigee ignores most of them, so the policy does not do
//! what its author wrote.

use super::node::{at, is_template};
use super::{Finding, Findings, Verdict};
use crate::policy::policy_type;
use crate::policy::schema::{COMMON_ATTRIBUTES, COMMON_CHILDREN, ElementSchema, Meaning};
use apigee_flux_model::diag::{Code, nearest};
use apigee_flux_model::runtime::{Policy, RuntimeBundle};
use apigee_flux_model::xml::Node;

pub(super) fn run<'d>(bundle: &RuntimeBundle<'d>, findings: &mut Findings<'d>) {
    for policy in bundle.policies.values() {
        let Some(known) = policy_type(policy.element) else { continue };
        element(policy, policy.node, known.schema, true, findings);
    }
}

fn element<'d>(
    policy: &Policy<'d>,
    node: Node<'d, 'd>,
    shape: &'static ElementSchema,
    root: bool,
    findings: &mut Findings<'d>,
) {
    if shape.open && root {
        return;
    }
    let common = |at_root: &'static [_]| if root { at_root } else { &[] };
    attributes(policy, node, shape, common(COMMON_ATTRIBUTES), findings);
    let text = own_text(node);
    if !text.is_empty() {
        value(policy, node, shape.name, None, shape.text, text, findings);
    }
    if shape.open {
        return;
    }
    let common: &'static [ElementSchema] = if root { COMMON_CHILDREN } else { &[] };
    for inner in node.children().filter(Node::is_element) {
        let name = inner.tag_name().name();
        if let Some(shape) = shape.child(name).or_else(|| common.iter().find(|child| child.name == name)) {
            element(policy, inner, shape, false, findings);
            continue;
        }
        let known = shape.children.iter().chain(common).map(|child| child.name);
        let message = format!("<{}> of a policy <{}> has no element <{name}>", shape.name, policy.element);
        let message = if root { format!("a policy <{}> has no element <{name}>", policy.element) } else { message };
        let finding = Finding::new(Code::PolicySchema, Verdict::Doubtful, at(policy, inner), message);
        findings.add(match nearest(name, known.clone()) {
            _ if shape.attribute(name).is_some() => {
                finding.help(format!("`{name}` is an attribute: write `{name}=\"…\"` in XML, `${name}` in YAML"))
            }
            Some(meant) => finding.propose(meant),
            None => finding.help(allowed("Apigee ignores it; allowed:", &known.collect::<Vec<_>>())),
        });
    }
}

fn attributes<'d>(
    policy: &Policy<'d>,
    node: Node<'d, 'd>,
    shape: &'static ElementSchema,
    common: &'static [crate::policy::schema::Attribute],
    findings: &mut Findings<'d>,
) {
    for found in node.attributes().filter(|attribute| attribute.namespace().is_none()) {
        let name = found.name();
        if let Some(known) = shape.attribute(name).or_else(|| common.iter().find(|known| known.name == name)) {
            value(policy, node, shape.name, Some(known.name), known.value, found.value().trim(), findings);
            continue;
        }
        let known: Vec<&str> = shape.attributes.iter().chain(common).map(|attribute| attribute.name).collect();
        let message = format!("<{}> of a policy <{}> has no attribute `{name}`", shape.name, policy.element);
        let message = if common.is_empty() {
            message
        } else {
            format!("a policy <{}> has no attribute `{name}`", policy.element)
        };
        let finding = Finding::new(Code::PolicySchema, Verdict::Doubtful, at(policy, node), message);
        // Attribute names are short: `nearest` would propose an unrelated name.
        let meant =
            nearest(name, known.iter().copied()).filter(|meant| meant.len() > 3 || meant.eq_ignore_ascii_case(name));
        findings.add(match meant {
            Some(meant) => finding.propose(meant),
            None if known.is_empty() => finding.help("Apigee ignores it: remove it"),
            None => finding.help(allowed("Apigee ignores it; allowed:", &known)),
        });
    }
}

fn allowed(start: &str, names: &[&str]) -> String {
    if names.is_empty() {
        return "Apigee ignores it: remove it".to_owned();
    }
    format!("{start} {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
}

/// The element's text, if it has no child elements.
fn own_text<'d>(node: Node<'d, 'd>) -> &'d str {
    if node.children().any(|child| child.is_element()) { "" } else { super::node::text(node) }
}

fn value<'d>(
    policy: &Policy<'d>,
    node: Node<'d, 'd>,
    element: &str,
    attribute: Option<&str>,
    meaning: Meaning,
    text: &str,
    findings: &mut Findings<'d>,
) {
    let what = match attribute {
        Some(attribute) => format!("the attribute `{attribute}` of <{element}>"),
        None => format!("<{element}>"),
    };
    let place = at(policy, node);
    let mut wrong = |code, verdict, message: String, help: String| {
        findings.add(Finding::new(code, verdict, place, message).help(help));
    };
    match meaning {
        Meaning::Reads | Meaning::Writes if is_template(text) => {
            let inner = text.trim_matches(['{', '}']);
            // Some elements accept a name that a template computes; a whole name in braces is a mistake.
            if text.starts_with('{') && text.ends_with('}') && !inner.contains(['{', '}', '(']) {
                wrong(
                    Code::UnknownVariable,
                    Verdict::Broken,
                    format!(
                        "{what} of `{}` expects the name of a variable, which is written without braces",
                        policy.name
                    ),
                    format!("write `{inner}`"),
                );
            }
        }
        _ if text.is_empty() || is_template(text) => {}
        Meaning::Flag if !matches!(text.to_ascii_lowercase().as_str(), "true" | "false") => wrong(
            Code::PolicySchema,
            Verdict::Doubtful,
            format!("{what} of `{}` has the invalid value `{text}`", policy.name),
            "write `true` or `false`".to_owned(),
        ),
        Meaning::Whole if text.parse::<i64>().is_err() => wrong(
            Code::PolicySchema,
            Verdict::Doubtful,
            format!("{what} of `{}` has the invalid value `{text}`", policy.name),
            "write a whole number".to_owned(),
        ),
        Meaning::Word(words) if !words.iter().any(|word| word.eq_ignore_ascii_case(text)) => {
            let message = format!("{what} of `{}` has the invalid value `{text}`", policy.name);
            let finding = Finding::new(Code::PolicySchema, Verdict::Doubtful, place, message);
            findings.add(match nearest(text, words.iter().copied()) {
                Some(meant) => finding.propose(meant),
                None => finding.help(allowed("allowed:", words)),
            });
        }
        Meaning::Nothing if attribute.is_none() => wrong(
            Code::PolicySchema,
            Verdict::Doubtful,
            format!("{what} of `{}` contains text, which Apigee does not read there", policy.name),
            "use its child elements".to_owned(),
        ),
        _ => {}
    }
}
