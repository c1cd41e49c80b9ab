//! `logging`: a log entry for each call.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::target::Tls;
use apigee_flux_model::yaml::word_or::WordOr;

/// One log entry for each call, written after the response is sent: logging does not delay the caller, and a call does
/// not fail if logging fails. Both destinations can be used together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logging {
    /// Cloud Logging. It needs `deploy.serviceAccount` with the role Logs Writer.
    pub cloud_logging: Option<CloudLogging>,
    /// A syslog server.
    pub syslog: Option<Syslog>,
}

/// A log in Cloud Logging.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloudLogging {
    /// The log, for example `apigee-orders` or `projects/acme-logs/logs/apigee`. A name without a project is a log in
    /// the project of the organization.
    pub log: String,
    /// The fields of each entry: `default` for proxy, revision, environment, verb, path, status, requestId and fault,
    /// or name → text with variables, for example `{tenant: "{request.header.x-tenant}"}`; `message.status.code` is the
    /// status of responses and errors. Variables are escaped for JSON. Variables that hold credentials are not allowed.
    /// Default: `default`.
    #[serde(default = "default_fields")]
    pub fields: WordOr<FieldsWord, IndexMap<String, String>>,
    /// Labels of each entry: name → text with variables. Default: no labels.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// The severity of the entries. Default: `info`.
    pub level: Option<Level>,
}

fn default_fields() -> WordOr<FieldsWord, IndexMap<String, String>> {
    WordOr::Word(FieldsWord::Default)
}

/// A predefined set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FieldsWord {
    /// The fields that identify a call and its result, without any content.
    Default,
}

/// A syslog server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Syslog {
    /// The name or address of the server.
    pub host: String,
    /// The port. Default: 514, or 6514 with `tls`.
    pub port: Option<u16>,
    /// The transport protocol. Default: `tcp`; with `udp`, messages can be lost unnoticed.
    pub protocol: Option<Protocol>,
    /// TLS, which needs `tcp`; `{}` verifies the certificate with the public certificate authorities. Default: no TLS.
    pub tls: Option<Tls>,
    /// Whether Apigee adds the header of RFC 5424 (priority, time, host) to the message. Default: true.
    #[serde(default = "yes")]
    pub format_message: bool,
    /// The message: text with variables. Variables are escaped as in JSON, so that a caller cannot inject lines.
    /// Variables that hold credentials are not allowed. Default: JSON with the default fields of `cloudLogging`.
    pub message: Option<String>,
    /// The severity of the messages. Default: `info`.
    pub level: Option<Level>,
}

const fn yes() -> bool {
    true
}

/// The transport protocol of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Protocol {
    /// TCP: in order and without loss.
    Tcp,
    /// UDP: without acknowledgement.
    Udp,
}

/// The severity of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Information.
    Info,
    /// A warning.
    Warn,
    /// An error.
    Error,
    /// An alert that needs immediate action.
    Alert,
}

impl Level {
    /// The keyword in Apigee.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Alert => "ALERT",
        }
    }
}
