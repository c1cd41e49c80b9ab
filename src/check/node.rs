//! Reading XML.

use super::At;
use crate::runtime::{Place, Policy};
use crate::xml::Node;

/// The first child element of a name.
pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    children(node, name).next()
}

/// The child elements of a name.
pub(super) fn children<'a, 'i>(node: Node<'a, 'i>, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

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
