//! VerifyJWT.

use super::schema::{
    ADDITIONAL_CLAIMS, ADDITIONAL_HEADERS, ALGORITHMS, ElementSchema, IGNORE_UNRESOLVED, Meaning, PUBLIC_KEY_PARTS,
    SECRET_KEY_PARTS, SOURCE, attribute, by_ref, key, parent, text,
};
use super::{Class, GeneratedPolicy, PolicyType, PolicyValue};
use apigee_flux_model::xml::Element;

/// The policy type.
pub const TYPE: PolicyType = PolicyType {
    element: "VerifyJWT",
    prefix: "VJWT",
    class: Class::Standard,
    doc: "Verifies the signature and the claims of a JWT.",
    schema: &SCHEMA,
};

/// The schema of its XML.
const SCHEMA: ElementSchema = parent(
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

/// A verification of a signed JWT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyJwt {
    /// The allowed algorithms, all for the same type of key.
    pub algorithms: Vec<&'static str>,
    /// The variable that holds the token; `None` for the header `Authorization`, where Apigee skips the word `Bearer`.
    pub source: Option<String>,
    /// The key to verify it with.
    pub key: JwtKey,
    /// The required claim `iss`.
    pub issuer: PolicyValue,
    /// The required value in the claim `aud`.
    pub audience: PolicyValue,
    /// Other required claims.
    pub claims: Vec<(String, PolicyValue)>,
    /// The allowed clock skew in seconds.
    pub leeway: u64,
}

/// The key to verify a token with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JwtKey {
    /// The public keys at a URL.
    Jwks(String),
    /// The public keys at the URL that a variable holds.
    JwksRef(String),
    /// The secret that a variable holds.
    SecretRef(String),
}

/// The type of key that an algorithm uses (Google's page "VerifyJWT policy"): a policy has one key, so all its
/// algorithms must use the same type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A shared secret.
    Shared,
    /// An RSA key pair.
    Rsa,
    /// An elliptic curve key pair.
    EllipticCurve,
}

impl KeyKind {
    /// The type of key for an algorithm, for example `RS256`.
    pub fn of(algorithm: &str) -> Option<Self> {
        match algorithm.get(..2)? {
            "HS" => Some(Self::Shared),
            "RS" | "PS" => Some(Self::Rsa),
            "ES" => Some(Self::EllipticCurve),
            _ => None,
        }
    }

    /// The name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "a shared secret",
            Self::Rsa => "an RSA key",
            Self::EllipticCurve => "an elliptic curve key",
        }
    }
}

impl JwtKey {
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

impl GeneratedPolicy for VerifyJwt {
    fn policy_type(&self) -> &'static PolicyType {
        &TYPE
    }

    fn fill(&self, root: Element) -> Element {
        let claims = self.claims.iter().map(|(name, value)| value.fill(Element::new("Claim").attribute("name", name)));
        root.child(Element::leaf("Algorithm", self.algorithms.join(",")))
            .children(self.source.as_ref().map(|source| Element::leaf("Source", source)))
            // A missing key is a fault, never an empty key.
            .child(Element::leaf("IgnoreUnresolvedVariables", false))
            .child(self.key.element())
            .child(self.issuer.fill(Element::new("Issuer")))
            .child(self.audience.fill(Element::new("Audience")))
            .children((!self.claims.is_empty()).then(|| Element::new("AdditionalClaims").children(claims)))
            .child(Element::leaf("TimeAllowance", format_args!("{}s", self.leeway)))
    }
}
