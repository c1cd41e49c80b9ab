//! VerifyJWT.

use super::schema::{
    ADDITIONAL_CLAIMS, ADDITIONAL_HEADERS, ALGORITHMS, IGNORE_UNRESOLVED, Meaning, PUBLIC_KEY_PARTS, SECRET_KEY_PARTS,
    SOURCE, Shape, attribute, by_ref, key, parent, text,
};
use super::{Class, Policy, PolicyType, Value};
use crate::xml::Element;

/// The type.
pub const TYPE: PolicyType = PolicyType {
    element: "VerifyJWT",
    prefix: "VJWT",
    class: Class::Standard,
    doc: "Verifies the signature and the claims of a JWT.",
    schema: &SCHEMA,
};

/// What its XML may hold.
const SCHEMA: Shape = parent(
    "VerifyJWT",
    &[
        ADDITIONAL_CLAIMS,
        ADDITIONAL_HEADERS,
        text("Algorithm", Meaning::Any),
        ALGORITHMS,
        by_ref("Audience", Meaning::Any),
        by_ref("CacheExpiryInSeconds", Meaning::Any),
        key("DirectKey", SECRET_KEY_PARTS),
        by_ref("Id", Meaning::Any),
        text("IgnoreCriticalHeaders", Meaning::Flag),
        text("IgnoreIssuedAt", Meaning::Flag),
        IGNORE_UNRESOLVED,
        by_ref("Issuer", Meaning::Any),
        by_ref("KnownHeaders", Meaning::Any),
        by_ref("MaxLifespan", Meaning::Any)
            .with(&[attribute("ref", Meaning::Reads), attribute("useIssueTime", Meaning::Flag)]),
        key("PasswordKey", SECRET_KEY_PARTS),
        key("PrivateKey", SECRET_KEY_PARTS),
        key("PublicKey", PUBLIC_KEY_PARTS),
        key("SecretKey", SECRET_KEY_PARTS),
        SOURCE,
        by_ref("Subject", Meaning::Any),
        by_ref("TimeAllowance", Meaning::Any),
        text("Type", Meaning::Any),
    ],
);

/// A check of a signed token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyJwt {
    /// The algorithms that are allowed, all of the key's sort.
    pub algorithms: Vec<&'static str>,
    /// The variable that holds the token; none for the header `Authorization`, where Apigee passes over the word `Bearer`.
    pub source: Option<String>,
    /// What it is verified with.
    pub key: Key,
    /// The claim `iss`.
    pub issuer: Value,
    /// What the claim `aud` must hold.
    pub audience: Value,
    /// Further claims.
    pub claims: Vec<(String, Value)>,
    /// Seconds by which clocks may differ.
    pub leeway: u64,
}

/// What a token is verified with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    /// The public keys at a URL.
    Jwks(String),
    /// The public keys at the URL that a variable holds.
    JwksRef(String),
    /// The secret that a variable holds.
    SecretRef(String),
}

/// The kind of key that an algorithm takes (Google's page "VerifyJWT policy"): a policy has one key, so its algorithms must
/// agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A secret that both sides know.
    Shared,
    /// A pair of keys of RSA.
    Rsa,
    /// A pair of keys of elliptic curves.
    EllipticCurve,
}

impl KeyKind {
    /// The kind for an algorithm by its name, as `RS256`.
    pub fn of(algorithm: &str) -> Option<Self> {
        match algorithm.get(..2)? {
            "HS" => Some(Self::Shared),
            "RS" | "PS" => Some(Self::Rsa),
            "ES" => Some(Self::EllipticCurve),
            _ => None,
        }
    }

    /// For messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "a shared secret",
            Self::Rsa => "an RSA key",
            Self::EllipticCurve => "an elliptic curve key",
        }
    }
}

impl Key {
    fn element(&self) -> Element {
        let public =
            |attribute, value| Element::new("PublicKey").child(Element::new("JWKS").attribute(attribute, value));
        match self {
            Self::Jwks(url) => public("uri", url),
            Self::JwksRef(variable) => public("uriRef", variable),
            Self::SecretRef(variable) => {
                Element::new("SecretKey").child(Element::new("Value").attribute("ref", variable))
            }
        }
    }
}

impl Policy for VerifyJwt {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let claims = self.claims.iter().map(|(name, value)| value.fill(Element::new("Claim").attribute("name", name)));
        root.child(Element::leaf("Algorithm", self.algorithms.join(",")))
            .children(self.source.as_ref().map(|source| Element::leaf("Source", source)))
            // A key that is not there is a fault, never an empty key.
            .child(Element::leaf("IgnoreUnresolvedVariables", false))
            .child(self.key.element())
            .child(self.issuer.fill(Element::new("Issuer")))
            .child(self.audience.fill(Element::new("Audience")))
            .children((!self.claims.is_empty()).then(|| Element::new("AdditionalClaims").children(claims)))
            .child(Element::leaf("TimeAllowance", format_args!("{}s", self.leeway)))
    }
}
