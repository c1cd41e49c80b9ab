//! Quota.

use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "Quota",
    prefix: "Q",
    class: Class::Standard,
    doc: "Limits the number of calls of a consumer in a span of time.",
};

/// How many calls in which span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// Calls.
    pub allow: u64,
    /// How many of the unit.
    pub interval: u32,
    /// `minute`, `hour`, `day`, `week` or `month`.
    pub unit: &'static str,
}

/// Where the limit comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quota {
    /// From the API product that a step has found for the caller's credential.
    Product {
        /// The step that verified the credential.
        step: String,
        /// The limit of a product that has none.
        fallback: Limit,
    },
    /// From the proxy.
    Fixed {
        /// The limit.
        limit: Limit,
        /// The variable whose values are counted apart.
        key: Option<String>,
    },
}

impl Limit {
    fn elements(&self) -> [Element; 3] {
        [
            Element::leaf("Allow", self.allow),
            Element::leaf("Interval", self.interval),
            Element::leaf("TimeUnit", self.unit),
        ]
    }
}

impl Policy for Quota {
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
        // One counter for all message processors, told to the others every ten seconds: a synchronous counter would cost
        // each call a round trip.
        root.child(Element::leaf("Distributed", true))
            .child(Element::leaf("Synchronous", false))
            .child(Element::new("AsynchronousConfiguration").child(Element::leaf("SyncIntervalInSeconds", 10)))
    }
}
