//! Finds the resources of an input: the documents, and the elements of documents that are lists.
//!
//! `kubectl get -o yaml`, charts and `kustomize` write resources as elements of a `List`. Like kustomize, this module opens every kind that
//! ends in `List` and has `items`, at any depth. Resources are read and changed inside their list, so that the bytes of unmanaged resources
//! do not change.

use super::item::{Header, Item, ItemPlace};
use super::scan::{RootForm, ScannedDocument, ScannedElement};
use crate::yaml::{AliasBudget, YamlError, YamlNode};

/// Fills in the headers that come from an alias or a merge key. The whole document is parsed for this.
pub(super) fn resolve_headers(
    source: &str,
    document: &mut ScannedDocument<'_>,
    budget: &AliasBudget,
) -> Result<(), YamlError> {
    let configs = || document.keys.iter().filter_map(|key| key.config.as_ref());
    let indirect = document.root.has_indirect() || configs().any(ScannedElement::has_indirect);
    if document.shape == RootForm::Empty || !indirect {
        return Ok(());
    }
    let tree = YamlNode::parse_within(source, document.text.clone(), budget)?;
    resolve(&mut document.root, &tree)?;
    for key in &mut document.keys {
        if let Some((config, node)) = key.config.as_mut().zip(tree.get(&key.key)) {
            resolve(config, node)?;
        }
    }
    Ok(())
}

fn resolve(element: &mut ScannedElement<'_>, node: &YamlNode) -> Result<(), YamlError> {
    if element.is_indirect {
        element.header = Header::of_node(node);
        if element.items.is_none() && is_list_kind(&element.header) && node.get("items").is_some_and(holds_managed) {
            return Err(YamlError {
                message: "the `items` of a list with resources of apigeeflux.dev must not be an alias; write them out"
                    .to_owned(),
                offset: element.span.start,
                too_large: None,
            });
        }
    }
    let nodes = node.get("items").map(YamlNode::elements).unwrap_or_default();
    for (inner, node) in element.items.iter_mut().flat_map(|items| &mut items.list).zip(nodes) {
        resolve(inner, node)?;
    }
    Ok(())
}

fn holds_managed(node: &YamlNode) -> bool {
    let of_list = |node: &YamlNode| {
        let header = Header::of_node(node);
        header.is_managed() || (is_list_kind(&header) && node.get("items").is_some_and(holds_managed))
    };
    node.elements().iter().any(of_list)
}

fn is_list_kind(header: &Header<'_>) -> bool {
    header.kind.ends_with("List")
}

/// True for a list whose elements are resources of the input. A list of an unmanaged kind whose `items` are not resources is a resource itself.
pub(super) fn is_open(element: &ScannedElement<'_>) -> bool {
    let Some(items) = &element.items else { return false };
    if !is_list_kind(&element.header) || items.list.is_empty() {
        return false;
    }
    element.header.is_managed() || is_any_managed(element) || items.list.iter().all(|inner| inner.header.has_identity())
}

fn is_any_managed(element: &ScannedElement<'_>) -> bool {
    element.items.iter().flat_map(|items| &items.list).any(|inner| {
        inner.header.is_managed() || inner.header.is_output() || (is_list_kind(&inner.header) && is_any_managed(inner))
    })
}

/// Adds the resources of an element, in document order.
pub(super) fn add<'a>(element: &ScannedElement<'a>, document: usize, path: &[usize], items: &mut Vec<Item<'a>>) {
    if is_open(element) {
        add_elements(element, document, path, items);
    } else {
        items.push(Item {
            span: element.span.clone(),
            chunk: element.chunk.clone(),
            header: element.header.clone(),
            document,
            place: ItemPlace::Items(path.to_vec()),
        });
    }
}

/// Adds the resources below an element's `items`.
pub(super) fn add_elements<'a>(
    element: &ScannedElement<'a>,
    document: usize,
    path: &[usize],
    items: &mut Vec<Item<'a>>,
) {
    for (index, inner) in element.items.iter().flat_map(|items| &items.list).enumerate() {
        add(inner, document, &[path, &[index]].concat(), items);
    }
}
