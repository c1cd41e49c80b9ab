//! OASValidation.

use super::schema::{ElementSchema, Meaning, SOURCE, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "OASValidation",
    prefix: "OAS",
    class: Class::Standard,
    doc: "Rejects requests that do not conform to an OpenAPI 3.0 document, including requests to paths that are not in it.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "OASValidation",
    &[
        text("OASResource", Meaning::Template),
        parent(
            "Options",
            &[
                parent(
                    "AllowUnspecifiedParameters",
                    &[text("Cookie", Meaning::Flag), text("Header", Meaning::Flag), text("Query", Meaning::Flag)],
                ),
                text("ValidateMessageBody", Meaning::Flag),
            ],
        ),
        SOURCE,
    ],
);

/// The validation of a request: its path, method, parameters and, if it is JSON, its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OasValidation {
    /// The URL of the document, `oas://…`.
    pub resource: String,
}

impl GeneratedPolicy for OasValidation {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::leaf("OASResource", &self.resource))
            .child(Element::leaf("Source", "request"))
            .child(Element::new("Options").child(Element::leaf("ValidateMessageBody", true)))
    }
}
