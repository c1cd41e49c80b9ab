//! FlowCallout.

use super::{Class, Policy, PolicyType, Value};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "FlowCallout",
    prefix: "FC",
    class: Class::Extensible,
    doc: "Runs a shared flow of the environment.",
};

/// A call of a shared flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowCallout {
    /// The shared flow.
    pub shared_flow: String,
    /// The variables that it finds set, only during the call.
    pub parameters: Vec<(String, Value)>,
}

impl Policy for FlowCallout {
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
