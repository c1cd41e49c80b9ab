//! CORS.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "CORS",
    prefix: "CORS",
    class: Class::Standard,
    doc: "Allows web pages of other origins to call the API, and responds to their preflight requests.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "CORS",
    &[
        text("AllowCredentials", Meaning::Flag),
        text("AllowHeaders", Meaning::Template),
        text("AllowMethods", Meaning::Template),
        text("AllowOrigins", Meaning::Template),
        text("ExposeHeaders", Meaning::Template),
        text("GeneratePreflightResponse", Meaning::Flag),
        IGNORE_UNRESOLVED,
        text("MaxAge", Meaning::Template),
    ],
);

/// The rules for cross-origin requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// The allowed origins, or only `*`.
    pub origins: Vec<String>,
    /// The allowed methods; `None` for the default of Apigee.
    pub methods: Option<Vec<String>>,
    /// The allowed request headers.
    pub headers: Vec<String>,
    /// The response headers that a page may read.
    pub expose: Option<Vec<String>>,
    /// How long a preflight response may be cached, in seconds.
    pub max_age: Option<u32>,
    /// Whether cookies may be sent.
    pub credentials: bool,
}

impl GeneratedPolicy for Cors {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let list = |name: &'static str, words: Option<&Vec<String>>| {
            words.filter(|words| !words.is_empty()).map(|words| Element::leaf(name, words.join(", ")))
        };
        // The author of the spec allowed every origin; apigeelint need not report it again.
        let root = if self.origins.iter().any(|origin| origin == "*") { root.lint_directive("PO032") } else { root };
        root.children(list("AllowOrigins", Some(&self.origins)))
            .children(list("AllowMethods", self.methods.as_ref()))
            .children(list("AllowHeaders", Some(&self.headers)))
            .children(list("ExposeHeaders", self.expose.as_ref()))
            .children(self.max_age.map(|seconds| Element::leaf("MaxAge", seconds)))
            .child(Element::leaf("AllowCredentials", self.credentials))
            .child(Element::leaf("GeneratePreflightResponse", true))
            .child(Element::leaf("IgnoreUnresolvedVariables", true))
    }
}
