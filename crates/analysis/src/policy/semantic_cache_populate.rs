//! SemanticCachePopulate.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, by_ref, parent, text};
use super::semantic_cache_lookup::vertex;
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "SemanticCachePopulate",
    prefix: "SCP",
    class: Class::Extensible,
    doc: "Caches a response for prompts of similar meaning.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "SemanticCachePopulate",
    &[
        IGNORE_UNRESOLVED,
        parent("SimilaritySearch", &[parent("VertexAI", &[text("URL", Meaning::Template)])]),
        text("SemanticCacheLookupPolicy", Meaning::Any),
        by_ref("TTLInSeconds", Meaning::Any),
    ],
);

/// A new entry of the semantic cache; the lookup for the same request has its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SemanticCachePopulate {
    /// The URL that accepts new entries.
    pub upsert: String,
    /// How long an entry is cached, in seconds.
    pub ttl: u64,
}

impl GeneratedPolicy for SemanticCachePopulate {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    // The response exists and is sent even if it cannot be cached.
    fn continue_on_error(&self) -> bool {
        true
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::leaf("IgnoreUnresolvedVariables", true))
            .child(Element::new("SimilaritySearch").child(vertex(&self.upsert)))
            .child(Element::leaf("TTLInSeconds", self.ttl))
    }
}
