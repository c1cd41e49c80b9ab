//! BasicAuthentication.

use super::schema::{ElementSchema, IGNORE_UNRESOLVED, Meaning, SOURCE, attribute, by_ref, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "BasicAuthentication",
    prefix: "BA",
    class: Class::Extensible,
    doc: "Reads a user name and a password from a header, or writes them to one; it does not verify them.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "BasicAuthentication",
    &[
        text("AssignTo", Meaning::Writes).with(&[attribute("createNew", Meaning::Flag)]),
        IGNORE_UNRESOLVED,
        text("Operation", Meaning::Word(&["Encode", "Decode"])),
        by_ref("Password", Meaning::Secret),
        SOURCE,
        by_ref("User", Meaning::Any),
    ],
);

/// A conversion between variables and a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasicAuthentication {
    /// The direction.
    pub operation: CredentialOperation,
    /// The variable of the user name.
    pub user: String,
    /// The variable of the password.
    pub password: String,
    /// The variable of the header.
    pub header: String,
}

/// The direction of the conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialOperation {
    /// From the header to the variables.
    Decode,
    /// From the variables to the header.
    Encode,
}

impl GeneratedPolicy for BasicAuthentication {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let (operation, header) = match self.operation {
            CredentialOperation::Decode => ("Decode", Element::leaf("Source", &self.header)),
            CredentialOperation::Encode => {
                ("Encode", Element::leaf("AssignTo", &self.header).attribute("createNew", false))
            }
        };
        root.child(Element::leaf("Operation", operation))
            // A missing password is a fault, never an empty password.
            .child(Element::leaf("IgnoreUnresolvedVariables", false))
            .child(Element::new("User").attribute("ref", &self.user))
            .child(Element::new("Password").attribute("ref", &self.password))
            .child(header)
    }
}
