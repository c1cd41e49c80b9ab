//! SemanticCacheLookup.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, by_ref, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "SemanticCacheLookup",
    prefix: "SCL",
    class: Class::Extensible,
    doc: "Looks up a cached response for a prompt of similar meaning.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
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

/// A lookup in the semantic cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemanticCacheLookup {
    /// The template of the prompt.
    pub prompt: String,
    /// The URL that computes text embeddings.
    pub embeddings: String,
    /// The URL that finds the nearest neighbors of an embedding.
    pub neighbors: String,
    /// The ID of the deployed index at that URL.
    pub deployed_index: String,
    /// The minimum similarity.
    pub threshold: String,
}

/// The variable that tells whether the cache had a response.
pub fn hit_variable(policy: &str) -> String {
    format!("SemanticCacheLookup.{policy}.cache_hit")
}

/// `<VertexAI>` with its URL, as in three elements of both policies.
pub(super) fn vertex(url: &str) -> Element {
    Element::new("VertexAI").child(Element::leaf("URL", url))
}

impl GeneratedPolicy for SemanticCacheLookup {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    // Without the cache the model still responds.
    fn continue_on_error(&self) -> bool {
        true
    }

    fn fill(&self, root: Element) -> Element {
        let search = vertex(&self.neighbors)
            .child(Element::leaf("DeployedIndexID", &self.deployed_index))
            .child(Element::leaf("Threshold", &self.threshold));
        // A request without a prompt is not looked up: all empty texts are similar.
        root.child(Element::leaf("IgnoreUnresolvedVariables", false))
            .child(Element::leaf("UserPromptSource", &self.prompt))
            .child(Element::new("Embeddings").child(vertex(&self.embeddings)))
            .child(Element::new("SimilaritySearch").child(search))
    }
}
