//! XMLToJSON.

use super::schema::{ElementSchema, Meaning, OUTPUT_VARIABLE, SOURCE, attribute, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "XMLToJSON",
    prefix: "X2J",
    // Google's page of the policy does not confirm this.
    class: Class::Standard,
    doc: "Converts an XML body to JSON.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
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

/// A conversion of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct XmlToJson {
    /// The message.
    pub message: &'static str,
    /// The representation of attributes and text, as Apigee names it.
    pub format: &'static str,
}

impl GeneratedPolicy for XmlToJson {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::leaf("Source", self.message))
            .child(Element::leaf("OutputVariable", self.message))
            .child(Element::leaf("Format", self.format))
    }
}
