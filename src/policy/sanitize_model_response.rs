//! SanitizeModelResponse.

use super::sanitize_user_prompt::model_armor;
use super::schema::{IGNORE_UNRESOLVED, Meaning, Shape, parent, text};
use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "SanitizeModelResponse",
    prefix: "SMR",
    class: Class::Extensible,
    doc: "Checks the response of a language model with Model Armor.",
    schema: &SCHEMA,
};

/// What its XML may hold.
const SCHEMA: Shape = parent(
    "SanitizeModelResponse",
    &[
        IGNORE_UNRESOLVED,
        text("LLMResponseSource", Meaning::Template),
        parent("ModelArmor", &[text("TemplateName", Meaning::Template)]),
        text("UserPromptSource", Meaning::Template),
    ],
);

/// A check of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanitizeModelResponse {
    /// The template in Model Armor, in full.
    pub template: String,
    /// The template that gives the prompt.
    pub prompt: String,
    /// The template that gives the answer.
    pub response: String,
}

impl Policy for SanitizeModelResponse {
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
