//! HTTPModifier.

use std::fmt::Display;

use super::message_parts::MessageParts;
use super::schema::{ADD, ASSIGN_TO, ElementSchema, IGNORE_UNRESOLVED, REMOVE, SET, parent};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "HTTPModifier",
    prefix: "HTTPM",
    class: Class::Standard,
    doc: "Sets and removes headers and parameters; unlike AssignMessage, it runs in every type of environment.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent("HTTPModifier", &[ADD, ASSIGN_TO, IGNORE_UNRESOLVED, REMOVE, SET]);

/// Actions on the current message; Apigee runs them in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpModifier {
    /// The actions.
    pub actions: Vec<ModifierAction>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModifierAction {
    /// Removes headers and query parameters.
    Remove {
        /// Names of headers.
        headers: Vec<String>,
        /// Names of query parameters.
        query: Vec<String>,
    },
    /// Sets headers and query parameters and replaces existing ones. Values may contain variables in braces.
    Set {
        /// Headers: names and values.
        headers: Vec<(String, String)>,
        /// Query parameters: names and values.
        query: Vec<(String, String)>,
    },
    /// Sets any parts of the message and replaces existing ones.
    SetParts(MessageParts),
}

impl ModifierAction {
    pub(super) fn element(&self) -> Element {
        match self {
            Self::Remove { headers, query } => Element::new("Remove")
                .children(group("Headers", "Header", headers.iter().map(|name| (name, ""))))
                .children(group("QueryParams", "QueryParam", query.iter().map(|name| (name, "")))),
            Self::SetParts(parts) => parts.fill(Element::new("Set")),
            Self::Set { headers, query } => Element::new("Set")
                .children(group("Headers", "Header", headers.iter().map(|(name, value)| (name, value))))
                .children(group("QueryParams", "QueryParam", query.iter().map(|(name, value)| (name, value)))),
        }
    }
}

/// `<Headers><Header name="…">…</Header></Headers>`; `None` if there are no entries.
pub(super) fn group<N: Display, V: Display>(
    outer: &str,
    inner: &str,
    pairs: impl IntoIterator<Item = (N, V)>,
) -> Option<Element> {
    let mut pairs = pairs.into_iter().peekable();
    pairs.peek()?;
    Some(Element::new(outer).children(pairs.map(|(name, value)| Element::leaf(inner, value).attribute("name", name))))
}

impl GeneratedPolicy for HttpModifier {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        // A variable that is not set becomes empty text; otherwise the caller would get a fault.
        root.children(self.actions.iter().map(ModifierAction::element))
            .child(Element::leaf("IgnoreUnresolvedVariables", true))
    }
}
