//! Helpers that read XML elements.

use super::At;
use apigee_flux_model::runtime::{BundlePlace, Policy};
use apigee_flux_model::xml::Node;

pub(super) use apigee_flux_model::xml::{child_named as child, children_named as children};

/// The element's own text, trimmed.
pub(super) fn text<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

/// True for text that contains a message template: Apigee computes it for each request, so its value is unknown here.
pub(super) fn is_template(text: &str) -> bool {
    text.contains('{')
}

/// The place of an element of a policy.
pub(super) fn at<'d>(policy: &Policy<'d>, node: Node<'d, 'd>) -> At<'d> {
    At::Place(BundlePlace::of(policy.place.path, node))
}
