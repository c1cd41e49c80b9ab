//! KeyValueMapOperations, to read entries.

use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "KeyValueMapOperations",
    prefix: "KVM",
    class: Class::Extensible,
    doc: "Reads entries of a key value map into variables.",
};

/// How long Apigee may use a value before it reads the map again: a changed secret is in use everywhere after that.
const EXPIRY_SECONDS: u32 = 300;

/// Reads entries of one map of the environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadMap {
    /// The map.
    pub map: String,
    /// The entries.
    pub entries: Vec<Entry>,
}

/// One entry to read. The variable stays unset if there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// The variable that takes the value; one that starts with `private.` is not shown in traces.
    pub variable: String,
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// This one.
    Literal(String),
    /// The one that a variable holds.
    Ref(String),
}

impl Policy for ReadMap {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let get = |entry: &Entry| {
            let parameter = match &entry.key {
                Key::Literal(key) => Element::leaf("Parameter", key),
                Key::Ref(variable) => Element::new("Parameter").attribute("ref", variable),
            };
            Element::new("Get").attribute("assignTo", &entry.variable).child(Element::new("Key").child(parameter))
        };
        root.attribute("mapIdentifier", &self.map)
            .child(Element::leaf("ExpiryTimeInSecs", EXPIRY_SECONDS))
            .children(self.entries.iter().map(get))
            .child(Element::leaf("Scope", "environment"))
    }
}
