//! OAuthV2, to verify an access token.

use super::{Class, Policy, PolicyType};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "OAuthV2",
    prefix: "OAuthV2",
    class: Class::Extensible,
    doc: "Verifies the access token of an app.",
};

/// A check of an access token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyAccessToken {
    /// The variable that holds the token alone; without it, `Bearer TOKEN` in the header `Authorization`.
    pub token: Option<String>,
    /// The scopes of which the token must have one; any token without.
    pub scopes: Vec<String>,
}

impl Policy for VerifyAccessToken {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::leaf("Operation", "VerifyAccessToken"))
            .children(self.token.as_ref().map(|variable| Element::leaf("AccessToken", variable)))
            .children((!self.scopes.is_empty()).then(|| Element::leaf("Scope", self.scopes.join(" "))))
    }
}
