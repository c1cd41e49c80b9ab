//! SanitizeModelResponse.

use super::sanitize_user_prompt::{MODEL_ARMOR, model_armor};
use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "SanitizeModelResponse",
    prefix: "SMR",
    class: Class::Extensible,
    doc: "Checks the response of a language model with Model Armor.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "SanitizeModelResponse",
    &[
        IGNORE_UNRESOLVED,
        text("LLMResponseSource", Meaning::Template),
        MODEL_ARMOR,
        text("UserPromptSource", Meaning::Template),
    ],
);

/// A check of the response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanitizeModelResponse {
    /// The full name of the template in Model Armor.
    pub template: String,
    /// The template of the prompt.
    pub prompt: String,
    /// The template of the response.
    pub response: String,
}

impl GeneratedPolicy for SanitizeModelResponse {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::leaf("IgnoreUnresolvedVariables", true))
            .child(model_armor(&self.template))
            .child(Element::leaf("UserPromptSource", &self.prompt))
            .child(Element::leaf("LLMResponseSource", &self.response))
    }
}
