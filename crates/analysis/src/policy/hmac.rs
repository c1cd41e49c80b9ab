//! HMAC, to verify a signature.

use super::schema::{Attribute, ElementSchema, IGNORE_UNRESOLVED, Meaning, attribute, by_ref, parent, text};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "HMAC",
    prefix: "HMAC",
    class: Class::Standard,
    doc: "Verifies that a message was signed with a known key.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "HMAC",
    &[
        by_ref(
            "Algorithm",
            Meaning::Word(&[
                "MD5", "MD-5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA1", "SHA224", "SHA256",
                "SHA384", "SHA512",
            ]),
        ),
        IGNORE_UNRESOLVED,
        by_ref("Message", Meaning::Template),
        text("Output", Meaning::Writes).with(ENCODED),
        text("SecretKey", Meaning::Secret).with(ENCODED_REF),
        text("VerificationValue", Meaning::Any).with(ENCODED_REF),
    ],
);

const ENCODED: &[Attribute] = &[attribute("encoding", ENCODING)];
const ENCODED_REF: &[Attribute] = &[attribute("encoding", ENCODING), attribute("ref", Meaning::Reads)];
const ENCODING: Meaning = Meaning::Word(&["hex", "base16", "base64", "base64url", "utf-8", "utf8"]);

/// A check of a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyHmac {
    /// The algorithm, for example `SHA-256`.
    pub algorithm: &'static str,
    /// The variable that holds the key; Apigee only accepts a private variable.
    pub key: String,
    /// The signed text, with variables in braces.
    pub message: String,
    /// The variable that holds the signature.
    pub signature: String,
    /// The encoding of the signature: `base64` or `base16`.
    pub encoding: &'static str,
}

impl GeneratedPolicy for VerifyHmac {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::leaf("Algorithm", self.algorithm))
            .child(Element::new("SecretKey").attribute("ref", &self.key))
            // A missing key or signature is a fault, never an empty text.
            .child(Element::leaf("IgnoreUnresolvedVariables", false))
            .child(Element::leaf("Message", &self.message))
            .child(
                Element::new("VerificationValue")
                    .attribute("encoding", self.encoding)
                    .attribute("ref", &self.signature),
            )
    }
}
