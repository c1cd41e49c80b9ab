//! OAuthV2, to verify an access token.

use super::schema::{
    Attribute, ElementSchema, IGNORE_UNRESOLVED, Meaning, PUBLIC_KEY_PARTS, SECRET_KEY_PARTS, attribute, by_ref, key,
    parent, text,
};
use super::{Class, GeneratedPolicy, PolicyType};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "OAuthV2",
    prefix: "OAuthV2",
    class: Class::Extensible,
    doc: "Verifies the access token of an app.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
    "OAuthV2",
    &[
        by_ref("AccessToken", Meaning::Reads),
        text("AccessTokenPrefix", Meaning::Any),
        text("Algorithm", Meaning::Any),
        by_ref("AppEndUser", Meaning::Reads),
        parent("Attributes", &[ATTRIBUTE]),
        by_ref("CacheExpiryInSeconds", Meaning::Any),
        by_ref("ClientId", Meaning::Reads),
        by_ref("ClientSecret", Meaning::Reads),
        by_ref("Code", Meaning::Reads),
        by_ref("ExpiresIn", Meaning::Any),
        by_ref("ExternalAccessToken", Meaning::Reads),
        text("ExternalAuthorization", Meaning::Flag),
        by_ref("ExternalAuthorizationCode", Meaning::Reads),
        by_ref("ExternalRefreshToken", Meaning::Reads),
        parent("GenerateErrorResponse", FORMAT).with(ENABLED),
        parent("GenerateResponse", FORMAT).with(ENABLED),
        by_ref("GrantType", Meaning::Reads),
        IGNORE_UNRESOLVED,
        text("Operation", Meaning::Any),
        by_ref("PassWord", Meaning::Reads),
        by_ref("Password", Meaning::Reads),
        key("PrivateKey", SECRET_KEY_PARTS),
        key("PublicKey", PUBLIC_KEY_PARTS),
        by_ref("RedirectUri", Meaning::Reads),
        by_ref("RefreshToken", Meaning::Reads),
        by_ref("RefreshTokenExpiresIn", Meaning::Any),
        by_ref("ResponseType", Meaning::Reads),
        text("ReuseRefreshToken", Meaning::Flag),
        text("RFCCompliantRequestResponse", Meaning::Flag),
        by_ref("Scope", Meaning::Any),
        key("SecretKey", SECRET_KEY_PARTS),
        by_ref("State", Meaning::Reads),
        text("StoreToken", Meaning::Flag),
        parent("SupportedGrantTypes", &[text("GrantType", Meaning::Any)]),
        parent(
            "Tokens",
            &[text("Token", Meaning::Reads)
                .with(&[attribute("cascade", Meaning::Flag), attribute("type", Meaning::Any)])],
        ),
        by_ref("UserName", Meaning::Reads),
    ],
);

const ENABLED: &[Attribute] = &[attribute("enabled", Meaning::Flag)];
const FORMAT: &[ElementSchema] = &[text("Format", Meaning::Any)];
/// An attribute that a token carries.
pub(super) const ATTRIBUTE: ElementSchema = text("Attribute", Meaning::Any).with(&[
    attribute("display", Meaning::Flag),
    attribute("name", Meaning::Any),
    attribute("ref", Meaning::Reads),
]);

/// A verification of an access token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VerifyAccessToken {
    /// The variable that holds only the token; `None` for `Bearer TOKEN` in the header `Authorization`.
    pub token: Option<String>,
    /// The scopes of which the token must have at least one; any token is accepted if empty.
    pub scopes: Vec<String>,
}

impl GeneratedPolicy for VerifyAccessToken {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        root.child(Element::leaf("Operation", "VerifyAccessToken"))
            .children(self.token.as_ref().map(|variable| Element::leaf("AccessToken", variable)))
            .children((!self.scopes.is_empty()).then(|| Element::leaf("Scope", self.scopes.join(" "))))
    }
}
