//! AssignMessage.

use super::message_parts::{MessageParts, Payload};
use super::schema::{ADD, ASSIGN_TO, ASSIGN_VARIABLE, COPY, ElementSchema, IGNORE_UNRESOLVED, REMOVE, SET, parent};
use super::{Class, GeneratedPolicy, PolicyType, http_modifier};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "AssignMessage",
    prefix: "AM",
    class: Class::Extensible,
    doc: "Sets and removes headers, parameters, the body and variables.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema =
    parent("AssignMessage", &[ADD, ASSIGN_TO, ASSIGN_VARIABLE, COPY, IGNORE_UNRESOLVED, REMOVE, SET]);

/// Actions on the current message; Apigee runs them in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssignMessage {
    /// The actions.
    pub actions: Vec<AssignAction>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssignAction {
    /// Sets a variable to the result of a template.
    AssignTemplate {
        /// The variable.
        name: String,
        /// Text with variables in braces.
        template: String,
    },
    /// Sets a variable to a fixed text.
    AssignValue {
        /// The variable.
        name: String,
        /// The text.
        value: String,
    },
    /// Sets or removes headers and query parameters.
    Message(http_modifier::ModifierAction),
    /// Sets the body together with other parts of the message.
    SetParts {
        /// The other parts.
        parts: MessageParts,
        /// The body.
        payload: Option<Payload>,
    },
    /// Sets the body.
    SetPayload {
        /// The media type.
        content_type: String,
        /// Text with variables in braces.
        payload: String,
    },
}

impl AssignAction {
    fn element(&self) -> Element {
        let variable =
            |name: &str, value: Element| Element::new("AssignVariable").child(Element::leaf("Name", name)).child(value);
        match self {
            Self::AssignTemplate { name, template } => variable(name, Element::leaf("Template", template)),
            Self::AssignValue { name, value } => variable(name, Element::leaf("Value", value)),
            Self::Message(action) => action.element(),
            Self::SetParts { parts, payload } => {
                parts.fill(Element::new("Set")).children(payload.as_ref().map(Payload::element))
            }
            Self::SetPayload { content_type, payload } => {
                Element::new("Set").child(Element::leaf("Payload", payload).attribute("contentType", content_type))
            }
        }
    }
}

impl GeneratedPolicy for AssignMessage {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        // A variable that is not set becomes empty text; otherwise the caller would get a fault.
        root.children(self.actions.iter().map(AssignAction::element))
            .child(Element::leaf("IgnoreUnresolvedVariables", true))
    }
}
