//! Quota.

use super::schema::{
    Attribute, ElementSchema, IGNORE_UNRESOLVED, INTERVAL, Meaning, TIME_UNIT, attribute, by_ref, parent, text,
};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "Quota",
    prefix: "Q",
    // Google's page of the policy does not confirm this.
    class: Class::Extensible,
    doc: "Limits the number of calls of a consumer in a time interval.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "Quota",
    &[
        ALLOW,
        ASYNCHRONOUS,
        text("CountOnly", Meaning::Flag),
        text("Distributed", Meaning::Flag),
        text("EnforceOnly", Meaning::Flag),
        by_ref("Identifier", Meaning::Any),
        IGNORE_UNRESOLVED,
        INTERVAL,
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

/// The attributes of a limit: a number or a variable.
const COUNT: &[Attribute] = &[attribute("count", Meaning::Any), attribute("countRef", Meaning::Reads)];

/// The attributes of the limit of a class of callers.
const CLASS: &[Attribute] =
    &[attribute("class", Meaning::Any), attribute("count", Meaning::Any), attribute("countRef", Meaning::Reads)];

/// The limit, and those of classes of callers.
pub(super) const ALLOW: ElementSchema =
    text("Allow", Meaning::Any)
        .with(COUNT)
        .and(&[parent("Class", &[text("Allow", Meaning::Any).with(CLASS)]).with(&[attribute("ref", Meaning::Reads)])]);

/// When a distributed counter is synchronized.
pub(super) const ASYNCHRONOUS: ElementSchema = parent(
    "AsynchronousConfiguration",
    &[text("SyncIntervalInSeconds", Meaning::Any), text("SyncMessageCount", Meaning::Any)],
);

/// The limit of the API product that a step found.
pub(super) const FROM_PRODUCT: ElementSchema = parent(
    "UseQuotaConfigInAPIProduct",
    &[parent("DefaultConfig", &[text("Allow", Meaning::Any).with(COUNT), INTERVAL, TIME_UNIT])],
)
.with(&[attribute("stepName", Meaning::Any)]);

/// A number of calls in a time interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotaLimit {
    /// The number of calls.
    pub allow: u64,
    /// The number of time units.
    pub interval: u32,
    /// `minute`, `hour`, `day`, `week` or `month`.
    pub unit: &'static str,
}

/// The source of the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quota {
    /// The API product that a step found for the credential of the caller.
    Product {
        /// The step that verified the credential.
        step: String,
        /// The limit for products without a quota.
        fallback: QuotaLimit,
    },
    /// The proxy.
    Fixed {
        /// The limit.
        limit: QuotaLimit,
        /// A variable: calls are counted separately for each of its values.
        key: Option<String>,
    },
}

impl QuotaLimit {
    fn elements(&self) -> [Element; 3] {
        [
            Element::leaf("Allow", self.allow),
            Element::leaf("Interval", self.interval),
            Element::leaf("TimeUnit", self.unit),
        ]
    }
}

impl GeneratedPolicy for Quota {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let root = match self {
            Self::Product { step, fallback } => root.child(
                Element::new("UseQuotaConfigInAPIProduct")
                    .attribute("stepName", step)
                    .child(Element::new("DefaultConfig").children(fallback.elements())),
            ),
            Self::Fixed { limit, key } => {
                let [_, interval, unit] = limit.elements();
                root.children(key.as_ref().map(|key| Element::new("Identifier").attribute("ref", key)))
                    .child(Element::new("Allow").attribute("count", limit.allow))
                    .child(interval)
                    .child(unit)
            }
        };
        // One counter for all message processors, synchronized every ten seconds: a synchronous counter would cost each
        // call a round trip.
        root.child(Element::leaf("Distributed", true))
            .child(Element::leaf("Synchronous", false))
            .child(Element::new("AsynchronousConfiguration").child(Element::leaf("SyncIntervalInSeconds", 10)))
    }
}
