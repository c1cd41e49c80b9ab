//! `security`: authentication, threat protection and security headers.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::secret_ref::SecretRef;
use super::threats::Threats;
use apigee_flux_model::yaml::word_or::{Off, WordOr};

/// Authentication, threat protection and security headers. A proxy checks one type of credential (`apiKey`, `oauth2`,
/// `jwt`, `basic` or `hmac`), or `apiKey` for the app and `jwt` for the user. Only CORS and the spike arrest run before
/// this check.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Security {
    /// Callers send the API key of an app. It is removed before the target is called.
    pub api_key: Option<ApiKey>,
    /// Callers send an access token that Apigee has issued.
    pub oauth2: Option<OAuth2>,
    /// Callers send a JWT that an identity provider has signed.
    pub jwt: Option<Jwt>,
    /// Callers send a user name and a password. Prefer another type: passwords are long-lived, and they are compared as
    /// plain text.
    pub basic: Option<Basic>,
    /// Callers sign their requests with a shared key, as in webhooks.
    pub hmac: Option<Hmac>,
    /// Rejects requests that look like an attack, or `none`. Default: `none`.
    pub threats: Option<WordOr<Off, Threats>>,
    /// Headers of every response, including errors: `default`, `none`, or header → value. Default: `none`.
    pub headers: Option<WordOr<HeadersWord, IndexMap<String, String>>>,
}

/// A type of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism<'s> {
    /// `apiKey`.
    ApiKey(&'s ApiKey),
    /// `oauth2`.
    OAuth2(&'s OAuth2),
    /// `jwt`.
    Jwt(&'s Jwt),
    /// `basic`.
    Basic(&'s Basic),
    /// `hmac`.
    Hmac(&'s Hmac),
}

impl Mechanism<'_> {
    /// The name of the field.
    pub const fn key(self) -> &'static str {
        match self {
            Self::ApiKey(_) => "apiKey",
            Self::OAuth2(_) => "oauth2",
            Self::Jwt(_) => "jwt",
            Self::Basic(_) => "basic",
            Self::Hmac(_) => "hmac",
        }
    }
}

impl Security {
    /// The types of credentials that are set.
    pub fn mechanisms(&self) -> Vec<Mechanism<'_>> {
        [
            self.api_key.as_ref().map(Mechanism::ApiKey),
            self.oauth2.as_ref().map(Mechanism::OAuth2),
            self.jwt.as_ref().map(Mechanism::Jwt),
            self.basic.as_ref().map(Mechanism::Basic),
            self.hmac.as_ref().map(Mechanism::Hmac),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// An API key of an app.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKey {
    /// Whether callers send the key in a header or in the query. Default: `header`.
    #[serde(default, rename = "in")]
    pub location: Location,
    /// The name of the header or query parameter. Default: `x-api-key`.
    #[serde(default = "default_key_name")]
    pub name: String,
}

fn default_key_name() -> String {
    "x-api-key".to_owned()
}

/// An access token of Apigee.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OAuth2 {
    /// The scopes of which a token must have at least one. Default: no scope is required.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Whether callers send the token in a header or in the query. Default: `header`.
    #[serde(default, rename = "in")]
    pub location: Location,
    /// The name of the header or query parameter. Default: `authorization`, which holds `Bearer TOKEN`; `access_token`
    /// in the query. Any other header or parameter holds the token only.
    pub name: Option<String>,
    /// Whether the token is sent to the target. Default: false: anyone who has the token can call the API as the app.
    #[serde(default)]
    pub forward_token: bool,
}

/// A JWT that an identity provider has signed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jwt {
    /// The required value of the claim `iss`.
    pub issuer: String,
    /// The required audience: the claim `aud` must contain it. Otherwise tokens for other APIs of the same issuer would
    /// be accepted.
    pub audience: String,
    /// The URL of the public keys of the issuer (JWKS), or a variable that holds it, for example
    /// `{propertyset.idp.jwks}`. For algorithms with a public key.
    pub jwks: Option<String>,
    /// The shared key, for HS256, HS384 and HS512.
    pub key: Option<SecretRef>,
    /// The allowed algorithms: a name, or a list for one type of key (HS; RS and PS; ES). Default: RS256.
    pub algorithm: Option<WordOr<JwtAlgorithm, Vec<JwtAlgorithm>>>,
    /// Other required claims, with their values.
    #[serde(default)]
    pub claims: IndexMap<String, String>,
    /// Whether callers send the token in a header or in the query. Default: `header`.
    #[serde(default, rename = "in")]
    pub location: Location,
    /// The name of the header or query parameter. Default: `authorization`, which holds `Bearer TOKEN`; `access_token`
    /// in the query.
    pub name: Option<String>,
    /// The allowed clock skew, in whole seconds, for example `30s`. Default: `30s`.
    pub leeway: Option<String>,
    /// Whether the token is sent to the target. Default: true: it expires soon, and many targets read its claims or
    /// verify it again.
    #[serde(default = "yes")]
    pub forward_token: bool,
}

fn yes() -> bool {
    true
}

/// The signature algorithm of a token; unsigned tokens are never accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the names are those of RFC 7518")]
pub enum JwtAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    HS256,
    HS384,
    HS512,
}

impl JwtAlgorithm {
    /// The name, which is the same in Apigee.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
        }
    }

    /// Whether the key is shared.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }
}

/// A user name and a password in the header `Authorization`, which is removed before the target is called.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Basic {
    /// The encrypted key value map of the environment that holds user name → password. A user who is not in the map, or
    /// who has an empty password there, is rejected.
    pub kvm: String,
    /// The realm, which a browser shows when it asks for the password. Default: `api`.
    pub realm: Option<String>,
}

/// An HMAC signature of the request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hmac {
    /// The shared key.
    pub key: SecretRef,
    /// The header that holds only the signature. A request without it is rejected. The header is sent to the target.
    pub header: String,
    /// The text that is signed, with variables, for example `{request.verb} {request.header.date} {request.content}`.
    /// If only the body is signed, the signature can be replayed, also for another path. Default: `{request.content}`.
    pub message: Option<String>,
    /// The hash function. Default: `sha256`.
    #[serde(default)]
    pub algorithm: HmacAlgorithm,
    /// The encoding of the signature. Default: `base64`.
    #[serde(default)]
    pub encoding: HmacEncoding,
}

/// The hash function of a signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HmacAlgorithm {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// The encoding of a signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HmacEncoding {
    /// Base64.
    #[default]
    Base64,
    /// Hexadecimal digits.
    Hex,
}

/// The part of a request that holds a credential.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Location {
    /// A header.
    #[default]
    Header,
    /// A query parameter.
    Query,
}

/// A predefined set of security headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HeadersWord {
    /// HSTS for a year, `nosniff`, no framing, no caching; `Server` and `X-Powered-By` are removed.
    Default,
    /// No header is set or removed.
    None,
}
