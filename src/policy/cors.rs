//! CORS.

use super::schema::{IGNORE_UNRESOLVED, Meaning, Shape, parent, text};
use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "CORS",
    prefix: "CORS",
    class: Class::Standard,
    doc: "Allows web pages of other origins to call the API, and responds to their preflight requests.",
    schema: &SCHEMA,
};

/// What its XML may hold.
const SCHEMA: Shape = parent(
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

/// Which pages may call and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// Origins, or `*` alone.
    pub origins: Vec<String>,
    /// Methods; Apigee's own default if none.
    pub methods: Option<Vec<String>>,
    /// Request headers.
    pub headers: Vec<String>,
    /// Response headers that a page may read.
    pub expose: Option<Vec<String>>,
    /// Seconds.
    pub max_age: Option<u32>,
    /// Whether cookies may be sent.
    pub credentials: bool,
}

impl Policy for Cors {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let list = |name: &'static str, words: Option<&Vec<String>>| {
            words.filter(|words| !words.is_empty()).map(|words| Element::leaf(name, words.join(", ")))
        };
        // The author of the spec asked for every origin; the lint need not say it again.
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
