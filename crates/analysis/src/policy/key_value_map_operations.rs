//! KeyValueMapOperations.

use super::schema::{Attribute, ElementSchema, Meaning, attribute, by_ref, parent, text};
use super::{Class, GeneratedPolicy, PolicyType, PolicyValue};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "KeyValueMapOperations",
    prefix: "KVM",
    class: Class::Extensible,
    doc: "Reads, writes and deletes entries of a key value map.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "KeyValueMapOperations",
    &[
        parent("Delete", &[KEY]),
        text("ExclusiveCache", Meaning::Flag),
        by_ref("ExpiryTimeInSecs", Meaning::Whole),
        parent("Get", &[KEY]).with(&[attribute("assignTo", Meaning::Writes), attribute("index", Meaning::Any)]),
        parent("InitialEntries", &[parent("Entry", &[KEY, text("Value", Meaning::NamedText)])]),
        by_ref("MapName", Meaning::Any),
        parent("Put", &[KEY, text("Value", Meaning::NamedText).with(REF_ONLY)])
            .with(&[attribute("override", Meaning::Flag)]),
        text("Scope", Meaning::Word(&["apiproxy", "environment", "organization", "policy"])),
    ],
)
.with(&[attribute("mapIdentifier", Meaning::Any)]);

const REF_ONLY: &[Attribute] = &[attribute("ref", Meaning::Reads)];
const KEY: ElementSchema = parent("Key", &[text("Parameter", Meaning::Any).with(REF_ONLY)]);

/// Operations on one map. Apigee runs them in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValueMapOperations {
    /// The map.
    pub map: PolicyValue,
    /// `environment`, `organization`, `apiproxy` or `policy`.
    pub scope: &'static str,
    /// How long a value is cached before it is read from the map again, in seconds.
    pub expiry: u64,
    /// The operations.
    pub operations: Vec<MapOperation>,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MapOperation {
    /// Reads a value into a variable.
    Get {
        /// The key of the entry.
        key: PolicyValue,
        /// The variable.
        variable: String,
    },
    /// Writes a value and replaces an existing one.
    Put {
        /// The key of the entry.
        key: PolicyValue,
        /// The value.
        value: PolicyValue,
    },
    /// Deletes an entry.
    Delete {
        /// The key of the entry.
        key: PolicyValue,
    },
}

impl MapOperation {
    fn element(&self) -> Element {
        let of = |key: &PolicyValue| Element::new("Key").child(key.fill(Element::new("Parameter")));
        match self {
            Self::Get { key, variable } => Element::new("Get").attribute("assignTo", variable).child(of(key)),
            Self::Put { key, value } => {
                Element::new("Put").attribute("override", true).child(of(key)).child(value.fill(Element::new("Value")))
            }
            Self::Delete { key } => Element::new("Delete").child(of(key)),
        }
    }
}

impl GeneratedPolicy for KeyValueMapOperations {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let root = match &self.map {
            PolicyValue::Text(name) => root.attribute("mapIdentifier", name),
            PolicyValue::Variable(_) => root.child(self.map.fill(Element::new("MapName"))),
        };
        root.child(Element::leaf("ExpiryTimeInSecs", self.expiry))
            .children(self.operations.iter().map(MapOperation::element))
            .child(Element::leaf("Scope", self.scope))
    }
}
