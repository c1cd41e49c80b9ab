//! RegularExpressionProtection.

use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "RegularExpressionProtection",
    prefix: "RE",
    class: Class::Extensible,
    doc: "Refuses requests that hold texts of attacks.",
};

/// Patterns that neither the path nor the query may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegularExpressionProtection {
    /// Java's regular expressions, to be found anywhere in the text.
    pub patterns: Vec<&'static str>,
    /// The query parameters that are looked at after decoding.
    pub query: Vec<String>,
}

impl Policy for RegularExpressionProtection {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let patterns = || self.patterns.iter().map(|pattern| Element::leaf("Pattern", pattern));
        let named = |element: &str, name: &str| Element::new(element).attribute("name", name).children(patterns());
        // A request without a query is none to refuse.
        root.child(Element::leaf("IgnoreUnresolvedVariables", true))
            .child(Element::leaf("Source", "request"))
            .child(Element::new("URIPath").children(patterns()))
            .children(self.query.iter().map(|name| named("QueryParam", name)))
            .child(named("Variable", "request.querystring"))
    }
}
