//! GraphQL.

use super::schema::{IGNORE_UNRESOLVED, Meaning, SOURCE, Shape, parent, text};
use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "GraphQL",
    prefix: "GQL",
    class: Class::Standard,
    doc: "Rejects GraphQL requests that are too deep, too large or do not conform to the schema.",
    schema: &SCHEMA,
};

/// What its XML may hold.
const SCHEMA: Shape = parent(
    "GraphQL",
    &[
        text("Action", Meaning::Word(&["parse", "verify", "parse_verify"])),
        IGNORE_UNRESOLVED,
        text("MaxCount", Meaning::Whole),
        text("MaxDepth", Meaning::Whole),
        text("MaxPayloadSizeInBytes", Meaning::Whole),
        text("OperationType", Meaning::Word(&["query", "mutation", "query_mutation", "all"])),
        text("ResourceURL", Meaning::Any),
        SOURCE,
    ],
);

/// A check of GraphQL requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphQl {
    /// `query`, `mutation` or `query_mutation`.
    pub operation_type: &'static str,
    /// How deep a query may be.
    pub max_depth: u32,
    /// How many fragments a request may have.
    pub max_count: u32,
    /// How large a request may be, in kilobytes.
    pub max_payload: Option<u32>,
    /// The schema's URL, as `graphql://schema.graphql`; without it only depth and size are checked.
    pub schema: Option<String>,
}

impl Policy for GraphQl {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        // The depth is looked at by `parse` only, so `verify` alone would let deep queries through.
        let action = if self.schema.is_some() { "parse_verify" } else { "parse" };
        root.child(Element::leaf("Source", "request"))
            .child(Element::leaf("OperationType", self.operation_type))
            .child(Element::leaf("MaxDepth", self.max_depth))
            .child(Element::leaf("MaxCount", self.max_count))
            // Apigee counts in kilobytes here, whatever the element's name says.
            .children(self.max_payload.map(|size| Element::leaf("MaxPayloadSizeInBytes", size)))
            .child(Element::leaf("Action", action))
            .children(self.schema.as_ref().map(|url| Element::leaf("ResourceURL", url)))
    }
}
