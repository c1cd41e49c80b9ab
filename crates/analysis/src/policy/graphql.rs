//! GraphQL.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, SOURCE, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "GraphQL",
    prefix: "GQL",
    class: Class::Standard,
    doc: "Rejects GraphQL requests that are too deep, too large or do not conform to the schema.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
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
    /// The maximum depth of a query.
    pub max_depth: u32,
    /// The maximum number of fragments in a request.
    pub max_count: u32,
    /// The maximum size of a request in kilobytes.
    pub max_payload: Option<u32>,
    /// The URL of the schema, for example `graphql://schema.graphql`; without it only depth and size are checked.
    pub schema: Option<String>,
}

impl GeneratedPolicy for GraphQl {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        // Only `parse` checks the depth, so `verify` alone would accept deep queries.
        let action = if self.schema.is_some() { "parse_verify" } else { "parse" };
        root.child(Element::leaf("Source", "request"))
            .child(Element::leaf("OperationType", self.operation_type))
            .child(Element::leaf("MaxDepth", self.max_depth))
            .child(Element::leaf("MaxCount", self.max_count))
            // Apigee counts in kilobytes here, despite the name of the element.
            .children(self.max_payload.map(|size| Element::leaf("MaxPayloadSizeInBytes", size)))
            .child(Element::leaf("Action", action))
            .children(self.schema.as_ref().map(|url| Element::leaf("ResourceURL", url)))
    }
}
