//! `ApigeeTargetServer`: a named backend host, which each environment can define differently (`environments.targetservers`).

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::collection::{Collection, Compare, NamedBy, Update};
use super::reference::keystore;
use super::{Configuration, ConfigurationSpec, Crud, ResourceReference, Scope};
use apigee_flux_model::diag::{Code, FieldPath, Report};
use apigee_flux_model::limits::texts;

/// A target server: a backend of an environment, to which proxies refer by name in `targets`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetServer {
    /// The host name or address, without a scheme.
    pub host: String,
    /// The port. Default: 443 with `tls`, 80 without.
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<u16>,
    /// A description.
    pub description: Option<String>,
    /// Whether traffic is sent to the target server. Default: `true`.
    pub enabled: Option<bool>,
    /// The protocol. Cannot be changed later. Default: `HTTP`.
    pub protocol: Option<Protocol>,
    /// The TLS settings of connections to the backend. Default: no TLS.
    pub tls: Option<Tls>,
}

/// The protocol of a target server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Protocol {
    /// HTTP/1.1.
    #[serde(rename = "HTTP")]
    Http,
    /// HTTP/2.
    #[serde(rename = "HTTP2")]
    Http2,
    /// gRPC, for the target endpoint of a gRPC proxy.
    #[serde(rename = "GRPC_TARGET")]
    GrpcTarget,
    /// gRPC, for an ExternalCallout policy.
    #[serde(rename = "EXTERNAL_CALLOUT")]
    ExternalCallout,
}

/// The TLS settings of connections to a target server (Apigee, `TlsInfo`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tls {
    /// Whether the connection fails when the server's certificate is not trusted. Default: `true`.
    pub enforce: Option<bool>,
    /// The keystore with the client's key: its name, or `ref://NAME` of an `ApigeeReference`. Requires `keyAlias`.
    pub key_store: Option<String>,
    /// The alias of the client's key in the keystore. If it is set, Apigee presents a client certificate (mutual TLS). Requires `keyStore`.
    pub key_alias: Option<String>,
    /// The keystore with the trusted certificates: its name, or `ref://NAME` of an `ApigeeReference`. Default: the public certificate
    /// authorities.
    pub trust_store: Option<String>,
    /// The host name that the server's certificate must have. Default: `host`.
    pub common_name: Option<String>,
    /// The allowed TLS versions, for example `[TLSv1.3]`. Default: Apigee's default.
    #[serde(default)]
    pub protocols: Vec<String>,
    /// The allowed cipher suites. Default: Apigee's default.
    #[serde(default)]
    pub ciphers: Vec<String>,
}

impl ConfigurationSpec for TargetServer {
    const CRUD: &'static dyn Crud = &Collection {
        path: "targetservers",
        named_by: NamedBy::Field("name"),
        update: Update::Put,
        permission: "apigee.targetservers",
        prerequisites: |wanted| {
            let tls = wanted.body.get("sSLInfo");
            let stores = ["keyStore", "trustStore"].map(|field| tls.and_then(|tls| tls.get(field)));
            stores.into_iter().filter_map(|named| keystore(wanted, named)).collect()
        },
        compare: Compare {
            server_set: &[],
            defaults: &[("protocol", "\"HTTP\"")],
            sets: &["protocols", "ciphers"],
            immutable: &["protocol"],
        },
    };
}

impl Configuration for TargetServer {
    fn scope(&self) -> Scope {
        Scope::Environment
    }

    fn body(&self, _: &str) -> Value {
        let mut body = json!({
            "host": self.host,
            "port": self.port.unwrap_or(if self.tls.is_some() { 443 } else { 80 }),
            "isEnabled": self.enabled.unwrap_or(true),
            "protocol": match self.protocol.unwrap_or(Protocol::Http) {
                Protocol::Http => "HTTP",
                Protocol::Http2 => "HTTP2",
                Protocol::GrpcTarget => "GRPC_TARGET",
                Protocol::ExternalCallout => "EXTERNAL_CALLOUT",
            },
        });
        if let Some(description) = &self.description {
            body["description"] = json!(description);
        }
        if let Some(tls) = &self.tls {
            body["sSLInfo"] = tls.body();
        }
        body
    }

    fn check(&self, name: &str, report: &mut Report<'_>) {
        let at = |keys: &[&str]| FieldPath::of(&[&["spec"], keys].concat());
        texts::TARGET_SERVER.report(name, at(&["name"]), report);
        texts::TARGET_HOST.report(&self.host, at(&["host"]), report);
        let Some(tls) = &self.tls else { return };
        if tls.key_store.is_some() != tls.key_alias.is_some() {
            let message = "`keyStore` and `keyAlias` must be set together: they select the client's key";
            report.error(Code::ConflictingFields, at(&["tls"]), message.to_owned());
        }
        for (field, store) in [("keyStore", &tls.key_store), ("trustStore", &tls.trust_store)] {
            if let Some(store) = store {
                texts::KEYSTORE.report(store.strip_prefix("ref://").unwrap_or(store), at(&["tls", field]), report);
            }
        }
        if let Some(alias) = &tls.key_alias {
            texts::ALIAS.report(alias, at(&["tls", "keyAlias"]), report);
        }
        for (index, protocol) in tls.protocols.iter().enumerate() {
            texts::TLS_PROTOCOL.report(protocol, at(&["tls", "protocols"]).index(index), report);
        }
    }

    fn references(&self) -> Vec<ResourceReference> {
        let Some(tls) = &self.tls else { return Vec::new() };
        let stores = [("keyStore", &tls.key_store), ("trustStore", &tls.trust_store)];
        let reference = |(field, store): (&str, &Option<String>)| {
            let store = store.as_deref()?;
            let (kind, name) = match store.strip_prefix("ref://") {
                Some(reference) => ("ApigeeReference", reference),
                None => ("ApigeeKeystore", store),
            };
            Some(ResourceReference { kind, name: name.to_owned(), at: FieldPath::of(&["spec", "tls", field]) })
        };
        stores.into_iter().filter_map(reference).collect()
    }
}

impl Tls {
    fn body(&self) -> Value {
        let mut body = json!({
            "enabled": true,
            "enforce": self.enforce.unwrap_or(true),
            "clientAuthEnabled": self.key_alias.is_some(),
            "protocols": self.protocols,
            "ciphers": self.ciphers,
        });
        for (field, value) in
            [("keyStore", &self.key_store), ("keyAlias", &self.key_alias), ("trustStore", &self.trust_store)]
        {
            if let Some(value) = value {
                body[field] = json!(value);
            }
        }
        if let Some(name) = &self.common_name {
            body["commonName"] = json!({"value": name});
        }
        body
    }
}
