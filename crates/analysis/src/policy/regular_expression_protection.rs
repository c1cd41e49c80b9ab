//! RegularExpressionProtection.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, NAMED, NAMESPACES, SOURCE, attribute, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "RegularExpressionProtection",
    prefix: "RE",
    class: Class::Extensible,
    doc: "Rejects requests that contain patterns of attacks.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "RegularExpressionProtection",
    &[
        parent("FormParam", PATTERNS).with(NAMED),
        parent("Header", PATTERNS).with(NAMED),
        IGNORE_UNRESOLVED,
        parent("JSONPayload", &[parent("JSONPath", &[text("Expression", Meaning::Any), PATTERN])])
            .with(&[attribute("escapeSlashCharacter", Meaning::Flag)]),
        parent("QueryParam", PATTERNS).with(NAMED),
        SOURCE,
        parent("URIPath", PATTERNS),
        parent("Variable", PATTERNS).with(&[attribute("name", Meaning::Reads)]),
        parent(
            "XMLPayload",
            &[NAMESPACES, parent("XPath", &[text("Expression", Meaning::Any), PATTERN, text("Type", Meaning::Any)])],
        ),
    ],
);

const PATTERN: ElementSchema = text("Pattern", Meaning::Any).with(&[attribute("ignoreCase", Meaning::Flag)]);
const PATTERNS: &[ElementSchema] = &[PATTERN];

/// Patterns that are not allowed in the path and the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegularExpressionProtection {
    /// Regular expressions of Java that may match anywhere in the text.
    pub patterns: Vec<&'static str>,
    /// The query parameters that are checked after decoding.
    pub query: Vec<String>,
}

impl GeneratedPolicy for RegularExpressionProtection {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let patterns = || self.patterns.iter().map(|pattern| Element::leaf("Pattern", pattern));
        let named = |element: &str, name: &str| Element::new(element).attribute("name", name).children(patterns());
        // A request without a query is not rejected.
        root.child(Element::leaf("IgnoreUnresolvedVariables", true))
            .child(Element::leaf("Source", "request"))
            .child(Element::new("URIPath").children(patterns()))
            .children(self.query.iter().map(|name| named("QueryParam", name)))
            .child(named("Variable", "request.querystring"))
    }
}
