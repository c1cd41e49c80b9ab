//! PromptTokenLimit.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, by_ref, parent, text};
use super::spike_arrest::with_rate;
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "PromptTokenLimit",
    prefix: "PTL",
    class: Class::Extensible,
    doc: "Limits the tokens of prompts per second or minute.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "PromptTokenLimit",
    &[
        by_ref("Identifier", Meaning::Any),
        IGNORE_UNRESOLVED,
        by_ref("Rate", Meaning::Any),
        by_ref("UseEffectiveCount", Meaning::Flag),
        text("UserPromptSource", Meaning::Template),
    ],
);

/// A maximum number of tokens per second or minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptTokenLimit {
    /// `1000pm`, `50ps` or a variable in braces.
    pub rate: String,
    /// A variable: tokens are counted separately for each of its values.
    pub key: Option<String>,
    /// The template of the prompt.
    pub prompt: String,
}

impl GeneratedPolicy for PromptTokenLimit {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        with_rate(root, &self.rate, self.key.as_deref())
            // Without it the rate is smoothed, and 1000 a minute would reject a prompt of 17 tokens in a second.
            .child(Element::leaf("UseEffectiveCount", true))
            .child(Element::leaf("UserPromptSource", &self.prompt))
    }
}
