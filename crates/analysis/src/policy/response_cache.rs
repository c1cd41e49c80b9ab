//! ResponseCache.

use super::schema::{CACHE_KEY, CACHE_SCOPE, EXPIRY_SETTINGS, ElementSchema, Meaning, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "ResponseCache",
    prefix: "RC",
    class: Class::Extensible,
    doc: "Caches responses: on the request it looks up a response, on the response it stores it.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "ResponseCache",
    &[
        CACHE_KEY,
        text("CacheLookupTimeoutInSeconds", Meaning::Any),
        text("CacheResource", Meaning::Any),
        text("ExcludeErrorResponse", Meaning::Flag),
        EXPIRY_SETTINGS,
        CACHE_SCOPE,
        text("SkipCacheLookup", Meaning::Condition),
        text("SkipCachePopulation", Meaning::Condition),
        text("UseAcceptHeader", Meaning::Flag),
        text("UseResponseCacheHeaders", Meaning::Flag),
    ],
);

/// A cache of responses. Its entries belong to the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseCache {
    /// The variables whose values make up the cache key. A variable that is not set is ignored.
    pub key: Vec<String>,
    /// How long an entry is cached, in seconds.
    pub ttl: u64,
    /// Whether the `Accept…` headers are part of the cache key.
    pub by_accept: bool,
}

impl GeneratedPolicy for ResponseCache {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let fragments = self.key.iter().map(|variable| Element::new("KeyFragment").attribute("ref", variable));
        root.child(Element::new("CacheKey").children(fragments))
            .child(Element::leaf("Scope", "Proxy"))
            .child(Element::new("ExpirySettings").child(Element::leaf("TimeoutInSeconds", self.ttl)))
            .children(self.by_accept.then(|| Element::leaf("UseAcceptHeader", true)))
            .child(Element::leaf("ExcludeErrorResponse", true))
    }
}
