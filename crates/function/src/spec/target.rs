//! `targets`: the targets of a proxy.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::flow::Flow;
use super::integration::Integration;
use super::target_auth::TargetAuth;
use apigee_flux_model::yaml::word_or::{Off, WordOr};

/// The targets, or `none` for a proxy that responds without a target.
pub type Targets = WordOr<Off, Vec<Target>>;

/// One target: a `url`, `servers` that are defined as ApigeeTargetServers, or an `integration`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Target {
    /// The name of the target and of its file: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// An `https` or `http` URL. The path of the request below the base path is appended.
    pub url: Option<String>,
    /// Target servers that share the load: a name, or `{name, weight, fallback}`.
    pub servers: Option<Vec<WordOr<String, Server>>>,
    /// An integration of Application Integration. It can only be combined with `name`.
    pub integration: Option<Integration>,
    /// The path on the `servers`; the rest of the path of the request is appended. Default: `/`.
    pub path: Option<String>,
    /// The number of failures after which a server is removed from load balancing until its health check succeeds.
    /// Default: 5 with `healthCheck`; without it, servers are never removed.
    pub max_failures: Option<u32>,
    /// The health check of the `servers`.
    pub health_check: Option<HealthCheck>,
    /// Timeouts of the connection and of the response.
    pub timeouts: Option<Timeouts>,
    /// TLS to a `url`. Default: the certificate is verified with the public certificate authorities. TLS of `servers`
    /// is configured in their ApigeeTargetServers.
    pub tls: Option<Tls>,
    /// The credential to send to the target. Google credentials need `deploy.serviceAccount`.
    pub auth: Option<TargetAuth>,
    /// What happens to the path below the base path. Default: `keepPathSuffix`.
    pub rewrite: Option<Rewrite>,
    /// Endpoint properties of Apigee by their names, for example `{keepalive.timeout.millis: "30000"}`. Default: none.
    #[serde(default)]
    pub properties: IndexMap<String, String>,
    /// Steps of the requests to this target and of its responses.
    #[serde(default)]
    pub flow: Flow,
}

/// One server of a target, with load balancing settings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Server {
    /// The name of the ApigeeTargetServer.
    pub name: String,
    /// The share of requests relative to the other servers, at least 1. Default: 1.
    pub weight: Option<u32>,
    /// Whether the server is called only when all other servers are removed from load balancing. At most one server can
    /// be the fallback. Default: false.
    #[serde(default)]
    pub fallback: bool,
}

/// A request that determines whether a server is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HealthCheck {
    /// The path of the GET request.
    pub path: String,
    /// The port. Default: the port of the target server.
    pub port: Option<u16>,
    /// The interval between two checks, in whole seconds, for example `10s`. Default: `10s`.
    pub every: Option<String>,
    /// The timeout of the connection and of the response, in whole seconds. Default: `3s`.
    pub timeout: Option<String>,
    /// The status code of a healthy server, as a list with one entry: Apigee supports only one. Default: 200.
    pub expect: Option<Vec<u16>>,
}

/// Timeouts of requests to a target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// The timeout of the connection, for example `3s` or `200ms`. Default: 3s, as in Apigee.
    pub connect: Option<String>,
    /// The timeout of each read of the response, for example `20s`. Default: 55s, as in Apigee.
    pub read: Option<String>,
}

/// TLS to a target. The certificate is always verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// The keystore with the trusted certificate authorities: its name, or `ref://NAME` of an ApigeeReference. Default:
    /// the public certificate authorities.
    pub trust_store: Option<String>,
    /// The client certificate of the proxy.
    pub mtls: Option<Mtls>,
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mtls {
    /// The keystore: its name, or `ref://NAME` of an ApigeeReference.
    pub key_store: String,
    /// The alias in the keystore.
    pub key_alias: String,
}

/// What happens to the path below the base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Rewrite {
    /// It is appended to the path of the target.
    KeepPathSuffix,
    /// It is dropped: the path of the target is used as it is.
    DropPathSuffix,
}
