//! Which variables a policy reads and sets, according to its schema.

use std::collections::BTreeSet;

use super::node::{child, is_template, text};
use super::walk::operation;
use crate::policy::policy_type;
use crate::policy::schema::{ElementSchema, Meaning, shape_of};
use crate::policy::variables::{OPAQUE, SETS, covers};
use apigee_flux_model::condition::{self, ConditionValue, Expr};
use apigee_flux_model::runtime::{Policy, RuntimeBundle};
use apigee_flux_model::template;
use apigee_flux_model::xml::Node;

/// A variable that is read.
#[derive(Debug, Clone)]
pub(super) struct Read<'d> {
    /// Its name.
    pub(super) variable: String,
    /// The element that refers to it.
    pub(super) node: Node<'d, 'd>,
}

/// The texts and attributes of a policy, with their meaning in its schema.
pub(super) fn values<'d>(policy: &Policy<'d>) -> Vec<(Node<'d, 'd>, Meaning, &'d str)> {
    let Some(root) = policy_type(policy.element).map(|known| known.schema) else { return Vec::new() };
    let mut found = Vec::new();
    // Encoding reads these variables; decoding sets them.
    let decodes = policy.element == "BasicAuthentication"
        && operation(policy).is_some_and(|operation| operation.eq_ignore_ascii_case("Decode"));
    for node in policy.node.descendants().filter(Node::is_element) {
        match shape_of(node, root) {
            Some(_) if decodes && matches!(node.tag_name().name(), "User" | "Password") => {
                found.extend(node.attribute("ref").map(|name| (node, Meaning::Writes, name.trim())));
            }
            Some(shape) => known(node, shape, &mut found),
            // Inside an XML payload everything is a template.
            None if in_payload(node, root) => {
                found.extend(
                    node.children().filter_map(|child| child.text()).map(|text| (node, Meaning::Template, text)),
                );
                found.extend(node.attributes().map(|attribute| (node, Meaning::Template, attribute.value())));
            }
            None => {}
        }
    }
    found
}

fn known<'d>(node: Node<'d, 'd>, shape: &'static ElementSchema, found: &mut Vec<(Node<'d, 'd>, Meaning, &'d str)>) {
    for attribute in node.attributes() {
        if let Some(known) = shape.attribute(attribute.name()) {
            found.push((node, known.value, attribute.value().trim()));
        }
    }
    for text in node.children().filter_map(|child| child.text()).filter(|text| !text.trim().is_empty()) {
        found.push((node, shape.text, text));
    }
}

fn in_payload(node: Node<'_, '_>, root: &'static ElementSchema) -> bool {
    node.ancestors().any(|above| above.has_tag_name("Payload") && shape_of(above, root).is_some())
}

/// The variables that a policy reads, without those that it reads by default.
pub(super) fn reads<'d>(policy: &Policy<'d>) -> Vec<Read<'d>> {
    let mut found = Vec::new();
    for (node, meaning, text) in values(policy) {
        match meaning {
            Meaning::Reads => {
                let name = text.trim();
                if is_name(name) {
                    found.push(Read { variable: name.to_owned(), node });
                }
            }
            Meaning::Template | Meaning::NamedTemplate => {
                // The payload may use other delimiters than braces.
                if node.attribute("variablePrefix").is_some() {
                    continue;
                }
                let names = template::variables(text).into_iter();
                found.extend(names.map(|name| Read { variable: name.to_owned(), node }));
            }
            Meaning::Condition => {
                let names = condition::parse(text).iter().flat_map(condition_variables).collect::<Vec<_>>();
                found.extend(names.into_iter().map(|variable| Read { variable, node }));
            }
            _ => {}
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && !is_template(text) && !text.contains(|c: char| c.is_whitespace() || "\"'()".contains(c))
}

/// The variables of a condition whose values matter. A comparison with null only tests whether a variable exists.
pub(super) fn condition_variables(expr: &Expr) -> Vec<String> {
    let mut found = Vec::new();
    for comparison in expr.comparisons() {
        let values = [&comparison.left.value, &comparison.right.value];
        if values.contains(&&ConditionValue::Null) {
            continue;
        }
        found.extend(values.into_iter().filter_map(|value| match value {
            ConditionValue::Variable(name) => Some(name.clone()),
            _ => None,
        }));
    }
    found
}

/// True for a policy that may set any variable.
pub(super) fn is_opaque(policy: &Policy<'_>) -> bool {
    OPAQUE.contains(&policy.element) || policy_type(policy.element).is_none()
}

/// True if a policy sets a variable or a message that the variable is a part of.
pub(super) fn sets(policy: &Policy<'_>, variable: &str) -> bool {
    by_type(policy, variable) || written(policy).iter().any(|name| name == variable || is_part(variable, name))
}

/// True if one variable is a part of another.
pub(super) fn is_part(variable: &str, of: &str) -> bool {
    variable.strip_prefix(of).is_some_and(|rest| rest.starts_with('.'))
}

/// True for a variable that every policy of this type sets.
fn by_type(policy: &Policy<'_>, variable: &str) -> bool {
    SETS.iter().filter(|sets| sets.policies.contains(&policy.element)).any(|sets| {
        let own = variable
            .strip_prefix(sets.prefix)
            .and_then(|rest| rest.strip_prefix('.'))
            .filter(|_| !sets.prefix.is_empty());
        let own = own.is_some_and(|rest| rest == policy.name || is_part(rest, policy.name));
        own || sets.names.iter().any(|name| covers(name, variable))
    })
}

/// The variables that a policy sets by name.
pub(super) fn written(policy: &Policy<'_>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let prefix = child(policy.node, "VariablePrefix").map(text).filter(|prefix| !prefix.is_empty());
    let with_prefix = |name: &str| prefix.map_or_else(|| name.to_owned(), |prefix| format!("{prefix}.{name}"));
    for (node, meaning, value) in values(policy) {
        match meaning {
            Meaning::Writes => {
                found.insert(value.trim().to_owned());
            }
            Meaning::Pattern => found.extend(template::variables(value).into_iter().map(with_prefix)),
            _ if node.has_tag_name("Variable") && policy.element == "ExtractVariables" => {
                let payload = node
                    .parent_element()
                    .is_some_and(|above| matches!(above.tag_name().name(), "JSONPayload" | "XMLPayload"));
                if let Some(name) = node.attribute("name").filter(|_| payload) {
                    found.insert(with_prefix(name.trim()));
                }
            }
            _ => {}
        }
    }
    // The parameters of a shared flow are variables in it.
    if policy.element == "FlowCallout" {
        let parameters = policy.node.descendants().filter(|node| node.has_tag_name("Parameter"));
        found.extend(parameters.filter_map(|node| node.attribute("name")).map(str::to_owned));
    }
    found
}

/// All variables that policies of the bundle set by name.
pub(super) fn all_written(bundle: &RuntimeBundle<'_>) -> BTreeSet<String> {
    bundle.policies.values().flat_map(written).collect()
}
