//! XMLToJSON.

use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "XMLToJSON",
    prefix: "X2J",
    // Not confirmed by the policy's own page.
    class: Class::Standard,
    doc: "Turns an XML body into JSON.",
};

/// A conversion in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlToJson {
    /// The message.
    pub message: &'static str,
    /// How attributes and text are told apart, in Apigee's words.
    pub format: &'static str,
}

impl Policy for XmlToJson {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::leaf("Source", self.message))
            .child(Element::leaf("OutputVariable", self.message))
            .child(Element::leaf("Format", self.format))
    }
}
