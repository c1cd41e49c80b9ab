//! Reading XML.

use super::At;
use apigee_flux_model::runtime::{Place, Policy};
use apigee_flux_model::xml::Node;

pub(super) use apigee_flux_model::xml::{child_named as child, children_named as children};

/// The element's own text, trimmed.
pub(super) fn text<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

/// True for text that Apigee fills in when a call comes: what it will be is not known here.
pub(super) fn is_template(text: &str) -> bool {
    text.contains('{')
}

/// Where an element of a policy stands.
pub(super) fn at<'d>(policy: &Policy<'d>, node: Node<'d, 'd>) -> At<'d> {
    At::Place(Place::of(policy.place.path, node))
}
