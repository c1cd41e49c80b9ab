//! VerifyAPIKey.

use super::schema::{ElementSchema, Meaning, by_ref, parent};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "VerifyAPIKey",
    prefix: "VA",
    class: Class::Extensible,
    doc: "Rejects callers without the API key of an app that is allowed to use the API.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema =
    parent("VerifyAPIKey", &[by_ref("APIKey", Meaning::Secret), by_ref("CacheExpiryInSeconds", Meaning::Any)]);

/// A verification of the key in a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyApiKey {
    /// The variable that holds the key, for example `request.header.x-api-key`.
    pub key: String,
}

impl GeneratedPolicy for VerifyApiKey {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::new("APIKey").attribute("ref", &self.key))
    }
}
