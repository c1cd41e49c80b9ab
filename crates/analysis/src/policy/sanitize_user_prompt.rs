//! SanitizeUserPrompt.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "SanitizeUserPrompt",
    prefix: "SUP",
    class: Class::Extensible,
    doc: "Checks the prompt for a language model with Model Armor.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema =
    parent("SanitizeUserPrompt", &[IGNORE_UNRESOLVED, MODEL_ARMOR, text("UserPromptSource", Meaning::Template)]);

/// The schema of `<ModelArmor>` of both policies.
pub(super) const MODEL_ARMOR: ElementSchema = parent("ModelArmor", &[text("TemplateName", Meaning::Template)]);

/// A check of the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanitizeUserPrompt {
    /// The full name of the template in Model Armor.
    pub template: String,
    /// The template of the prompt.
    pub prompt: String,
}

/// `<ModelArmor>` of both policies.
pub(super) fn model_armor(template: &str) -> Element {
    Element::new("ModelArmor").child(Element::leaf("TemplateName", template))
}

impl GeneratedPolicy for SanitizeUserPrompt {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::leaf("IgnoreUnresolvedVariables", true))
            .child(model_armor(&self.template))
            .child(Element::leaf("UserPromptSource", &self.prompt))
    }
}
