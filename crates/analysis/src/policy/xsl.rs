//! XSL.

use super::schema::{ElementSchema, Meaning, OUTPUT_VARIABLE, SOURCE, attribute, parent, text};
use super::{Class, GeneratedPolicy, PolicyType, PolicyValue};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "XSL",
    prefix: "XSL",
    class: Class::Extensible,
    doc: "Transforms an XML body with a stylesheet of the bundle.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "XSL",
    &[
        OUTPUT_VARIABLE,
        parent(
            "Parameters",
            &[text("Parameter", Meaning::NamedText).with(&[
                attribute("name", Meaning::Any),
                attribute("ref", Meaning::Reads),
                attribute("value", Meaning::Any),
            ])],
        )
        .with(&[attribute("ignoreUnresolvedVariables", Meaning::Flag)]),
        text("ResourceURL", Meaning::Any),
        SOURCE,
    ],
);

/// A transformation of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xsl {
    /// The message.
    pub message: &'static str,
    /// The stylesheet, for example `xsl://a.xsl`.
    pub stylesheet: String,
    /// Parameters of the stylesheet.
    pub parameters: Vec<(String, PolicyValue)>,
}

impl GeneratedPolicy for Xsl {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let parameters = self.parameters.iter().map(|(name, value)| {
            let element = Element::new("Parameter").attribute("name", name);
            match value {
                PolicyValue::Text(text) => element.attribute("value", text),
                PolicyValue::Variable(variable) => element.attribute("ref", variable),
            }
        });
        root.child(Element::leaf("ResourceURL", &self.stylesheet))
            .child(Element::leaf("Source", self.message))
            .children(
                (!self.parameters.is_empty()).then(|| {
                    Element::new("Parameters").attribute("ignoreUnresolvedVariables", true).children(parameters)
                }),
            )
    }
}
