//! LLMTokenQuota.

use super::quota::{ALLOW, ASYNCHRONOUS, FROM_PRODUCT, QuotaLimit};
use super::schema::{ElementSchema, IGNORE_UNRESOLVED, INTERVAL, Meaning, TIME_UNIT, attribute, by_ref, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "LLMTokenQuota",
    prefix: "LTQ",
    class: Class::Extensible,
    doc: "Limits the tokens of a language model that a consumer may use in a time interval.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "LLMTokenQuota",
    &[
        ALLOW,
        ASYNCHRONOUS,
        text("CountOnly", Meaning::Flag),
        text("Distributed", Meaning::Flag),
        text("EnforceOnly", Meaning::Flag),
        by_ref("Identifier", Meaning::Any),
        IGNORE_UNRESOLVED,
        INTERVAL,
        text("LLMModelSource", Meaning::Template),
        text("LLMTokenUsageSource", Meaning::Template),
        by_ref("MessageWeight", Meaning::Any),
        text("PreciseAtSecondsLevel", Meaning::Flag),
        text("SharedName", Meaning::Any),
        text("StartTime", Meaning::Any),
        text("Synchronous", Meaning::Flag),
        TIME_UNIT,
        FROM_PRODUCT,
    ],
)
.with(&[attribute("type", Meaning::Any)]);

/// One half of a quota: on the request it rejects a call if no tokens are left, on the response it counts the tokens.
/// Both halves have the same limit, and share one counter because they have the same counter name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LlmTokenQuota {
    /// The limit, in tokens.
    pub limit: QuotaLimit,
    /// The variables that override the limit: those of a product, without `limit`, `interval` and `timeunit` at the
    /// end.
    pub product: Option<String>,
    /// A variable: tokens are counted separately for each of its values.
    pub key: Option<String>,
    /// The template of the model name.
    pub model: String,
    /// The function of this half.
    pub half: Half,
    /// The name of the counter.
    pub counter: String,
}

/// The function of a half of a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Half {
    /// Rejects a call if no tokens are left.
    Enforce,
    /// Counts the tokens that were used.
    Count {
        /// The template of the number of tokens.
        usage: String,
    },
}

impl LlmTokenQuota {
    /// Adds a reference to the variable of the product.
    fn of_product(&self, element: Element, attribute: &str, word: &str) -> Element {
        match &self.product {
            Some(product) => element.attribute(attribute, format!("{product}{word}")),
            None => element,
        }
    }
}

impl GeneratedPolicy for LlmTokenQuota {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let allow = Element::new("Allow").attribute("count", self.limit.allow);
        let (usage, mode) = match &self.half {
            Half::Enforce => (None, "EnforceOnly"),
            Half::Count { usage } => (Some(usage), "CountOnly"),
        };
        root.attribute("type", "rollingwindow")
            .children(self.key.as_ref().map(|key| Element::new("Identifier").attribute("ref", key)))
            .child(self.of_product(allow, "countRef", "limit"))
            .child(self.of_product(Element::leaf("Interval", self.limit.interval), "ref", "interval"))
            .child(self.of_product(Element::leaf("TimeUnit", self.limit.unit), "ref", "timeunit"))
            .child(Element::leaf("Distributed", true))
            // A call to a model takes seconds and may use all tokens that are left: the counter must be exact for the
            // next call.
            .child(Element::leaf("Synchronous", true))
            .children(usage.map(|usage| Element::leaf("LLMTokenUsageSource", usage)))
            .child(Element::leaf("LLMModelSource", &self.model))
            .child(Element::leaf(mode, true))
            .child(Element::leaf("SharedName", &self.counter))
    }
}
