//! SemanticCacheLookup.

use super::schema::{IGNORE_UNRESOLVED, Meaning, Shape, by_ref, parent, text};
use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "SemanticCacheLookup",
    prefix: "SCL",
    class: Class::Extensible,
    doc: "Looks up a cached response for a prompt of similar meaning.",
    schema: &SCHEMA,
};

/// What its XML may hold.
const SCHEMA: Shape = parent(
    "SemanticCacheLookup",
    &[
        parent("Embeddings", &[parent("VertexAI", &[text("URL", Meaning::Template)])]),
        IGNORE_UNRESOLVED,
        parent(
            "SimilaritySearch",
            &[parent(
                "VertexAI",
                &[
                    text("DeployedIndexID", Meaning::Template),
                    by_ref("Threshold", Meaning::Any),
                    text("URL", Meaning::Template),
                ],
            )],
        ),
        text("UserPromptSource", Meaning::Template),
    ],
);

/// A look into the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemanticCacheLookup {
    /// The template that gives the prompt.
    pub prompt: String,
    /// The URL that turns text into numbers.
    pub embeddings: String,
    /// The URL that finds the neighbours of such numbers.
    pub neighbors: String,
    /// The index at that URL.
    pub deployed_index: String,
    /// How near a neighbour must be.
    pub threshold: String,
}

/// The variable that says whether the cache had an answer.
pub fn hit_variable(policy: &str) -> String {
    format!("SemanticCacheLookup.{policy}.cache_hit")
}

/// `<VertexAI>` with its URL, as three elements of both policies hold it.
pub(super) fn vertex(url: &str) -> Element {
    Element::new("VertexAI").child(Element::leaf("URL", url))
}

impl Policy for SemanticCacheLookup {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    // Without its cache the model still answers.
    fn continue_on_error(&self) -> bool {
        true
    }

    fn fill(&self, root: Element) -> Element {
        let search = vertex(&self.neighbors)
            .child(Element::leaf("DeployedIndexID", &self.deployed_index))
            .child(Element::leaf("Threshold", &self.threshold));
        // A request without a prompt is not looked up: empty texts are all alike.
        root.child(Element::leaf("IgnoreUnresolvedVariables", false))
            .child(Element::leaf("UserPromptSource", &self.prompt))
            .child(Element::new("Embeddings").child(vertex(&self.embeddings)))
            .child(Element::new("SimilaritySearch").child(search))
    }
}
