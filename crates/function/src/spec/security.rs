//! `security`: who may call, and what every response says to browsers.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::secret_ref::SecretRef;
use super::threats::Threats;
use apigee_flux_model::yaml::word_or::{Off, WordOr};

/// Credentials, threats and security headers. A proxy checks one sort of credential (`apiKey`, `oauth2`, `jwt`, `basic` or
/// `hmac`), or `apiKey` for the app together with `jwt` for the user. It is checked before anything but CORS and the spike
/// arrest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Security {
    /// Callers show the key of an app. It is removed before the target is called.
    pub api_key: Option<ApiKey>,
    /// Callers show an access token that Apigee has issued.
    pub oauth2: Option<OAuth2>,
    /// Callers show a token that an identity provider has signed.
    pub jwt: Option<Jwt>,
    /// Callers show a user name and a password. Prefer another sort: passwords are long-lived, and are compared as text.
    pub basic: Option<Basic>,
    /// Callers sign their requests with a key that both sides know, as webhooks do.
    pub hmac: Option<Hmac>,
    /// Requests that look like an attack are refused, or `none`. Default: `none`.
    pub threats: Option<WordOr<Off, Threats>>,
    /// Headers of every response, errors included: `default`, `none`, or header → value. Default: `none`.
    pub headers: Option<WordOr<HeadersWord, IndexMap<String, String>>>,
}

/// One sort of credential.
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
    /// The field's name.
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
    /// The sorts of credentials that are set.
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

/// Where callers put the key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApiKey {
    /// In a header or in the query. Default: `header`.
    #[serde(default, rename = "in")]
    pub location: Location,
    /// The header's or parameter's name. Default: `x-api-key`.
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
    /// The scopes of which a token must have at least one. Default: any token will do.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// In a header or in the query. Default: `header`.
    #[serde(default, rename = "in")]
    pub location: Location,
    /// The header's or parameter's name. Default: `authorization`, which holds `Bearer TOKEN`; `access_token` in the query.
    /// Elsewhere than in `authorization` the token stands alone.
    pub name: Option<String>,
    /// Whether the target sees the token. Default: false: whoever has it can call the API in the app's name.
    #[serde(default)]
    pub forward_token: bool,
}

/// A token that an identity provider has signed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Jwt {
    /// The claim `iss` that a token must have.
    pub issuer: String,
    /// What a token's claim `aud` must hold. Without it, a token for any other API of the same issuer would do.
    pub audience: String,
    /// The URL of the issuer's public keys, or a variable that holds it, as `{propertyset.idp.jwks}`. For algorithms with a
    /// public key.
    pub jwks: Option<String>,
    /// The key that both sides know, for HS256, HS384 and HS512.
    pub key: Option<SecretRef>,
    /// The algorithms that a token may be signed with: a name, or a list for one kind of key (HS; RS and PS; ES). Default: RS256.
    pub algorithm: Option<WordOr<JwtAlgorithm, Vec<JwtAlgorithm>>>,
    /// Further claims that a token must have, with their values.
    #[serde(default)]
    pub claims: IndexMap<String, String>,
    /// In a header or in the query. Default: `header`.
    #[serde(default, rename = "in")]
    pub location: Location,
    /// The header's or parameter's name. Default: `authorization`, which holds `Bearer TOKEN`; `access_token` in the query.
    pub name: Option<String>,
    /// How far the clocks of both sides may differ, in whole seconds, as `30s`. Default: `30s`.
    pub leeway: Option<String>,
    /// Whether the target sees the token. Default: true: it expires soon, and many targets read its claims or verify it again.
    #[serde(default = "yes")]
    pub forward_token: bool,
}

fn yes() -> bool {
    true
}

/// How a token is signed; unsigned tokens are never accepted.
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
    /// The name, which is also Apigee's.
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

    /// Whether both sides know the key.
    pub const fn is_symmetric(self) -> bool {
        matches!(self, Self::HS256 | Self::HS384 | Self::HS512)
    }
}

/// A user name and a password in the header `Authorization`, which is removed before the target is called.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Basic {
    /// The encrypted key value map of the environment that holds user name → password. A user who is not in it, or has an empty
    /// password there, is refused.
    pub kvm: String,
    /// What a browser shows when it asks for the password. Default: `api`.
    pub realm: Option<String>,
}

/// A signature of the request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hmac {
    /// The key that both sides know.
    pub key: SecretRef,
    /// The header that holds the signature and nothing else. A request without it is refused. It is left for the target.
    pub header: String,
    /// What is signed, with variables, as in `{request.verb} {request.header.date} {request.content}`. A signature of the body
    /// alone can be shown again, and for another path. Default: `{request.content}`.
    pub message: Option<String>,
    /// The hash. Default: `sha256`.
    #[serde(default)]
    pub algorithm: HmacAlgorithm,
    /// How the signature is written. Default: `base64`.
    #[serde(default)]
    pub encoding: HmacEncoding,
}

/// The hash of a signature.
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

/// How a signature is written.
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

/// Which security headers, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HeadersWord {
    /// HSTS for a year, `nosniff`, no framing, no caching; `Server` and `X-Powered-By` are removed.
    Default,
    /// No header is set or removed.
    None,
}
