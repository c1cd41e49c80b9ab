//! JSONThreatProtection.

use super::schema::{ElementSchema, Meaning, SOURCE, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "JSONThreatProtection",
    prefix: "JTP",
    class: Class::Extensible,
    doc: "Rejects JSON bodies that exceed limits.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
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
    /// Maximum elements of an array.
    pub array: u32,
    /// Maximum depth of nested containers.
    pub depth: u32,
    /// Maximum entries of an object.
    pub entries: u32,
    /// Maximum characters in the name of an entry.
    pub name: u32,
    /// Maximum characters in a string.
    pub string: u32,
}

impl GeneratedPolicy for JsonThreatProtection {
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
