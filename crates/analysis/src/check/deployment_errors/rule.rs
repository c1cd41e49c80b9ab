//! One rule: an error of Apigee and how to find it in a policy, and what rules have in common.

use crate::check::Verdict;
use crate::check::node::{child, is_template, text};
use apigee_flux_model::xml::Node;

/// What is wrong with a policy: where, what, and the fix.
pub(super) type RuleHit<'d> = (Node<'d, 'd>, String, String);

/// One error of one or more policy types.
pub(super) struct DeploymentRule {
    /// The root elements of the policies.
    pub(super) policies: &'static [&'static str],
    /// Apigee's name of the error; empty if its pages do not name it.
    pub(super) error: &'static str,
    /// Finds it in a policy, given its root element.
    pub(super) find: for<'d> fn(Node<'d, 'd>) -> Option<RuleHit<'d>>,
    /// Whether Apigee rejects the bundle.
    pub(super) verdict: Verdict,
}

/// An error with which Apigee rejects the bundle.
pub(super) const fn rule(
    policies: &'static [&'static str],
    error: &'static str,
    find: for<'d> fn(Node<'d, 'd>) -> Option<RuleHit<'d>>,
) -> DeploymentRule {
    DeploymentRule { policies, error, find, verdict: Verdict::Refused }
}

/// An error that some versions of Apigee ignore.
pub(super) const fn broken(
    policies: &'static [&'static str],
    error: &'static str,
    find: for<'d> fn(Node<'d, 'd>) -> Option<RuleHit<'d>>,
) -> DeploymentRule {
    DeploymentRule { policies, error, find, verdict: Verdict::Broken }
}

/// Reports an element.
#[expect(clippy::unnecessary_wraps, reason = "it is the last expression of most rules")]
pub(super) fn hit<'d>(node: Node<'d, 'd>, message: impl Into<String>, help: impl Into<String>) -> Option<RuleHit<'d>> {
    Some((node, message.into(), help.into()))
}

/// Reports a missing child.
pub(super) fn missing<'d>(node: Node<'d, 'd>, name: &str, help: &str) -> Option<RuleHit<'d>> {
    if child(node, name).is_some() { None } else { hit(node, format!("<{name}> is missing"), help) }
}

/// True for an element with text, a child element or one of these attributes.
pub(super) fn given(node: Node<'_, '_>, attributes: &[&str]) -> bool {
    let filled = |name: &&str| node.attribute(*name).is_some_and(|value| !value.trim().is_empty());
    !text(node).is_empty() || attributes.iter().any(filled) || node.children().any(|c| c.is_element())
}

/// Reports a child that is missing or has neither text nor a `ref`.
pub(super) fn missing_value<'d>(node: Node<'d, 'd>, name: &str) -> Option<RuleHit<'d>> {
    match child(node, name) {
        Some(found) if given(found, &["ref"]) => None,
        found => hit(
            found.unwrap_or(node),
            format!("<{name}> has no value"),
            format!("name the variable that holds it, for example `<{name} ref=\"private.value\"/>`"),
        ),
    }
}

/// The text of a child, if it is not empty and not a template.
pub(super) fn word<'d>(node: Node<'d, 'd>, name: &str) -> Option<&'d str> {
    child(node, name).map(text).filter(|text| !text.is_empty() && !is_template(text))
}

/// The scheme of a resource's URL.
fn scheme(url: &str) -> Option<&str> {
    url.split_once("://").filter(|(scheme, name)| !scheme.is_empty() && !name.is_empty()).map(|(scheme, _)| scheme)
}

/// Reports a resource whose URL is invalid (`wrong_form`) or names another folder.
pub(super) fn resource<'d>(
    node: Node<'d, 'd>,
    names: &[&str],
    folders: &[&str],
    wrong_form: bool,
) -> Option<RuleHit<'d>> {
    let found = node.children().find(|inner| {
        let url = text(*inner);
        let ours =
            inner.is_element() && names.contains(&inner.tag_name().name()) && !url.is_empty() && !is_template(url);
        ours && match scheme(url) {
            None => wrong_form,
            Some(scheme) => !wrong_form && !folders.contains(&scheme),
        }
    })?;
    let wanted = folders.iter().map(|folder| format!("`{folder}://NAME`")).collect::<Vec<_>>().join(" or ");
    hit(
        found,
        format!("`{}` is not the URL of a resource of the expected type", text(found)),
        format!("write {wanted}"),
    )
}

/// Reports text that is not a positive whole number.
pub(super) fn not_whole<'d>(found: Node<'d, 'd>) -> Option<RuleHit<'d>> {
    let value = text(found);
    if value.is_empty() || is_template(value) || value.parse::<u64>().is_ok_and(|value| value > 0) {
        return None;
    }
    hit(
        found,
        format!("`{value}` in <{}> is not a positive number", found.tag_name().name()),
        "write a whole number of at least 1",
    )
}
