//! XMLThreatProtection.

use super::schema::{ElementSchema, Meaning, SOURCE, attribute, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "XMLThreatProtection",
    prefix: "XTP",
    class: Class::Extensible,
    doc: "Rejects XML bodies that exceed limits.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "XMLThreatProtection",
    &[
        parent(
            "NameLimits",
            &[
                text("Attribute", Meaning::Whole),
                text("Element", Meaning::Whole),
                text("NamespacePrefix", Meaning::Whole),
                text("ProcessingInstructionTarget", Meaning::Whole),
            ],
        ),
        SOURCE,
        parent(
            "StructureLimits",
            &[
                text("AttributeCountPerElement", Meaning::Whole),
                text("ChildCount", Meaning::Whole).with(&[
                    attribute("includeComment", Meaning::Flag),
                    attribute("includeElement", Meaning::Flag),
                    attribute("includeProcessingInstruction", Meaning::Flag),
                    attribute("includeText", Meaning::Flag),
                ]),
                text("NamespaceCountPerElement", Meaning::Whole),
                text("NodeDepth", Meaning::Whole),
            ],
        ),
        parent(
            "ValueLimits",
            &[
                text("Attribute", Meaning::Whole),
                text("Comment", Meaning::Whole),
                text("NamespaceURI", Meaning::Whole),
                text("ProcessingInstructionData", Meaning::Whole),
                text("Text", Meaning::Whole),
            ],
        ),
    ],
);

/// The limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlThreatProtection {
    /// Maximum depth of nested elements.
    pub depth: u32,
    /// Maximum children of an element, of any type.
    pub children: u32,
    /// Maximum attributes of an element.
    pub attributes: u32,
    /// Maximum namespaces that an element declares.
    pub namespaces: u32,
    /// Maximum characters in any value.
    pub text: u32,
    /// Maximum characters in any name.
    pub name: u32,
}

impl GeneratedPolicy for XmlThreatProtection {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let equal = |outer: &str, inner: [&str; 4], limit: u32| {
            Element::new(outer).children(inner.map(|name| Element::leaf(name, limit)))
        };
        let names = ["Element", "Attribute", "NamespacePrefix", "ProcessingInstructionTarget"];
        let children = ["includeComment", "includeElement", "includeProcessingInstruction", "includeText"]
            .into_iter()
            .fold(Element::leaf("ChildCount", self.children), |element, sort| element.attribute(sort, true));
        root.child(equal("NameLimits", names, self.name))
            .child(Element::leaf("Source", "request"))
            .child(
                Element::new("StructureLimits")
                    .child(Element::leaf("NodeDepth", self.depth))
                    .child(Element::leaf("AttributeCountPerElement", self.attributes))
                    .child(Element::leaf("NamespaceCountPerElement", self.namespaces))
                    .child(children),
            )
            .child(
                equal("ValueLimits", ["Text", "Attribute", "NamespaceURI", "Comment"], self.text)
                    .child(Element::leaf("ProcessingInstructionData", self.text)),
            )
    }
}
