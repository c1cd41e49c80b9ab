//! AssignMessage.

use std::fmt::Display;

use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "AssignMessage",
    prefix: "AM",
    class: Class::Extensible,
    doc: "Sets and removes headers, parameters, the body and variables.",
};

/// Actions on the message at hand; Apigee runs them in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AssignMessage {
    /// The actions.
    pub actions: Vec<Action>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Gives a variable the value of a template.
    AssignTemplate {
        /// The variable.
        name: String,
        /// Text with variables in braces.
        template: String,
    },
    /// Gives a variable a fixed text.
    AssignValue {
        /// The variable.
        name: String,
        /// The text.
        value: String,
    },
    /// Removes headers and query parameters.
    Remove {
        /// Header names.
        headers: Vec<String>,
        /// Parameter names.
        query: Vec<String>,
    },
    /// Sets headers and query parameters, over those that are there.
    Set {
        /// Names and values.
        headers: Vec<(String, String)>,
        /// Names and values.
        query: Vec<(String, String)>,
    },
    /// Sets the body.
    SetPayload {
        /// Its media type.
        content_type: String,
        /// Text with variables in braces.
        payload: String,
    },
}

impl Action {
    fn element(&self) -> Element {
        let variable =
            |name: &str, value: Element| Element::new("AssignVariable").child(Element::leaf("Name", name)).child(value);
        match self {
            Self::AssignTemplate { name, template } => variable(name, Element::leaf("Template", template)),
            Self::AssignValue { name, value } => variable(name, Element::leaf("Value", value)),
            Self::Remove { headers, query } => Element::new("Remove")
                .children(group("Headers", "Header", headers.iter().map(|name| (name, ""))))
                .children(group("QueryParams", "QueryParam", query.iter().map(|name| (name, "")))),
            Self::Set { headers, query } => Element::new("Set")
                .children(group("Headers", "Header", headers.iter().map(|(name, value)| (name, value))))
                .children(group("QueryParams", "QueryParam", query.iter().map(|(name, value)| (name, value)))),
            Self::SetPayload { content_type, payload } => {
                Element::new("Set").child(Element::leaf("Payload", payload).attribute("contentType", content_type))
            }
        }
    }
}

/// `<Headers><Header name="…">…</Header></Headers>`; none without any.
fn group<N: Display, V: Display>(outer: &str, inner: &str, pairs: impl IntoIterator<Item = (N, V)>) -> Option<Element> {
    let mut pairs = pairs.into_iter().peekable();
    pairs.peek()?;
    Some(Element::new(outer).children(pairs.map(|(name, value)| Element::leaf(inner, value).attribute("name", name))))
}

impl Policy for AssignMessage {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        // A variable that is not set becomes empty text; the alternative is a fault for the caller.
        root.children(self.actions.iter().map(Action::element)).child(Element::leaf("IgnoreUnresolvedVariables", true))
    }
}
