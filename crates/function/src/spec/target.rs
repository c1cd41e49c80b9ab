//! `targets`: the backends.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::flow::Flow;
use super::integration::Integration;
use super::secret_ref::SecretRef;
use apigee_flux_model::yaml::word_or::{Off, WordOr};

/// The backends by name, or `none` for a proxy that answers by itself.
pub type Targets = WordOr<Off, Vec<Target>>;

/// One backend: a `url`, `servers` that the environment defines as ApigeeTargetServers, or an `integration`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The target's name, which is also its file's: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// An `https` or `http` URL. A request's path below the base path is appended.
    pub url: Option<String>,
    /// Target servers to share the load: a name, or `{name, weight, fallback}`.
    pub servers: Option<Vec<WordOr<String, Server>>>,
    /// An integration of Application Integration. No other field than `name` goes with it.
    pub integration: Option<Integration>,
    /// The path on the `servers`, before the rest of a request's path. Default: `/`.
    pub path: Option<String>,
    /// After how many failures one of the `servers` is left out until its health check succeeds. Default: 5 with
    /// `healthCheck`, else no server is ever left out.
    pub max_failures: Option<u32>,
    /// How the health of the `servers` is found out.
    pub health_check: Option<HealthCheck>,
    /// How long to wait.
    pub timeouts: Option<Timeouts>,
    /// TLS towards a `url`. Without it the certificate is checked against the public authorities. That of `servers` stands
    /// in the ApigeeTargetServer.
    pub tls: Option<Tls>,
    /// The credential that a request carries to the target. Those of Google need `deploy.serviceAccount`.
    pub auth: Option<TargetAuth>,
    /// What becomes of the path behind the base path. Default: `keepPathSuffix`.
    pub rewrite: Option<Rewrite>,
    /// Apigee's endpoint properties by their own names, as `{keepalive.timeout.millis: "30000"}`. Default: none.
    #[serde(default)]
    pub properties: IndexMap<String, String>,
    /// Steps of the requests to this target only, and of its responses.
    #[serde(default)]
    pub flow: Flow,
}

/// One server of a target, in full.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Server {
    /// The ApigeeTargetServer's name.
    pub name: String,
    /// Its share of the requests compared with the others', from 1. Default: 1.
    pub weight: Option<u32>,
    /// Whether it is called only when all others are left out. At most one is. Default: false.
    #[serde(default)]
    pub fallback: bool,
}

/// A request that tells whether a server is well.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// The path to GET.
    pub path: String,
    /// The port. Default: the target server's.
    pub port: Option<u16>,
    /// The time between two checks, in whole seconds, as `10s`. Default: `10s`.
    pub every: Option<String>,
    /// How long to wait for the connection and for the answer, in whole seconds. Default: `3s`.
    pub timeout: Option<String>,
    /// The status code of a healthy server, as a list with one entry: Apigee compares with one. Default: 200.
    pub expect: Option<Vec<u16>>,
}

/// How long to wait for a target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// For the connection, as `3s` or `200ms`. Default: 3s, as Apigee has it.
    pub connect: Option<String>,
    /// For each read of the response, as `20s`. Default: 55s, as Apigee has it.
    pub read: Option<String>,
}

/// TLS towards a target. The certificate is always checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// The keystore with the authorities to trust: its name, or `ref://NAME` of an ApigeeReference. Default: the public
    /// authorities.
    pub trust_store: Option<String>,
    /// The certificate that the proxy shows.
    pub mtls: Option<Mtls>,
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mtls {
    /// The keystore: its name, or `ref://NAME` of an ApigeeReference.
    pub key_store: String,
    /// The alias inside the keystore.
    pub key_alias: String,
}

/// A credential for the target: exactly one of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetAuth {
    /// An OpenID Connect token, as Cloud Run and Cloud Functions want it.
    pub google_id_token: Option<GoogleIdToken>,
    /// An OAuth access token, as the Google APIs want it.
    pub google_access_token: Option<GoogleAccessToken>,
    /// A user name and a password.
    pub basic: Option<BasicCredential>,
    /// A header, as for the target's own API key.
    pub header: Option<HeaderCredential>,
}

/// A user name and a password in the header `Authorization`, over what the caller sent in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BasicCredential {
    /// The user name, or its place.
    pub username: WordOr<String, SecretRef>,
    /// The password's place.
    pub password: SecretRef,
}

/// A header, over what the caller sent in it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HeaderCredential {
    /// The header's name.
    pub name: String,
    /// The value's place.
    pub value: SecretRef,
    /// What stands before the value, as `Bearer`, with a space between. Default: nothing.
    pub scheme: Option<String>,
}

/// The Google credential of a callout: exactly one of the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GoogleAuth {
    /// An OpenID Connect token, as Cloud Run and Cloud Functions want it.
    pub google_id_token: Option<GoogleIdToken>,
    /// An OAuth access token, as the Google APIs want it.
    pub google_access_token: Option<GoogleAccessToken>,
}

/// An OpenID Connect token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GoogleIdToken {
    /// The audience. Default: the target's URL.
    pub audience: Option<String>,
}

/// An OAuth access token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GoogleAccessToken {
    /// The scopes. Default: `https://www.googleapis.com/auth/cloud-platform`.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// What becomes of the path behind the base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Rewrite {
    /// It is appended to the target's path.
    KeepPathSuffix,
    /// The target's path is called as it is.
    DropPathSuffix,
}
