//! FlowCallout.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, attribute, parent, text};
use super::{Class, GeneratedPolicy, PolicyType, PolicyValue};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "FlowCallout",
    prefix: "FC",
    class: Class::Extensible,
    doc: "Calls a shared flow of the environment.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "FlowCallout",
    &[
        IGNORE_UNRESOLVED,
        parent(
            "Parameters",
            &[text("Parameter", Meaning::NamedTemplate).with(&[
                attribute("name", Meaning::Any),
                attribute("ref", Meaning::Reads),
                attribute("value", Meaning::Any),
            ])],
        )
        .with(&[attribute("ignoreUnresolvedVariables", Meaning::Flag)]),
        text("SharedFlowBundle", Meaning::Any),
    ],
);

/// A call to a shared flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowCallout {
    /// The shared flow.
    pub shared_flow: String,
    /// Variables that are set only during the call.
    pub parameters: Vec<(String, PolicyValue)>,
}

impl GeneratedPolicy for FlowCallout {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let parameters =
            self.parameters.iter().map(|(name, value)| value.fill(Element::new("Parameter").attribute("name", name)));
        root.children((!self.parameters.is_empty()).then(|| Element::new("Parameters").children(parameters)))
            .child(Element::leaf("SharedFlowBundle", &self.shared_flow))
    }
}
