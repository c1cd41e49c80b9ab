//! RaiseFault.

use super::schema::{
    ADD, ASSIGN_TO, ASSIGN_VARIABLE, COPY, ElementSchema, IGNORE_UNRESOLVED, Meaning, REMOVE, SET, parent, text,
};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "RaiseFault",
    prefix: "RF",
    class: Class::Standard,
    doc: "Ends the call with an error response.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "RaiseFault",
    &[
        ASSIGN_TO,
        parent("FaultResponse", &[ADD, ASSIGN_TO, ASSIGN_VARIABLE, COPY, IGNORE_UNRESOLVED, REMOVE, SET]),
        IGNORE_UNRESOLVED,
        text("ShortFaultReason", Meaning::Flag),
    ],
);

/// An error response. It is never used in a fault rule: it would restart error handling and skip the default fault
/// rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RaiseFault {
    /// The status code.
    pub status: u16,
    /// The reason phrase; may be empty.
    pub reason: String,
    /// The message for the body that the default fault rule sets.
    pub message: Option<FaultMessage>,
    /// Headers of the response.
    pub headers: Vec<(String, String)>,
}

/// The message of a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultMessage {
    /// A literal text.
    Text(String),
    /// A message template: variables and functions in braces are replaced. `<Value>` would not replace them.
    Template(String),
}

/// The variable that passes the message of a fault to the default fault rule.
pub const MESSAGE_VARIABLE: &str = "flow.fault.message";

impl GeneratedPolicy for RaiseFault {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let message = self.message.as_ref().map(|message| {
            Element::new("AssignVariable").child(Element::leaf("Name", MESSAGE_VARIABLE)).child(match message {
                FaultMessage::Text(text) => Element::leaf("Value", text),
                FaultMessage::Template(template) => Element::leaf("Template", template),
            })
        });
        let headers = self.headers.iter().map(|(name, value)| Element::leaf("Header", value).attribute("name", name));
        root.child(
            Element::new("FaultResponse").children(message).child(
                Element::new("Set")
                    .children((!self.headers.is_empty()).then(|| Element::new("Headers").children(headers)))
                    .child(Element::leaf("StatusCode", self.status))
                    .children((!self.reason.is_empty()).then(|| Element::leaf("ReasonPhrase", &self.reason))),
            ),
        )
        .child(Element::leaf("IgnoreUnresolvedVariables", true))
    }
}
