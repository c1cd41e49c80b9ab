//! SpikeArrest.

use super::schema::{ElementSchema, Meaning, by_ref, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "SpikeArrest",
    prefix: "SA",
    class: Class::Standard,
    doc: "Smooths bursts of calls.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "SpikeArrest",
    &[
        by_ref("Identifier", Meaning::Any),
        by_ref("MessageWeight", Meaning::Any),
        by_ref("Rate", Meaning::Any),
        text("UseEffectiveCount", Meaning::Flag),
    ],
);

/// A maximum number of calls per second or minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpikeArrest {
    /// `100ps`, `30pm` or a variable in braces.
    pub rate: String,
    /// A variable: calls are counted separately for each of its values.
    pub key: Option<String>,
}

/// Adds the identifier and the rate: text, or one variable in braces.
pub(super) fn with_rate(root: Element, rate: &str, key: Option<&str>) -> Element {
    root.children(key.map(|key| Element::new("Identifier").attribute("ref", key))).child(
        match rate.strip_prefix('{').and_then(|rate| rate.strip_suffix('}')) {
            Some(variable) => Element::new("Rate").attribute("ref", variable),
            None => Element::leaf("Rate", rate),
        },
    )
}

impl GeneratedPolicy for SpikeArrest {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        with_rate(root, &self.rate, self.key.as_deref())
            // Counts over all message processors; without it each of them allows the whole rate and smooths it.
            .child(Element::leaf("UseEffectiveCount", true))
    }
}
