//! XMLToJSON.

use super::schema::{Meaning, OUTPUT_VARIABLE, SOURCE, Shape, attribute, parent, text};
use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "XMLToJSON",
    prefix: "X2J",
    // Not confirmed by the policy's own page.
    class: Class::Standard,
    doc: "Converts an XML body to JSON.",
    schema: &SCHEMA,
};

/// What its XML may hold.
const SCHEMA: Shape = parent(
    "XMLToJSON",
    &[
        text("Format", Meaning::Any),
        parent(
            "Options",
            &[
                text("AttributeBlockName", Meaning::Any),
                text("AttributePrefix", Meaning::Any),
                text("DefaultNamespaceNodeName", Meaning::Any),
                text("NamespaceBlockName", Meaning::Any),
                text("NamespaceSeparator", Meaning::Any),
                text("NullValue", Meaning::Any),
                text("OutputPrefix", Meaning::Any),
                text("OutputSuffix", Meaning::Any),
                text("RecognizeBoolean", Meaning::Flag),
                text("RecognizeNull", Meaning::Flag),
                text("RecognizeNumber", Meaning::Flag),
                text("StripLevels", Meaning::Whole),
                text("TextAlwaysAsProperty", Meaning::Flag),
                text("TextNodeName", Meaning::Any),
                parent("TreatAsArray", &[text("Path", Meaning::Any).with(&[attribute("unwrap", Meaning::Flag)])]),
            ],
        ),
        OUTPUT_VARIABLE,
        SOURCE,
    ],
);

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
