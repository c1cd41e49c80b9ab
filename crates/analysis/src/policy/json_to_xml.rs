//! JSONToXML.

use super::schema::{ElementSchema, Meaning, OUTPUT_VARIABLE, SOURCE, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "JSONToXML",
    prefix: "J2X",
    // Google's page of the policy does not confirm this.
    class: Class::Standard,
    doc: "Converts a JSON body to XML.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "JSONToXML",
    &[
        parent(
            "Options",
            &[
                text("ArrayItemElementName", Meaning::Any),
                text("ArrayRootElementName", Meaning::Any),
                text("AttributeBlockName", Meaning::Any),
                text("AttributePrefix", Meaning::Any),
                text("DefaultNamespaceNodeName", Meaning::Any),
                text("Indent", Meaning::Flag),
                text("InvalidCharsReplacement", Meaning::Any),
                text("NamespaceBlockName", Meaning::Any),
                text("NamespaceSeparator", Meaning::Any),
                text("NullValue", Meaning::Any),
                text("ObjectRootElementName", Meaning::Any),
                text("OmitXmlDeclaration", Meaning::Flag),
                text("TextNodeName", Meaning::Any),
            ],
        ),
        OUTPUT_VARIABLE,
        SOURCE,
    ],
);

/// A conversion of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonToXml {
    /// The message.
    pub message: &'static str,
    /// The root element; `None` for the default of Apigee.
    pub root: Option<String>,
    /// The root element of a list; `None` for the default of Apigee.
    pub list_root: Option<String>,
    /// The element of each item of a list; `None` for the default of Apigee.
    pub list_item: Option<String>,
}

impl GeneratedPolicy for JsonToXml {
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
