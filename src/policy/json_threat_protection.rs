//! JSONThreatProtection.

use super::schema::{Meaning, SOURCE, Shape, parent, text};
use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "JSONThreatProtection",
    prefix: "JTP",
    class: Class::Extensible,
    doc: "Rejects JSON bodies that exceed limits.",
    schema: &SCHEMA,
};

/// What its XML may hold.
const SCHEMA: Shape = parent(
    "JSONThreatProtection",
    &[
        text("ArrayElementCount", Meaning::Whole),
        text("ContainerDepth", Meaning::Whole),
        text("ObjectEntryCount", Meaning::Whole),
        text("ObjectEntryNameLength", Meaning::Whole),
        SOURCE,
        text("StringValueLength", Meaning::Whole),
    ],
);

/// The limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonThreatProtection {
    /// Elements of an array.
    pub array: u32,
    /// Nested containers.
    pub depth: u32,
    /// Entries of an object.
    pub entries: u32,
    /// Characters of an entry's name.
    pub name: u32,
    /// Characters of a string.
    pub string: u32,
}

impl Policy for JsonThreatProtection {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::leaf("ArrayElementCount", self.array))
            .child(Element::leaf("ContainerDepth", self.depth))
            .child(Element::leaf("ObjectEntryCount", self.entries))
            .child(Element::leaf("ObjectEntryNameLength", self.name))
            .child(Element::leaf("Source", "request"))
            .child(Element::leaf("StringValueLength", self.string))
    }
}
