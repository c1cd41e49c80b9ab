//! JSONToXML.

use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "JSONToXML",
    prefix: "J2X",
    // Not confirmed by the policy's own page.
    class: Class::Standard,
    doc: "Turns a JSON body into XML.",
};

/// A conversion in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonToXml {
    /// The message.
    pub message: &'static str,
    /// The root element; Apigee's own default if none.
    pub root: Option<String>,
    /// The root element of a list; Apigee's own default if none.
    pub list_root: Option<String>,
    /// The element of each item of a list; Apigee's own default if none.
    pub list_item: Option<String>,
}

impl Policy for JsonToXml {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let options: Vec<Element> = [
            ("ObjectRootElementName", &self.root),
            ("ArrayRootElementName", &self.list_root),
            ("ArrayItemElementName", &self.list_item),
        ]
        .into_iter()
        .filter_map(|(element, name)| Some(Element::leaf(element, name.as_ref()?)))
        .collect();
        root.child(Element::leaf("Source", self.message))
            .child(Element::leaf("OutputVariable", self.message))
            .children((!options.is_empty()).then(|| Element::new("Options").children(options)))
    }
}
