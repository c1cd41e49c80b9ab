//! `logging`: what is written down of every call.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::target::Tls;
use apigee_flux_model::yaml::word_or::WordOr;

/// One line for each call, written when the response is on its way: the caller never waits for it, and a call never fails
/// because its log does. Both destinations may be given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logging {
    /// Cloud Logging. It needs `deploy.serviceAccount`, with the role Logs Writer.
    pub cloud_logging: Option<CloudLogging>,
    /// A syslog server.
    pub syslog: Option<Syslog>,
}

/// A log in Cloud Logging.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloudLogging {
    /// The log's name in the organization's project, as `apigee-orders`, or in full, as `projects/acme-logs/logs/apigee`.
    pub log: String,
    /// What each entry holds: `default` for proxy, revision, environment, verb, path, status, requestId and fault, or
    /// name → text with variables, as `{tenant: "{request.header.x-tenant}"}`; `message.status.code` is the status of responses
    /// and errors. Variables are escaped for JSON; those that
    /// hold credentials are refused. Default: `default`.
    #[serde(default = "default_fields")]
    pub fields: WordOr<FieldsWord, IndexMap<String, String>>,
    /// Labels of each entry: name → text with variables. Default: none.
    #[serde(default)]
    pub labels: IndexMap<String, String>,
    /// The severity of the entries. Default: `info`.
    pub level: Option<Level>,
}

fn default_fields() -> WordOr<FieldsWord, IndexMap<String, String>> {
    WordOr::Word(FieldsWord::Default)
}

/// Which fields, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FieldsWord {
    /// What is needed to find a call and to see how it ended; nothing of its content.
    Default,
}

/// A syslog server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Syslog {
    /// The server's name or address.
    pub host: String,
    /// The port. Default: 514, with `tls` 6514.
    pub port: Option<u16>,
    /// How messages travel. Default: `tcp`; `udp` loses messages without a sign.
    pub protocol: Option<Protocol>,
    /// TLS, which needs `tcp`; `{}` checks the certificate against the public authorities. Default: none.
    pub tls: Option<Tls>,
    /// Whether Apigee writes the head of RFC 5424 (priority, time, host) before the message. Default: true.
    #[serde(default = "yes")]
    pub format_message: bool,
    /// The message: text with variables. Variables are escaped as in JSON, so that nobody can start a line of their own; those
    /// that hold credentials are refused. Default: JSON with the default fields of `cloudLogging`.
    pub message: Option<String>,
    /// The severity of the messages. Default: `info`.
    pub level: Option<Level>,
}

const fn yes() -> bool {
    true
}

/// How messages travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Protocol {
    /// In order and without loss.
    Tcp,
    /// Without any confirmation.
    Udp,
}

/// How grave a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// The usual course.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
    /// Somebody must act at once.
    Alert,
}

impl Level {
    /// Apigee's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Alert => "ALERT",
        }
    }
}
